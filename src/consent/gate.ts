import { formsOf, mostSpecific, type FieldKind } from '../config/categories.ts'
import { addDuration, isOver } from '../config/duration.ts'
import { builtInPurposes, dataSubjectAccess, type DataForm, type Matchable, type Policy, type Purpose } from '../config/policy.ts'
import type { Caller, Mask } from '../operation.ts'
import type { Decision, GatedRow } from '../storage/customers.ts'

/** Why a field is withheld. What each stands for, and which one wins, is the table in `docs/gate.md`. */
export type Reason = 'CONSENT_MISSING' | 'CONSENT_WITHDRAWN' | 'OBJECTED' | 'RESTRICTED' | 'PURPOSE_NOT_GRANTED'

export interface Form {
  readonly form: DataForm
  /** Of a hash: plain, so that others can match it. */
  readonly matchable: Matchable
}

/** Which purposes cover a field, per form: made once at start. */
export interface FieldMasks {
  readonly widestFirst: readonly (Form & { readonly mask: Mask })[]
  readonly any: Mask
}

/** The part of a customer that permission hangs on. */
export type Permission = Pick<GatedRow, '_id' | 'state' | 'decisions' | 'restricted'>

/** The masks of one field. A purpose speaks by its most specific entry; a form that the field cannot take covers nothing. */
export function masksOf(field: FieldKind, policy: Policy): FieldMasks {
  const widestFirst = formsOf(field)
    .flatMap((form): Form[] =>
      form === 'HASH'
        ? [
            { form, matchable: true },
            { form, matchable: 'google' },
            { form, matchable: false },
          ]
        : [{ form, matchable: false }],
    )
    .map((form) => ({ ...form, mask: coveringMask(field.category, form, policy) }))
    .filter(({ mask }) => mask !== 0)
  return { widestFirst, any: widestFirst.reduce((all, { mask }) => all | mask, 0) }
}

function coveringMask(category: string, wanted: Form, policy: Policy): Mask {
  return policy.purposes
    .filter(({ coverage }) => {
      const entry = mostSpecific(coverage, category)
      return entry?.form === wanted.form && entry.matchable === wanted.matchable
    })
    .reduce((mask, purpose) => mask | purpose.mask, 0)
}

/** The one decision about a field: the widest form that a purpose allows which the token has and the customer gives a basis. */
export function gate(field: FieldMasks, may: Mask): Form | 'withheld' {
  for (const form of field.widestFirst) if ((form.mask & may) !== 0) return form
  return 'withheld'
}

/** Purposes that have a legal basis for this customer now (milliseconds). What is missing, unknown or unreadable gives none. */
export function basisOf(row: Permission, policy: Policy, now: number): Mask {
  if (row.state !== 'active') return 0
  if (row.restricted !== false) return builtInPurposes
  let basis = 0
  for (const purpose of policy.purposes) if (hasBasis(purpose, row.decisions, now)) basis |= purpose.mask
  return withoutUnmet(basis, policy)
}

function hasBasis(purpose: Purpose, decisions: Permission['decisions'] | undefined | null, now: number): boolean {
  if (purpose.legalBasis === 'CONTRACT' || purpose.legalBasis === 'LEGAL_OBLIGATION') return true
  if (typeof decisions !== 'object' || decisions === null) return false
  const decision = decisions[purpose.id]
  if (purpose.legalBasis === 'LEGITIMATE_INTEREST') return decision === undefined || decision?.state === 'granted'
  return decision?.state === 'granted' && purpose.validVersions.has(decision.textVersion) && !isExpired(purpose, decision, now)
}

/** A consent ends when it said it would; one from before the policy set a period ends by that period. */
export function isExpired(purpose: Purpose, decision: Decision, now: number): boolean {
  const { expiresAt, at } = decision
  if (expiresAt !== undefined) return !(expiresAt instanceof Date && expiresAt.getTime() > now)
  return purpose.validity !== null && !(at instanceof Date && !isOver(at, purpose.validity, now))
}

/** When a consent that counts will have run out by itself; null: never, or not a consent. */
export function runsOutAt(purpose: Purpose, decision: Decision | undefined): Date | null {
  if (purpose.legalBasis !== 'CONSENT' || decision === undefined) return null
  return decision.expiresAt ?? (purpose.validity === null ? null : addDuration(decision.at, purpose.validity))
}

/** A purpose that requires another has no basis without it; requirements have no cycles. */
function withoutUnmet(basis: Mask, policy: Policy): Mask {
  let left = basis
  for (const { requires, mask } of policy.purposes) if ((left & mask) !== 0 && (requires & ~left) !== 0) left &= ~mask
  return left === basis ? basis : withoutUnmet(left, policy)
}

/** Purposes of the token as far as they reach this customer: `data_subject_access` is about oneself only. */
export const tokenFor = (caller: Caller, row: Permission): Mask => (row._id === caller.customer ? caller.purposes : caller.purposes & ~dataSubjectAccess)

/** What the caller may do with this customer now. */
export const mayOf = (caller: Caller, row: Permission, policy: Policy, now: number): Mask => tokenFor(caller, row) & basisOf(row, policy, now)

/** Whether a customer exists for a client that asks by id or lists: by a purpose of its own, not by a built-in one. */
export const mayProcess = (caller: Caller, row: Permission, policy: Policy, now: number): boolean => (mayOf(caller, row, policy, now) & ~builtInPurposes) !== 0

/** The purpose that a refusal speaks about: the first in policy order that is in the token and covers the field. */
export function purposeAskedFor(field: FieldMasks, token: Mask, policy: Policy): Purpose | null {
  return policy.purposes.find(({ mask, builtIn }) => !builtIn && (mask & token & field.any) !== 0) ?? null
}

/** Why that purpose has no basis for this customer. Only the person learns of a restriction; to anybody else consent is missing. */
export function reasonOf(purpose: Purpose | null, row: Permission, toThePerson: boolean): Reason {
  if (purpose === null) return 'PURPOSE_NOT_GRANTED'
  if (row.restricted !== false) return toThePerson ? 'RESTRICTED' : 'CONSENT_MISSING'
  const state = row.decisions?.[purpose.id]?.state
  if (state === 'objected') return 'OBJECTED'
  if (state === 'withdrawn') return 'CONSENT_WITHDRAWN'
  return 'CONSENT_MISSING'
}
