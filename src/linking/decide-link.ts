import type { CustomerKey } from '../operation.ts'

/** What is known when a provider has said who signs in. Owners are other records; `none` proofs come here without an owner. */
export interface LinkFacts {
  /** The customer who asked to add this login, if somebody did. */
  readonly asking: CustomerKey | null
  /** The customer whose login this already is. */
  readonly identityOwner: CustomerKey | null
  /** Whether its provider has said that this account is disabled or deleted. */
  readonly identityShut: boolean
  /** The customer who has proved the address that the provider names, if the provider vouches for it at all. */
  readonly addressOwner: CustomerKey | null
  /** How the provider vouches for the address now. */
  readonly proof: 'authoritative' | 'verified' | 'none'
  /** How the owner proved it then. */
  readonly ownerProof: 'authoritative' | 'verified' | null
  /** Whether that owner has another login at this very provider: to it the two are two people, and the mailbox has changed hands. */
  readonly ownerIsAnotherHere: boolean
  /** The customer who has just signed in the way known, to add a login that was refused before. */
  readonly provedOwner: CustomerKey | null
  /** Whether that way was a code to the mailbox, which shows no more than who reads it today. */
  readonly provedByMail: boolean
}

export type LinkDecision =
  | { readonly do: 'signIn'; readonly customer: CustomerKey }
  | { readonly do: 'link'; readonly customer: CustomerKey; readonly why: 'asked' | 'bothProveAddress' | 'provedKnownWay' }
  | { readonly do: 'create' }
  | { readonly do: 'refuse'; readonly code: 'IDENTITY_TAKEN' | 'LINK_REQUIRED' | 'LOGIN_DENIED' }

/**
 * From an identity to a customer. An address alone opens no account: a new login joins an existing customer only when the person asked
 * for it there, has just proved the known way in, or when the provider is authoritative for the address, the owner proved it in an
 * authoritative way too, and this provider does not know the owner as somebody else (Core 1.0, 5.7: addresses are given to new people). The rows are in `docs/linking.md`.
 */
export function decideLink(f: LinkFacts): LinkDecision {
  if (f.asking !== null) {
    if (f.identityOwner === null) return { do: 'link', customer: f.asking, why: 'asked' }
    if (f.identityOwner !== f.asking) return { do: 'refuse', code: 'IDENTITY_TAKEN' }
  }
  if (f.identityShut) return { do: 'refuse', code: 'LOGIN_DENIED' }
  if (f.identityOwner !== null) return { do: 'signIn', customer: f.identityOwner }
  if (f.addressOwner === null || f.proof === 'none') return { do: 'create' }
  const mailboxAlone = f.provedByMail && f.ownerIsAnotherHere
  if (f.provedOwner === f.addressOwner && !mailboxAlone) return { do: 'link', customer: f.addressOwner, why: 'provedKnownWay' }
  if (f.proof === 'authoritative' && f.ownerProof === 'authoritative' && !f.ownerIsAnotherHere)
    return { do: 'link', customer: f.addressOwner, why: 'bothProveAddress' }
  return { do: 'refuse', code: 'LINK_REQUIRED' }
}
