import { applied, joined, pathsOf } from '../storage/applied-update.ts'
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
    insert: (tx, row) => store.insert(tx, followUp.atFirst(row, now())),
    async update(tx, key, update, state = 'active', known) {
      const paths = pathsOf(update)
      if (paths.includes('memberships') || !paths.some((path) => roots.has(rootOf(path)))) return store.update(tx, key, update, state, known)
      const before = known ?? (await store.read(key, tx))
      if (before?.state !== state) return false
      const after = applied(before, update)
      const change = followUp.between(before, after, now())
      const both = change && joined(update, change)
      if (!(await store.update(tx, key, both ?? update, state, before))) return false
      if (change && !both) await store.update(tx, key, change, after.state, after)
      return true
    },
  }
}
