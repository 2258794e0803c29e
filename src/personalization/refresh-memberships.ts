import type { Connection } from 'mongoose'
import type { CustomerStore } from '../storage/customers.ts'
import type { LeaseStore } from '../storage/leases.ts'
import { inTransaction } from '../storage/transaction.ts'
import type { FollowUp } from './follow-up.ts'

export interface RefreshParts {
  readonly db: Connection
  readonly customers: Pick<CustomerStore, 'read' | 'update' | 'dueForSegments'>
  readonly leases: LeaseStore
  readonly followUp: FollowUp
  readonly holder: string
  readonly now: () => Date
}

const lease = 'memberships'
const leaseFor = 60_000
const atOnce = 200

/** What time alone changes: windows pass, interests fade, consents run out. One process at a time; what it left undone is due again. */
export function refreshMemberships({ db, customers, leases, followUp, holder, now }: RefreshParts) {
  return async (): Promise<void> => {
    const at = now()
    if (!(await leases.claim(lease, holder, at, new Date(at.getTime() + leaseFor)))) return
    for (const key of await customers.dueForSegments(at, atOnce))
      await inTransaction(db, key, async (tx) => {
        const row = await customers.read(key, tx)
        if (row?.state !== 'active' || row.membershipsDue === undefined || row.membershipsDue > at) return
        const change = followUp.afterTime(row, at)
        if (change) await customers.update(tx, key, change)
      })
  }
}
