import { z } from 'zod'
import type { JobQueue } from '../jobs/queue.ts'
import type { CustomerKey } from '../operation.ts'
import type { Tx } from '../storage/transaction.ts'

/** Of a customer, and milliseconds. */
export const endedSessions = z.strictObject({ customer: z.string(), before: z.number() })

/**
 * Goes with `tokensValidFrom` in one transaction. From the commit on nothing that began before that moment opens anything; this takes the
 * sessions away and tells their clients, also where the process that would have done it at once is gone by then.
 */
export async function endSessionsBefore(jobs: Pick<JobQueue, 'put'>, tx: Tx, customer: CustomerKey, before: Date): Promise<void> {
  const payload = { customer, before: before.getTime() } satisfies z.infer<typeof endedSessions>
  await jobs.put({ kind: 'endSessions', id: `${customer}/${payload.before}`, payload, customer }, tx)
}
