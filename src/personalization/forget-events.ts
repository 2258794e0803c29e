import { z } from 'zod'
import type { Policy } from '../config/policy.ts'
import { basisOf } from '../consent/gate.ts'
import type { JobQueue } from '../jobs/queue.ts'
import { Hopeless, type JobHandler } from '../jobs/worker.ts'
import type { CustomerKey } from '../operation.ts'
import type { CustomerRow, CustomerStore } from '../storage/customers.ts'
import type { EventStore } from '../storage/events.ts'
import type { Tx } from '../storage/transaction.ts'

export interface ForgetEventsParts {
  readonly customers: Pick<CustomerStore, 'read'>
  readonly behaviour: Pick<EventStore, 'forget' | 'removeAll'>
  readonly jobs: Pick<JobQueue, 'put' | 'wake'>
  readonly policy: Policy
  readonly now: () => Date
}

type Decisions = CustomerRow['decisions']

export interface DecisionsChange {
  readonly before: Decisions
  readonly after: Decisions
  readonly change: string
  readonly notBefore?: Date
}

const errand = z.strictObject({ customer: z.string(), purposes: z.array(z.string()) })

/**
 * Events lose what they were kept for when it ends, and go when nothing is left. What is derived from them is gone with the decision itself;
 * this follows it, whichever process lives, and decides by what holds when it runs. A restriction ends nothing (Art. 18(2) GDPR).
 */
export function forgetEvents({ customers, behaviour, jobs, policy, now }: ForgetEventsParts) {
  /** Purposes that had a basis by the one and have none by the other. */
  function ended(row: CustomerRow, before: Decisions, after: Decisions): string[] {
    const at = now().getTime()
    const basis = (decisions: Decisions) => basisOf({ ...row, restricted: false, decisions }, policy, at)
    const lost = policy.namesOf(basis(before) & ~basis(after))
    return lost.filter((id) => [...policy.events.values()].some(({ purposes }) => purposes.includes(id)))
  }

  async function forget(row: CustomerRow, purposes: readonly string[]): Promise<void> {
    const standing = basisOf({ ...row, restricted: false }, policy, now().getTime())
    for (const id of purposes) {
      const isBack = (policy.maskOf([id]) & standing) !== 0
      // Who said yes again meanwhile said so of what is to come.
      const before = isBack ? row.behaviourFrom?.[id] : null
      if (before !== undefined) await behaviour.forget(row._id, id, before)
    }
  }

  const work: JobHandler = async ({ payload }) => {
    const read = errand.safeParse(payload)
    if (!read.success) throw new Hopeless('nobody to forget for')
    const { customer, purposes } = read.data
    const row = await customers.read(customer)
    if (row?.state === 'active') await forget(row, purposes)
    else if (purposes.length === 0 || row?.state !== 'merged') await behaviour.removeAll(customer)
  }

  return {
    /** For the transaction in which decisions change. `change` names it; before `notBefore` it may still be undone. */
    async follow(tx: Tx, row: CustomerRow, { before, after, change, notBefore }: DecisionsChange): Promise<void> {
      const purposes = ended(row, before, after)
      const later = notBefore === undefined ? {} : { notBefore }
      if (purposes.length > 0) await jobs.put({ kind: 'forgetEvents', id: `${row._id}/${change}`, payload: { customer: row._id, purposes }, ...later }, tx)
    },
    /** For the transaction in which somebody becomes part of another: once that can no longer be undone, their events are nobody's. */
    afterMerge: async (tx: Tx, customer: CustomerKey, merge: string, notBefore: Date): Promise<void> => {
      await jobs.put({ kind: 'forgetEvents', id: `${customer}/${merge}`, payload: { customer, purposes: [] }, notBefore }, tx)
    },
    work,
  }
}

export type ForgetEvents = ReturnType<typeof forgetEvents>
