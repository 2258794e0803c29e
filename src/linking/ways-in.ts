import type { CustomerRow, IdentitySummary } from '../storage/customers.ts'

const isOpen = ({ state = 'active' }: IdentitySummary): boolean => state === 'active' || state === 'revoked'

/** Whether somebody could still sign in: with a login that its provider has not shut, or with a passkey. A code by mail is a way back, not a way in. */
export function hasWayIn({ identities, factors = [] }: Pick<CustomerRow, 'identities' | 'factors'>): boolean {
  return identities.some(isOpen) || factors.some(({ kind }) => kind === 'passkey')
}
