import { builtInPurposes, type Policy } from '../config/policy.ts'
import type { CustomerKey } from '../operation.ts'
import type { CustomerStore } from '../storage/customers.ts'
import { consentsOf } from './decisions.ts'

const open: ReadonlySet<string> = new Set(['NOT_ASKED', 'OUTDATED', 'EXPIRED'])

/** Of these purposes, those with the basis consent that the customer has not answered as they are worded now. */
export function undecided(customers: Pick<CustomerStore, 'readMany'>, policy: Policy) {
  return async (customer: CustomerKey, purposes: readonly string[]): Promise<string[]> => {
    const [row] = await customers.readMany([customer], { decisions: 1 })
    const asked = consentsOf(row?.decisions ?? {}, policy, policy.maskOf(purposes) & ~builtInPurposes, Date.now())
    return asked.filter(({ legalBasis, state }) => legalBasis === 'CONSENT' && open.has(state)).map(({ purpose }) => purpose)
  }
}
