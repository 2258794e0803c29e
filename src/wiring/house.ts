import { createHmac } from 'node:crypto'
import type { Logger } from 'pino'
import { alerts as alertsOf } from '../access/alerts.ts'
import { deviceReader } from '../access/devices.ts'
import { mailCodes } from '../access/mail-codes.ts'
import { mailLimits } from '../access/mail-limits.ts'
import { newDeviceLetter, notMeLinks } from '../access/not-me.ts'
import { operators as operatorsOf } from '../access/operators.ts'
import { openPlaces } from '../access/places.ts'
import { secondFactors } from '../access/second-factors.ts'
import { subjects as subjectsOf } from '../access/subjects.ts'
import { deviceLogins } from '../audit/device-logins.ts'
import { auditLog } from '../audit/log.ts'
import { loginFunnel } from '../audit/login-funnel.ts'
import type { LoginStep } from '../broker/login-pipeline.ts'
import { readProviders } from '../broker/providers-file.ts'
import { openProviders } from '../broker/providers.ts'
import { startLinking } from '../broker/start-linking.ts'
import { clientRegistry, type Client } from '../config/clients.ts'
import type { Operator } from '../config/operators.ts'
import type { Config } from '../config/env.ts'
import type { Policy } from '../config/policy.ts'
import { keyedHash } from '../consent/keyed-hash.ts'
import { views } from '../consent/view.ts'
import { customerDoor } from '../customers/door.ts'
import { buildEntenteSchema } from '../graphql/schema.ts'
import { forgetEvents } from '../personalization/forget-events.ts'
import type { Metrics } from '../http/metrics.ts'
import { reportDefect } from '../http/notices.ts'
import { mergeProofs as mergeProofsOf } from '../linking/merge-proof.ts'
import { providerGrants } from '../linking/provider-grants.ts'
import { resolveSignIn, type LinkingParts, type SignIn } from '../linking/resolve.ts'
import { post as postOf } from '../mail/post.ts'
import { derivedReader } from '../personalization/read-derived.ts'
import { codeStore, onceStore } from '../storage/redis.ts'
import { markedStorage } from './marked-storage.ts'
import type { OtherParts, Storage } from './storage.ts'

export interface Base {
  readonly config: Config
  readonly log: Logger
  readonly metrics: Metrics
  readonly storage: Storage
  readonly policy: Policy
  readonly clients: readonly Client[]
  readonly staff: readonly Operator[]
  readonly further: ReturnType<typeof readProviders>
  readonly other: OtherParts
}

/** What the house knows: providers, clients, customers and who they are. */
export async function openHouse(opened: AsyncDisposableStack, { config, log, metrics, policy, further, other, ...base }: Base) {
  const { schema, classification } = buildEntenteSchema(policy)
  const storage = markedStorage(base.storage, policy, classification, () => registry.all())
  const { db, redis, keys, rows, jobs } = storage
  const audit = opened.adopt(auditLog(rows.events), (one) => one.close())
  const missed = (error: unknown) => void reportDefect(log, error)
  const funnel = opened.adopt(loginFunnel({ store: rows.funnel, k: policy.k, failed: missed, now: () => new Date() }), (one) => one.close())
  const marks = onceStore(redis, 'counted')
  const markKey = await keys.obtain('funnel/1')
  const markOf = (mark: string) => createHmac('sha256', markKey).update(mark).digest('base64url')
  const counted = deviceLogins({ funnel, isFirst: (mark) => marks.put(markOf(mark), '1', 86_400), failed: missed })
  const unusable = (problems: readonly string[]) => log.error({ problems }, 'clients not usable')
  const registry = opened.use(await clientRegistry({ file: base.clients, collection: rows.clients, policy, unusable }))
  const providers = openProviders({ ...config.providers, further })
  const subjects = subjectsOf(await keys.obtain('subject/1'))
  const house = { name: policy.controller.name, publicUrl: config.publicUrl }
  const post = postOf({ jobs, house, providerName: (id) => providers.get(id)?.name ?? id, available: config.mail !== undefined })
  const notMe = notMeLinks(await keys.obtain('not-me/1'), config.publicUrl)
  const linking: LinkingParts = {
    db,
    ...rows,
    audit,
    keys: { identity: await keys.obtain('identity/1'), address: await keys.obtain('address/1') },
    tellNewDevice: newDeviceLetter(post, notMe),
    post,
    jobs,
    grants: providerGrants({ jobs, key: await keys.obtain('grants/1') }),
  }
  const mailKey = await keys.obtain('mail-code/1')
  const codes = mailCodes({ ...rows, codes: codeStore(redis, 'code'), limits: mailLimits(redis, mailKey), jobs, post, key: mailKey, addressKeys: linking.keys })
  const second = await secondFactors({ db, redis, keys, ...rows, audit, post, mailCodes: codes, policy, publicUrl: config.publicUrl, now: Date.now })
  const viewOf = other.viewOf ?? views({ policy, now: Date.now, readDerived: derivedReader(policy), hashFor: keyedHash(await keys.obtain('hash/1')) })
  const cursorKey = await keys.obtain('cursor/1')
  const client = (id: string) => registry.find(id)
  const customers = customerDoor({ store: rows.customers, policy, classification, viewOf, subjects, client, cursorKey, now: Date.now })
  const mergeProofs = mergeProofsOf(onceStore(redis, 'merge'))
  const login = {
    providers,
    mergeProofs,
    resolve: (signIn: SignIn) => resolveSignIn(linking, signIn),
    reached: (step: LoginStep, provider: string, outcome: string) => metrics.loginReached(step, provider, outcome),
  }
  const readDevice = deviceReader({ key: await keys.obtain('device/1'), placeOf: await openPlaces(config.geoIpFile) })
  const linkStart = startLinking({ handles: onceStore(storage.redis, 'linking'), providers, publicUrl: config.publicUrl })
  return {
    storage,
    audit,
    funnel,
    counted,
    forgetting: forgetEvents({ ...rows, jobs, policy, now: () => new Date() }),
    registry,
    subjects,
    linking,
    schema,
    classification,
    customers,
    cursorKey,
    trialKey: await keys.obtain('segment-trial/1'),
    login,
    linkStart,
    readDevice,
    notMe,
    operators: operatorsOf({ list: base.staff, ...rows, keys: linking.keys }),
    alerts: alertsOf({ db, ...rows, audit, jobs }),
    post,
    mailCodes: codes,
    ...second,
  }
}

export type House = Base & Awaited<ReturnType<typeof openHouse>>
