import type { ProviderEvent } from '../../linking/decide-provider-event.ts'

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
