import { addDuration } from '../config/duration.ts'
import type { Policy, Purpose } from '../config/policy.ts'
import { EntenteError } from '../errors.ts'
import type { LedgerDecision, LedgerRow } from '../storage/consent-ledger.ts'
import type { CustomerRow, Decision, DecisionState } from '../storage/customers.ts'
import { stateOf } from './decisions.ts'

/** What a client passes on from the person. */
export interface DecisionInput {
  readonly purpose: string
  readonly granted: boolean
  /** The version that was shown; needed for a yes. */
  readonly textVersion?: string | null
}

/** One answer of the person about a purpose that is theirs to decide. */
export interface Choice {
  readonly purpose: Purpose
  readonly granted: boolean
  readonly textVersion: string | null
  /** What it amounts to, where the answer alone does not say so: a browser's signal objects, a followed link confirms. */
  readonly state?: 'objected' | 'granted'
}

const mostDecisions = 50

/** The answers, each about another decidable purpose: all of them or BAD_USER_INPUT. */
export function choicesOf(inputs: readonly DecisionInput[], policy: Policy): Choice[] {
  if (inputs.length === 0 || inputs.length > mostDecisions) throw new EntenteError('BAD_USER_INPUT', { decisions: inputs.length }, { field: 'decisions' })
  const seen = new Set<string>()
  return inputs.map(({ purpose: id, granted, textVersion }, i) => {
    const purpose = policy.purpose(id)
    if (!purpose || !isDecidable(purpose) || seen.has(id)) throw new EntenteError('BAD_USER_INPUT', { decision: i }, { field: `decisions.${i}.purpose` })
    seen.add(id)
    return { purpose, granted, textVersion: textVersion ?? null }
  })
}

/** A contract and a duty are nobody's decision. */
const isDecidable = ({ builtIn, legalBasis }: Purpose): boolean => !builtIn && (legalBasis === 'CONSENT' || legalBasis === 'LEGITIMATE_INTEREST')

/** A yes is to the text in use. CONSENT_TEXT_OUTDATED */
export function requireCurrentTexts(choices: readonly Choice[]): void {
  const outdated = choices.findIndex(({ granted, textVersion, purpose }) => granted && textVersion !== purpose.textVersion)
  if (outdated >= 0) throw new EntenteError('CONSENT_TEXT_OUTDATED', { decision: outdated }, { field: `decisions.${outdated}.textVersion` })
}

/** What the ledger says about a choice, given what was in force. */
export function recorded({ purpose, granted, state: meant }: Choice, before: Decision | undefined, locale: string, at: Date): LedgerDecision {
  const state = meant ?? (granted ? assent(purpose, before, at) : refusal(purpose, before))
  const ends = state === 'granted' && purpose.legalBasis === 'CONSENT' && purpose.validity !== null ? { expiresAt: addDuration(at, purpose.validity) } : {}
  const textHash = purpose.texts.get(locale)?.hash ?? ''
  return { purpose: purpose.id, state, textVersion: purpose.textVersion, textHash, locale, ...ends }
}

/** A yes that is to be confirmed waits; one that counts already is only said once more. */
function assent(purpose: Purpose, before: Decision | undefined, at: Date): DecisionState {
  return purpose.confirm === null || stateOf(purpose, before, at.getTime()) === 'GRANTED' ? 'granted' : 'pending'
}

/** How long the link in a letter that asks for confirmation works. Milliseconds. */
export const confirmableFor = 7 * 86_400_000

/** Whether a letter for just this is on its way already: then it is waited for, and no other one is written. */
const isAwaited = (before: Decision | undefined, textVersion: string, at: Date): boolean =>
  before?.state === 'pending' && before.textVersion === textVersion && at.getTime() < before.at.getTime() + confirmableFor

/** A no to what was agreed to takes it back; a no once more leaves the stronger word. */
function refusal(purpose: Purpose, before: Decision | undefined): DecisionState {
  if (purpose.legalBasis === 'LEGITIMATE_INTEREST' || before?.state === 'objected') return 'objected'
  return before?.state === 'granted' || before?.state === 'withdrawn' ? 'withdrawn' : 'refused'
}

type Decisions = CustomerRow['decisions']

/**
 * The decisions in force after these. To lift an objection leaves no decision, as before it: were it kept as a yes, it would pass for
 * consent on the day the purpose is moved to that basis.
 */
export function inForce(before: Decisions, recordedNow: readonly LedgerDecision[], at: Date, policy: Policy): Decisions {
  const after = { ...before }
  for (const { purpose, state, textVersion, expiresAt } of recordedNow) {
    if (state === 'granted' && policy.purpose(purpose)?.legalBasis === 'LEGITIMATE_INTEREST') delete after[purpose]
    else if (state !== 'pending' || !isAwaited(after[purpose], textVersion, at))
      after[purpose] = { state, textVersion, at, ...(expiresAt ? { expiresAt } : {}) }
  }
  return after
}

/** The decisions in force after these entries of one chain. */
export function replayed(entries: readonly Pick<LedgerRow, 'decisions' | 'at' | 'turn'>[], policy: Policy): Decisions {
  return entries.reduce<Decisions>((before, { turn, decisions, at }) => turn?.inForce ?? inForce(before, decisions, at, policy), {})
}
