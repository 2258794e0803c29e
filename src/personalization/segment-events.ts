import type { Client } from '../config/clients.ts'
import { builtInPurposes, type Policy } from '../config/policy.ts'
import type { JobQueue } from '../jobs/queue.ts'
import type { AudienceChange } from '../storage/audience-changes.ts'
import type { Tx } from '../storage/transaction.ts'
import { purposeOf, segmentOf } from './audience-marks.ts'

export interface ToldOfSegments {
  readonly jobs: Pick<JobQueue, 'put'>
  readonly clients: () => readonly Client[]
  readonly policy: Policy
}

/** The jobs of one customer at one client, in the order in which they are to be done. */
export const segmentSeries = ({ client, customer }: { readonly client: string; readonly customer: string }): string => `${client}/${customer}/segments/`

/**
 * Puts into the transaction of a change that clients are told who entered or left which segment: each client that acts for the purpose and
 * says where. `version` counts the changes of the customer.
 */
export const tellSegments =
  ({ jobs, clients, policy }: ToldOfSegments) =>
  async (tx: Tx, marks: readonly AudienceChange[], version: number, at: Date): Promise<void> => {
    const moves = marks.filter(({ what }) => what !== 'changed')
    for (const { id: client, webhookUri, purposes } of moves.length === 0 ? [] : clients()) {
      if (webhookUri === undefined) continue
      for (const [n, { audience, customer, what }] of moves.entries()) {
        if ((policy.maskOf([purposeOf(audience)]) & purposes & ~builtInPurposes) === 0) continue
        const payload = { client, customer, version, segment: segmentOf(audience), purpose: purposeOf(audience), what, at: at.toISOString() }
        const id = `${segmentSeries(payload)}${String(version).padStart(10, '0')}.${String(n).padStart(3, '0')}`
        await jobs.put({ kind: 'clientHook', id, payload, customer }, tx)
      }
    }
  }
