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
 * that, whatever the order of arrival; a deleted account never comes back. The rows are in `docs/provider-events.md`.
 */
export function decideEvent({ kind, reason, at }: Pick<ProviderEvent, 'kind' | 'reason' | 'at'>, identity: IdentityStanding): EventEffect {
  const isPast = identity.since !== null && at.getTime() < identity.since.getTime()
  const becomes = (state: IdentityState): Pick<EventEffect, 'state'> => (isPast || identity.state === 'gone' ? {} : { state })
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
      if (isPast) return {}
      if (reason === 'bulk-account') return { alert: true }
      return { ...becomes('blocked'), endSessions: true, ...(reason === 'hijacking' && { alert: true }) }
    case 'accountEnabled':
      return identity.state === 'blocked' ? becomes('active') : {}
    case 'credentialsChanged':
      return { alert: true }
    case 'addressDisabled':
      return { deliverable: false }
    case 'addressEnabled':
      return { deliverable: true }
    case 'other':
      return {}
  }
}
