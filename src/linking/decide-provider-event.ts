import type { IdentityState } from '../storage/identities.ts'

/** What a provider can tell about an account of its own, in our words. */
export const eventKinds = [
  /** The person signed out of everything there, or the provider did it for them. */
  'sessionsRevoked',
  /** The person took back what they allowed our application. */
  'grantRevoked',
  'accountDisabled',
  'accountEnabled',
  'accountDeleted',
  'credentialsChanged',
  /** Mail to the address that the provider gave us no longer arrives, or does again. */
  'addressDisabled',
  'addressEnabled',
  /** What this provider told us about the person is to be deleted. */
  'dataDeletion',
  /** Genuine, and nothing to do: a test, or a kind that came later than this code. */
  'other',
] as const
export type EventKind = (typeof eventKinds)[number]

export interface ProviderEvent {
  /** Its own name at that provider (`jti`), or a digest of what came: the same event has the same. */
  readonly id: string
  /** Id of the provider's configuration. */
  readonly provider: string
  readonly kind: EventKind
  /** Of the identity that it is about, as in `Claims`; null where it names none that we could know. */
  readonly identity: { readonly issuer: string; readonly subject: string } | null
  /** When it happened, by the provider's clock. */
  readonly at: Date
  /** Why an account was disabled, in the provider's word. */
  readonly reason?: string
}

/** What is known of the identity that an event is about. */
export interface IdentityStanding {
  readonly state: IdentityState
  /** When what it is now happened, by the provider's clock. */
  readonly since: Date | null
  /** When the provider last said whether mail to its address arrives, by its clock. */
  readonly addressSince: Date | null
}

/** What follows from an event; what is not named stays as it is. */
export interface EventEffect {
  readonly state?: IdentityState
  /** Sessions and tokens that began with this identity end. */
  readonly endSessions?: true
  /** Asks for more than a login the next time. */
  readonly alert?: true
  /** Whether mail to the address from this provider arrives. */
  readonly deliverable?: boolean
  /** What this provider said about the person is deleted. */
  readonly forget?: true
}

/**
 * From what a provider tells to what happens here. An event older than the one that made the identity what it is changes nothing about
 * that, and likewise for its address, whatever the order of arrival; what it ends, it ends all the same. A deleted account never comes
 * back. The rows are in `docs/provider-events.md`.
 */
export function decideEvent({ kind, reason, at }: Pick<ProviderEvent, 'kind' | 'reason' | 'at'>, identity: IdentityStanding): EventEffect {
  const isBefore = (other: Date | null) => other !== null && at.getTime() < other.getTime()
  const becomes = (state: IdentityState): Pick<EventEffect, 'state'> => (isBefore(identity.since) || identity.state === 'gone' ? {} : { state })
  const arrives = (deliverable: boolean): EventEffect => (isBefore(identity.addressSince) ? {} : { deliverable })
  switch (kind) {
    case 'sessionsRevoked':
      return { endSessions: true }
    case 'grantRevoked':
      return { ...becomes('revoked'), endSessions: true }
    case 'dataDeletion':
      return { ...becomes('revoked'), endSessions: true, forget: true }
    case 'accountDeleted':
      return { state: 'gone', endSessions: true }
    case 'accountDisabled':
      if (reason === 'bulk-account') return { alert: true }
      return { ...becomes('blocked'), endSessions: true, ...(reason === 'hijacking' && { alert: true }) }
    case 'accountEnabled':
      // Of one that is active it is known from now on that an older notice shuts it no more.
      return identity.state === 'revoked' ? {} : becomes('active')
    case 'credentialsChanged':
      return { alert: true }
    case 'addressDisabled':
      return arrives(false)
    case 'addressEnabled':
      return arrives(true)
    case 'other':
      return {}
  }
}
