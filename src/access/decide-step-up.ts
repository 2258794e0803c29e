import type { ActionRule, Risk, StepUpAction } from '../config/step-up.ts'
import type { FactorKind } from '../storage/customers.ts'

/** What somebody can show to prove that they are the customer. */
export type ProofKind = 'passkey' | 'totp' | 'recoveryCode' | 'mailCode'
export type Accepted = ProofKind | 'signIn'
export type Reason = 'factorEnrolled' | 'signedInLongAgo' | 'askedByShop' | Risk

export interface StepUpFacts {
  readonly action: StepUpAction
  /** Kinds that the customer has enrolled. */
  readonly factors: ReadonlySet<FactorKind>
  /** Whether a code can be sent to an address that the customer has proved. */
  readonly mailCode: boolean
  /** How long ago the person signed in, milliseconds; null when that is not known. */
  readonly signedInAgo: number | null
  /** What was proved for this very action, and how long ago in milliseconds. */
  readonly proof: { readonly kind: ProofKind; readonly ago: number } | null
  /** Of this sign-in; elsewhere empty. */
  readonly risks: readonly Risk[]
  readonly rule: ActionRule
}

export type StepUpDecision =
  | { readonly do: 'allow'; /** There were reasons to ask, and nothing to ask for. */ readonly byWayIn?: true }
  | { readonly do: 'ask'; readonly accepted: readonly Accepted[]; readonly reasons: readonly Reason[] }

/** How long a proof counts. Milliseconds. */
export const proofLife = 600_000

/**
 * Whether somebody must prove once more who they are, with what, and why. Who has a second factor proves it for each action that guards the
 * account; who has none must have signed in lately, or shows a code from the mailbox. A sign-in asks only where a risk is seen. What is
 * accepted follows from the customer's own factors and the policy, never from the request. The rows are in `docs/step-up.md`.
 */
export function decideStepUp(f: StepUpFacts): StepUpDecision {
  const accepted = acceptedFrom(f)
  const reasons = reasonsOf(f)
  if (reasons.length === 0) return { do: 'allow' }
  if (f.proof !== null && f.proof.ago <= proofLife && accepted.includes(f.proof.kind)) return { do: 'allow' }
  // At a sign-in by somebody who has nothing further to show there is nothing to ask for: the sign-in itself was the proof.
  return f.action === 'signIn' && accepted.length === 0 ? { do: 'allow', byWayIn: true } : { do: 'ask', accepted, reasons }
}

/** Recovery codes stand in for a factor and are none themselves. */
export const hasFactor = (factors: ReadonlySet<FactorKind>): boolean => factors.has('passkey') || factors.has('totp')

function acceptedFrom({ action, factors, mailCode }: StepUpFacts): Accepted[] {
  if (hasFactor(factors)) {
    const ways = { passkey: 'passkey', totp: 'totp', recoveryCodes: 'recoveryCode' } as const
    return (['passkey', 'totp', 'recoveryCodes'] as const).filter((kind) => factors.has(kind)).map((kind) => ways[kind])
  }
  const signIn = action === 'signIn' || action === 'acr' ? [] : (['signIn'] as const)
  return [...(mailCode ? (['mailCode'] as const) : []), ...signIn]
}

function reasonsOf({ action, factors, signedInAgo, risks, rule }: StepUpFacts): Reason[] {
  if (action === 'acr') return ['askedByShop']
  const enrolled = hasFactor(factors)
  if (action === 'signIn') {
    const seen = risks.filter((risk) => rule.risks.has(risk))
    return enrolled ? seen : seen.filter((risk) => !onlyWithFactor.has(risk))
  }
  if (enrolled) return ['factorEnrolled']
  return signedInAgo !== null && signedInAgo <= rule.within ? [] : ['signedInLongAgo']
}

/** Too common, or already a proof of the mailbox: customers without a factor are told by mail and not asked. */
const onlyWithFactor: ReadonlySet<Risk> = new Set(['newDevice', 'mailWayIn'])
