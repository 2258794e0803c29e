import type { ProofKind } from './decide-step-up.ts'
import type { Amr } from './session-marks.ts'

/** What somebody shows to prove a factor of theirs. A passkey's challenge was made by `passkeys.optionsFor`. */
export type FactorProof =
  | { readonly kind: 'passkey'; readonly handle: string; readonly response: unknown }
  | { readonly kind: 'totp'; readonly code: string }
  | { readonly kind: 'recoveryCode'; readonly code: string }

/** A factor that was proved, and what tokens say of it (RFC 8176). */
export interface Proved {
  readonly kind: ProofKind
  readonly amr: readonly Amr[]
}
