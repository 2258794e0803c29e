import type { CustomerKey } from '../operation.ts'
import type { CustomerStanding } from './confirmation.ts'
import type { CustomerStore } from '../storage/customers.ts'

/** Whether the customer is there, and has not signed out everywhere since that login (milliseconds; null: whenever it was). */
export function accountExists(customers: Pick<CustomerStore, 'readMany'>) {
  return async (customer: CustomerKey, loggedInAt: number | null): Promise<boolean> => {
    const [row] = await customers.readMany([customer], { state: 1, tokensValidFrom: 1 })
    return row !== undefined && row.state === 'active' && (loggedInAt === null || loggedInAt >= row.tokensValidFrom.getTime())
  }
}

/** Whether the customer has a factor to prove, and since when an alert stands. */
export function standingOf(customers: Pick<CustomerStore, 'readMany'>) {
  return async (customer: CustomerKey): Promise<CustomerStanding> => {
    const [row] = await customers.readMany([customer], { factors: 1, alert: 1 })
    return { hasFactor: (row?.factors ?? []).some(({ kind }) => kind !== 'recoveryCodes'), alertSince: row?.alert?.since ?? null }
  }
}
