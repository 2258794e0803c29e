import type { Account } from 'oidc-provider'
import type { Risk } from '../config/step-up.ts'
import { EntenteError } from '../errors.ts'
import type { CustomerKey } from '../operation.ts'
import type { IdentitySummary } from '../storage/customers.ts'
import type { JoinedReads } from '../storage/joined-reads.ts'
import type { CustomerStanding } from './confirmation.ts'

/** What a session, a code or a refresh token remembers of its login. */
export interface LoginFacts {
  /** Milliseconds; null: whenever it was. */
  readonly at: number | null
  /** The provider's id, `mail` or `passkey`; null where nothing is remembered. */
  readonly way: string | null
}

/** Null: that login counts no more. */
export type StandingAfter = (customer: CustomerKey, login: LoginFacts) => Promise<CustomerStanding | null>

/** Ways in that are no provider. */
const ownWays: ReadonlySet<string> = new Set(['mail', 'passkey'])
const asked = { state: 1, tokensValidFrom: 1, identities: 1, factors: 1, alert: 1 } as const

/**
 * Whether the customer is there, did not sign out everywhere after that login, and still has the way that it came by; and, by the same read,
 * whether there is a factor to prove and since when an alert stands that asks for one (`risks` of the policy's rule for sign-ins). It is asked
 * again in what makes a session, a code or a token: an ending that was committed after the login found its customer is not overtaken.
 */
export function standingAfter(customers: Pick<JoinedReads, 'read'>, risks: ReadonlySet<Risk>): StandingAfter {
  return async (customer, { at, way }) => {
    const row = await customers.read(customer, asked)
    if (row === null || row.state !== 'active') return null
    const isOpen = ({ provider, state, endedAt }: IdentitySummary) =>
      provider === way && state === undefined && (at === null || endedAt === undefined || at > endedAt.getTime())
    if (way !== null && !ownWays.has(way) && !(row.identities ?? []).some(isOpen)) return null
    if (at !== null && at < row.tokensValidFrom.getTime()) return null
    return {
      hasFactor: (row.factors ?? []).some(({ kind }) => kind !== 'recoveryCodes'),
      alertSince: row.alert !== undefined && risks.has(row.alert.why) ? row.alert.since : null,
    }
  }
}

const standings = new WeakMap<Account, CustomerStanding>()

/** The customer as the OpenID provider's library carries them through one request, with what was read of them at its start. */
export function accountOf(customer: CustomerKey, standing: CustomerStanding): Account {
  const account: Account = { accountId: customer, claims: () => ({ sub: customer }) }
  standings.set(account, standing)
  return account
}

export function standingOf(account: Account): CustomerStanding {
  const standing = standings.get(account)
  if (standing === undefined) throw new EntenteError('INTERNAL_SERVER_ERROR', { missing: 'standing of an account' })
  return standing
}
