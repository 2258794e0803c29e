import type { Claims } from '../linking/claims.ts'
import type { EventReader } from './events/event.ts'

export type { Claims } from '../linking/claims.ts'

export type ProviderId = string

/** One run through a provider: what was sent there and must come back. Kept in Redis, taken once. */
export interface LoginTransaction {
  readonly provider: ProviderId
  readonly redirectUri: string
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
  readonly loginHint?: string
  readonly locale?: string
  /** What it is for: an OpenID interaction of this browser, or linking to a signed-in customer. */
  readonly goal: LoginGoal
  /** Milliseconds since the epoch. */
  readonly startedAt: number
}

export type LoginGoal =
  | { readonly kind: 'signIn'; readonly interaction: string }
  | {
      readonly kind: 'link'
      readonly customer: string
      readonly grant: string
      readonly clientId: string
      readonly returnTo: string
    }

/** What the provider sent to our callback, by query or by form; single values only. */
export interface Callback {
  readonly method: 'GET' | 'POST'
  /** Of `code`, `state`, `iss`, `error`, `user` (Apple), and whatever else came, once each. */
  readonly parameters: Readonly<Record<string, string>>
}

/** One identity provider in its own dialect. Knows nothing of customers, sessions or storage. */
export interface Provider {
  readonly id: ProviderId
  readonly name: string
  /** How the answer comes to `/login/<id>/callback`. */
  readonly responseMode: 'query' | 'form_post'
  /** False while the circuit is open. */
  available(): boolean
  /** PROVIDER_UNAVAILABLE */
  authorizationUrl(login: LoginTransaction): Promise<URL>
  /** LOGIN_DENIED PROVIDER_UNAVAILABLE */
  exchange(login: LoginTransaction, callback: Callback): Promise<Claims>
  /** For tokens that the device's own dialog gave; `audiences` are the client's registered app ids. LOGIN_DENIED PROVIDER_UNAVAILABLE BAD_USER_INPUT */
  readonly idToken?: { verify(token: string, expected: { readonly nonce: string; readonly audiences: readonly string[] }): Promise<Claims> }
  /** Ends our access to an account there, by `Claims.grant`; one that has ended already is fine. PROVIDER_UNAVAILABLE */
  readonly revoke?: (grant: string) => Promise<void>
  /** For what the provider tells of its own accord. */
  readonly events?: EventReader
}
