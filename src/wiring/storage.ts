import type { Connection } from 'mongoose'
import type { Logger } from 'pino'
import type { Config } from '../config/env.ts'
import type { ViewOf } from '../consent/view.ts'
import type { GraphqlParts } from '../graphql/pipeline.ts'
import { jobQueue } from '../jobs/queue.ts'
import { alertStore } from '../storage/alerts.ts'
import { anonymousEventStore } from '../storage/anonymous-events.ts'
import { audienceChangeStore } from '../storage/audience-changes.ts'
import { audienceReceiverStore } from '../storage/audience-receivers.ts'
import { auditStore } from '../storage/audit-log.ts'
import { checkpointStore } from '../storage/checkpoints.ts'
import { clientChangeStore } from '../storage/client-changes.ts'
import { clientStore } from '../storage/clients.ts'
import { ledgerStore } from '../storage/consent-ledger.ts'
import { customerBatches } from '../storage/customer-batches.ts'
import { customerKeyStore } from '../storage/customer-keys.ts'
import { credentialStore } from '../storage/credentials.ts'
import { customerStore } from '../storage/customers.ts'
import { emailStore } from '../storage/emails.ts'
import { erasureStore } from '../storage/erasures.ts'
import { eventStore } from '../storage/events.ts'
import { exportStore } from '../storage/exports.ts'
import { guessStore } from '../storage/guesses.ts'
import { heldDataStore } from '../storage/held-data.ts'
import { identityStore } from '../storage/identities.ts'
import { jobStore } from '../storage/jobs.ts'
import { keyStore } from '../storage/keys.ts'
import { leaseStore } from '../storage/leases.ts'
import { funnelStore } from '../storage/login-funnel.ts'
import { mergeStore } from '../storage/merges.ts'
import { openMongo, prepareCollections } from '../storage/mongo.ts'
import { privacyRequestStore } from '../storage/privacy-requests.ts'
import { ruleWalkStore } from '../storage/rule-walks.ts'
import { seenAttributeStore } from '../storage/seen-attributes.ts'
import { seenScopeStore } from '../storage/seen-scopes.ts'
import { openIdRecords } from '../storage/openid-records.ts'
import { openRedis, type RedisConnection } from '../storage/redis.ts'
import { inTime } from '../storage/within.ts'

/** For tests and benchmarks: other parts in the place of the usual ones. */
export interface OtherParts {
  readonly viewOf?: ViewOf
  readonly readAudit?: GraphqlParts['audit']
  readonly log?: Logger
  readonly watchCommands?: (db: Connection) => void
}

export type Storage = Awaited<ReturnType<typeof openStorage>>

export async function openStorage(opened: AsyncDisposableStack, config: Config, other: OtherParts) {
  const db = opened.adopt(await openMongo(config.mongoUri, { monitorCommands: other.watchCommands !== undefined }), (one) => one.close())
  other.watchCommands?.(db)
  const redis: RedisConnection = opened.adopt(await openRedis(config.redisUrl, config.redisPrefix), (one) => one.disconnect())
  const keys = keyStore(db, { current: config.secret, ...(config.previousSecret !== undefined && { previous: config.previousSecret }) })
  const rows = {
    customers: inTime(customerStore(db)),
    identities: inTime(identityStore(db)),
    emails: inTime(emailStore(db)),
    credentials: inTime(credentialStore(db)),
    guessed: inTime(guessStore(db)),
    ledger: inTime(ledgerStore(db)),
    events: inTime(auditStore(db)),
    // In transactions, which have their time; and streamed.
    behaviour: eventStore(db),
    anonymous: anonymousEventStore(db),
    batches: customerBatches(db),
    clients: inTime(clientStore(db)),
    clientChanges: inTime(clientChangeStore(db)),
    jobs: inTime(jobStore(db)),
    leases: inTime(leaseStore(db)),
    funnel: inTime(funnelStore(db)),
    operatorAlerts: inTime(alertStore(db)),
    exports: inTime(exportStore(db, await keys.obtain('export/1'))),
    erasures: inTime(erasureStore(db)),
    backupKeys: customerKeyStore(db, await keys.obtain('customer-keys/1')),
    held: inTime(heldDataStore(db, await keys.obtain('held/1'))),
    requests: inTime(privacyRequestStore(db)),
    ruleWalks: inTime(ruleWalkStore(db)),
    seenScopes: inTime(seenScopeStore(db)),
    seenAttributes: inTime(seenAttributeStore(db)),
    audienceChanges: inTime(audienceChangeStore(db)),
    audienceReceivers: inTime(audienceReceiverStore(db)),
    merges: inTime(mergeStore(db, await keys.obtain('merge/1'))),
  }
  const records = inTime(openIdRecords(db, await keys.obtain('openid/1')))
  const jobs = jobQueue({ store: rows.jobs, key: await keys.obtain('jobs/1') })
  // Streams what is long, each batch in its own time.
  const proofs = checkpointStore(db)
  await prepareCollections(db)
  return { db, redis, keys, rows, records, jobs, proofs }
}
