import type { CustomerStore } from '../storage/customers.ts'
import type { FollowUp } from './follow-up.ts'

/** What a rule reads, or its permission hangs on. */
const roots = new Set(['state', 'restricted', 'decisions', 'birthYear', 'postcode', 'country', 'locale', 'traits'])
const rootOf = (path: string): string => path.split('.')[0] ?? path

/**
 * The same store, by which what was derived of somebody follows every change of them, in the transaction that makes it: who withdraws a
 * consent, writes a profile or joins two people need not think of it, and cannot forget. Whoever writes memberships has thought of it.
 */
export function segmentedCustomers(store: CustomerStore, followUp: FollowUp, now: () => Date): CustomerStore {
  return {
    ...store,
    async update(tx, key, update, state = 'active') {
      const paths = [...Object.keys(update.$set ?? {}), ...Object.keys(update.$unset ?? {})]
      if (paths.includes('memberships') || !paths.some((path) => roots.has(rootOf(path)))) return store.update(tx, key, update, state)
      const before = await store.read(key, tx)
      if (!(await store.update(tx, key, update, state))) return false
      const after = await store.read(key, tx)
      const change = before && after && followUp.between(before, after, now())
      if (change) await store.update(tx, key, change, after.state)
      return true
    },
  }
}
