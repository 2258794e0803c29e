import type { Risk } from '../config/step-up.ts'
import type { CustomerKey } from '../operation.ts'
import type { CustomerStore, IdentitySummary } from '../storage/customers.ts'
import type { CustomerStanding } from './confirmation.ts'

/** What a session, a code or a refresh token remembers of its login. */
export interface LoginFacts {
  /** Milliseconds; null: whenever it was. */
  readonly at: number | null
  /** The provider's id, `mail` or `passkey`; null where nothing is remembered. */
  readonly way: string | null
}

export type AccountExists = (customer: CustomerKey, login: LoginFacts) => Promise<boolean>

/** Ways in that are no provider. */
const ownWays: ReadonlySet<string> = new Set(['mail', 'passkey'])

/**
 * Whether the customer is there, did not sign out everywhere after that login, and still has the way that it came by. It is asked again
 * in what makes a session, a code or a token: an ending that was committed after the login found its customer is not overtaken.
 */
export function accountExists(customers: Pick<CustomerStore, 'readMany'>): AccountExists {
  return async (customer, { at, way }) => {
    const [row] = await customers.readMany([customer], { state: 1, tokensValidFrom: 1, identities: 1 })
    if (row === undefined || row.state !== 'active') return false
    const isOpen = ({ provider, state, endedAt }: IdentitySummary) =>
      provider === way && state === undefined && (at === null || endedAt === undefined || at > endedAt.getTime())
    if (way !== null && !ownWays.has(way) && !(row.identities ?? []).some(isOpen)) return false
    return at === null || at >= row.tokensValidFrom.getTime()
  }
}

/** Whether the customer has a factor to prove, and since when an alert stands that asks for one (`risks` of the policy's rule for sign-ins). */
export function standingOf(customers: Pick<CustomerStore, 'readMany'>, risks: ReadonlySet<Risk>) {
  return async (customer: CustomerKey): Promise<CustomerStanding> => {
    const [row] = await customers.readMany([customer], { factors: 1, alert: 1 })
    return {
      hasFactor: (row?.factors ?? []).some(({ kind }) => kind !== 'recoveryCodes'),
      alertSince: row?.alert !== undefined && risks.has(row.alert.why) ? row.alert.since : null,
    }
  }
}
