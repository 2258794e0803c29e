import type { Notice, NoticeFacts } from './notices.ts'
import type { RecordedRequest } from './server.ts'
import type { Switches } from './switches.ts'

export interface NativeToken {
  readonly audience: string
  readonly nonce?: string
  readonly claims?: Readonly<Record<string, unknown>>
  readonly header?: Readonly<Record<string, unknown>>
}

/** A stranger's server, as far as the gateway can tell. What is beyond a real provider is here and under `/__sim/`. */
export interface SimulatedProvider {
  readonly url: string
  /** What it was asked, oldest first, the latest few thousand; its own `/__sim/` pages left out. */
  readonly requests: readonly RecordedRequest[]
  /** Adds to the switches that are on; see `Switches`. */
  misbehave(switches: Switches): void
  behave(): void
  forgetRequests(): void
  /** New keys at once, the old ones gone. */
  rotateKeys(): Promise<void>
  /** An ID token as the device's dialog hands it to an app. `person` is a demo person's id. */
  idToken(person: string, facts: NativeToken): Promise<string>
  /** What it would post to `<gateway>/webhooks/<provider><path>` about a person, signed as the switches say. */
  notice(person: string, facts: NoticeFacts): Notice
  /** Posts it, and gives the answer. */
  notify(gateway: string, notice: Notice): Promise<Response>
}
