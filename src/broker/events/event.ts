import type { ProviderId } from '../provider.ts'

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
  readonly provider: ProviderId
  readonly kind: EventKind
  /** Of the identity that it is about, as in `Claims`; null where it names none that we could know. */
  readonly identity: { readonly issuer: string; readonly subject: string } | null
  /** When it happened, by the provider's clock. */
  readonly at: Date
  /** Why an account was disabled, in the provider's word. */
  readonly reason?: string
}

/** A notice as it was posted. */
export interface Notice {
  readonly mediaType: string
  readonly body: string
  /** The last part of the path, for a provider that posts different things to different addresses. */
  readonly topic: string | null
}

/** What a provider posts to `/webhooks/<id>`. */
export interface EventReader {
  readonly mediaType: string
  /** Of one notice, once its signature is found to be the provider's. BAD_USER_INPUT, with the failed check in the log; PROVIDER_UNAVAILABLE without keys */
  readonly read: (notice: Notice) => Promise<readonly ProviderEvent[]>
}
