import type { FactorSummary, IdentitySummary } from '../storage/customers.ts'

/** What can be known of the ways into an account without its keys. */
interface WaysIn {
  readonly identities: readonly Pick<IdentitySummary, 'state' | 'provider'>[]
  readonly factors?: readonly Pick<FactorSummary, 'kind'>[]
}

const isOpen = ({ state = 'active' }: Pick<IdentitySummary, 'state'>): boolean => state === 'active' || state === 'revoked'

/** Whether somebody who signs in can be asked for more. Recovery codes stand in for a factor and are none themselves. */
export const hasSecondFactor = ({ factors = [] }: Pick<WaysIn, 'factors'>): boolean => factors.some(({ kind }) => kind !== 'recoveryCodes')

/** How somebody who has shown an address of this customer's may sign in as them: ids of providers, `passkey`. */
export const waysOf = ({ identities, factors = [] }: WaysIn): string[] => [
  ...new Set(identities.filter(isOpen).map(({ provider }) => provider)),
  ...(factors.some(({ kind }) => kind === 'passkey') ? ['passkey'] : []),
]

/** Whether somebody could still sign in: with a login that its provider has not shut, or with a passkey. A code by mail is a way back, not a way in. */
export function hasWayIn({ identities, factors = [] }: WaysIn): boolean {
  return identities.some(isOpen) || factors.some(({ kind }) => kind === 'passkey')
}
