import { isOver } from '../config/duration.ts'
import { builtInPurposes, type Policy, type Purpose } from '../config/policy.ts'
import type { CustomerKey } from '../operation.ts'
import type { CustomerRow, CustomerStore } from '../storage/customers.ts'
import type { Tx } from '../storage/transaction.ts'
import { isOldEnough } from './age.ts'
import { stateOf } from './decisions.ts'

const open: ReadonlySet<string> = new Set(['NOT_ASKED', 'OUTDATED', 'EXPIRED'])

/** Of these purposes, those with the basis consent that the customer is to be asked about now: not answered as they are worded, and not just asked. */
export function undecided(customers: Pick<CustomerStore, 'readMany'>, policy: Policy) {
  return async (customer: CustomerKey, purposes: readonly string[]): Promise<string[]> => {
    const [row] = await customers.readMany([customer], { decisions: 1, leftOpen: 1, birthYear: 1 })
    const wanted = policy.maskOf(purposes) & ~builtInPurposes
    const asked = policy.purposes.filter(({ mask, legalBasis }) => (mask & wanted) !== 0 && legalBasis === 'CONSENT')
    return asked.filter((purpose) => isToBeAsked(purpose, row, Date.now())).map(({ id }) => id)
  }
}

type Asked = Pick<CustomerRow, 'decisions' | 'leftOpen' | 'birthYear'>

/** Not who could not say yes. The pause is the policy's: without one, a no is final and an open question comes back at every sign-in. */
export function isToBeAsked(purpose: Purpose, row: Asked | undefined, now: number): boolean {
  if (!isOldEnough(purpose, row, new Date(now))) return false
  const decision = row?.decisions[purpose.id]
  const state = stateOf(purpose, decision, now)
  const pause = purpose.askAgainAfter
  if (state === 'REFUSED') return pause !== null && decision !== undefined && isOver(decision.at, pause, now)
  const left = row?.leftOpen?.[purpose.id]
  const isFresh = pause !== null && left?.textVersion === purpose.textVersion && !isOver(left.at, pause, now)
  return open.has(state) && !isFresh
}

/** Remembers which questions were shown and not answered ("deferred", ISO/IEC TS 27560), where the policy sets a pause for them. */
export function leaveOpen(parts: {
  readonly policy: Policy
  readonly customers: Pick<CustomerStore, 'update'>
  readonly transaction: <T>(customer: CustomerKey, work: (tx: Tx) => Promise<T>) => Promise<T>
  readonly now: () => Date
}) {
  return async (customer: CustomerKey, purposes: readonly string[]): Promise<void> => {
    const at = parts.now()
    const left = parts.policy.purposes.filter(({ id, askAgainAfter }) => askAgainAfter !== null && purposes.includes(id))
    if (left.length === 0) return
    const $set = Object.fromEntries(left.map(({ id, textVersion }) => [`leftOpen.${id}`, { textVersion, at }]))
    await parts.transaction(customer, (tx) => parts.customers.update(tx, customer, { $set }))
  }
}
