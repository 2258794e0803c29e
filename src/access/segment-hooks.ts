import { z } from 'zod'
import { basisOf } from '../consent/gate.ts'
import type { LeasedJob } from '../jobs/queue.ts'
import { Declined } from '../jobs/worker.ts'
import { segmentSeries } from '../personalization/segment-events.ts'
import { membershipEntry, type CustomerStore } from '../storage/customers.ts'
import type { HookParts } from './consent-events.ts'

/** A segment that somebody entered, or left and why: ids only. */
const move = z.strictObject({
  client: z.string(),
  customer: z.string(),
  /** Counts the changes of the customer: a client keeps the highest. */
  version: z.int(),
  segment: z.string(),
  purpose: z.string(),
  what: z.string(),
  at: z.string(),
})

export const tellsOfSegment = ({ payload }: Pick<LeasedJob, 'payload'>): boolean => move.safeParse(payload).success

/**
 * Delivers one `segment.entered` or `segment.left`: a JWT of the type `segment-event+jwt`, in the order of the customer's changes. That
 * somebody entered is told only while they are in it and may be acted upon; that they left always.
 */
export function segmentHooks(parts: HookParts & { readonly customers: Pick<CustomerStore, 'readMany'> }) {
  const { jobs, clients, policy, subjects, issuer, sign, post, now } = parts
  return async ({ id, payload }: Pick<LeasedJob, 'id' | 'payload'>, signal: AbortSignal): Promise<void> => {
    const said = move.parse(payload)
    const client = clients.find(said.client)
    const mask = policy.maskOf([said.purpose]) & (client?.purposes ?? 0)
    if (client?.webhookUri === undefined || mask === 0) return
    if (await jobs.isBehind('clientHook', segmentSeries(said), id)) throw new Error('an earlier change is still on its way')
    const entered = said.what === 'came'
    if (entered && !(await isIn(said.customer, membershipEntry(said.segment, said.purpose), mask))) return
    const sub = subjects.outwardOne(client.sector, said.customer)
    const event = {
      iss: issuer,
      aud: client.id,
      sub,
      iat: Math.floor(now().getTime() / 1000),
      jti: `${client.id}-segments-${said.version}-${said.segment}-${said.purpose}-${sub}`,
      event: entered ? 'segment.entered' : 'segment.left',
      version: said.version,
      segment: said.segment,
      purpose: said.purpose,
      at: said.at,
      ...(!entered && { reason: said.what }),
    }
    const status = await post(client.webhookUri, { type: 'application/jwt', body: await sign(event, 'segment-event+jwt') }, signal)
    if (status === 410) throw new Declined('the client wants none')
    if (status < 200 || status > 299) throw new Error(`status ${status}`)
  }

  async function isIn(customer: string, membership: string, mask: number): Promise<boolean> {
    const [row] = await parts.customers.readMany([customer], { state: 1, restricted: 1, decisions: 1, memberships: 1 })
    return row !== undefined && (row.memberships?.includes(membership) ?? false) && (basisOf(row, policy, now().getTime()) & mask) !== 0
  }
}
