import type { JWTPayload } from 'jose'
import { z } from 'zod'
import type { GuardedPost } from '../broker/guarded-post.ts'
import type { Client } from '../config/clients.ts'
import { builtInPurposes, type Policy } from '../config/policy.ts'
import { consentsOf } from '../consent/decisions.ts'
import type { ToldChange } from '../consent/receipt.ts'
import type { JobQueue, LeasedJob } from '../jobs/queue.ts'
import { Declined, Hopeless } from '../jobs/worker.ts'
import type { Tx } from '../storage/transaction.ts'
import type { Subjects } from './subjects.ts'

/** A change that a client is told of: what it may act for and nothing else. */
const change = z.strictObject({
  client: z.string(),
  customer: z.string(),
  /** Counts the changes of the customer's decisions: a client keeps the highest. */
  version: z.int(),
  at: z.string(),
  consents: z.array(z.strictObject({ purpose: z.string(), state: z.string(), text_version: z.string().nullable(), expires_at: z.string().nullable() })),
})

export interface ToldClients {
  readonly jobs: Pick<JobQueue, 'put'>
  readonly clients: () => readonly Client[]
  readonly policy: Policy
}

/** Puts what clients are told of into the transaction of the decisions: one job for each client that acts for one of the purposes. */
export const tellClients =
  ({ jobs, clients, policy }: ToldClients) =>
  async (tx: Tx, { entry, row, after }: ToldChange): Promise<void> => {
    const decided = policy.maskOf(entry.decisions.map(({ purpose }) => purpose)) & ~builtInPurposes
    const version = row.consentVersion + 1
    for (const { id, webhookUri, purposes } of clients()) {
      if (webhookUri === undefined || (purposes & decided) === 0) continue
      const consents = consentsOf(after, policy, purposes & decided, entry.at.getTime()).map(({ purpose, state, textVersion, expiresAt }) => ({
        purpose,
        state,
        text_version: textVersion,
        expires_at: expiresAt?.toISOString() ?? null,
      }))
      const payload = { client: id, customer: row._id, version, at: entry.at.toISOString(), consents }
      await jobs.put({ kind: 'clientHook', id: `${seriesOf(payload)}${String(version).padStart(10, '0')}`, payload, customer: row._id }, tx)
    }
  }

const seriesOf = ({ client, customer }: { readonly client: string; readonly customer: string }): string => `${client}/${customer}/`

export interface HookParts {
  readonly jobs: Pick<JobQueue, 'isBehind'>
  readonly clients: { find(id: string): Client | undefined }
  readonly policy: Policy
  readonly subjects: Subjects
  readonly issuer: string
  readonly sign: (payload: JWTPayload, type: string) => Promise<string>
  readonly post: GuardedPost['post']
  readonly now: () => Date
}

/**
 * Delivers one `consent.changed`: a JWT of the type `consent-event+jwt`, posted as it is. Of one customer a client gets them in their order;
 * one that does not answer is asked again, and 410 ends it. What it may no longer act for is left out.
 */
export function clientHooks({ jobs, clients, policy, subjects, issuer, sign, post, now }: HookParts) {
  return async ({ id, payload }: Pick<LeasedJob, 'id' | 'payload'>, signal: AbortSignal): Promise<void> => {
    const said = change.safeParse(payload).data
    if (said === undefined) throw new Hopeless('not a change of consent')
    const client = clients.find(said.client)
    const consents = said.consents.filter(({ purpose }) => client !== undefined && (policy.maskOf([purpose]) & client.purposes) !== 0)
    if (client?.webhookUri === undefined || consents.length === 0) return
    if (await jobs.isBehind('clientHook', seriesOf(said), id)) throw new Error('an earlier change is still on its way')
    const event = {
      iss: issuer,
      aud: client.id,
      sub: subjects.outwardOne(client.sector, said.customer),
      iat: Math.floor(now().getTime() / 1000),
      jti: `${client.id}-${said.version}-${subjects.outwardOne(client.sector, said.customer)}`,
      event: 'consent.changed',
      consent_version: said.version,
      decided_at: said.at,
      consents,
    }
    const status = await post(client.webhookUri, { type: 'application/jwt', body: await sign(event, 'consent-event+jwt') }, signal)
    if (status === 410) throw new Declined('the client wants none')
    if (status < 200 || status > 299) throw new Error(`status ${status}`)
  }
}
