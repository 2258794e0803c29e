/**
 * The gate once more, as slowly and plainly as it can be said: tables walked per field, no masks, nothing shared with `src/`. What both
 * say alike over generated policies and customers is likely meant.
 */
export interface NaivePurpose {
  readonly id: string
  readonly legalBasis: string
  readonly covers: readonly { readonly category: string; readonly form: string; readonly matchable?: boolean }[]
  readonly requires?: readonly string[]
  readonly texts: readonly { readonly version: string; readonly correctsSpellingOf?: string }[]
}

export interface NaiveField {
  readonly category: string
  readonly type: string
  readonly list: boolean
}

export interface NaiveDecision {
  readonly state: string
  readonly textVersion: string
  readonly expiresAt?: Date
}

export interface NaiveCustomer {
  readonly restricted: boolean
  readonly decisions: Readonly<Record<string, NaiveDecision>>
}

/** `FULL`, `BAND`, …, `HASH matchable`, or the reason. */
export function naiveAnswer(purposes: readonly NaivePurpose[], field: NaiveField, token: readonly string[], customer: NaiveCustomer, now: Date): string {
  const widest = ['FULL', 'HASH matchable', 'HASH', 'BAND', 'REGION', 'PRESENCE']
  const asked = purposes.filter((purpose) => token.includes(purpose.id) && formGiven(purpose, field) !== null)
  const first = asked[0]
  if (!first) return 'PURPOSE_NOT_GRANTED'
  const given = asked.filter((purpose) => hasBasis(purposes, purpose, customer, now)).map((purpose) => formGiven(purpose, field) ?? '')
  if (given.length > 0) return widest.find((form) => given.includes(form)) ?? 'nonsense'
  if (customer.restricted) return 'CONSENT_MISSING'
  const state = customer.decisions[first.id]?.state
  return state === 'withdrawn' ? 'CONSENT_WITHDRAWN' : state === 'objected' ? 'OBJECTED' : 'CONSENT_MISSING'
}

function formGiven(purpose: NaivePurpose, field: NaiveField): string | null {
  const parts = field.category.split('.')
  for (let length = parts.length; length > 0; length--) {
    const entry = purpose.covers.find(({ category }) => category === parts.slice(0, length).join('.'))
    if (!entry) continue
    const form = entry.matchable ? `${entry.form} matchable` : entry.form
    return canTake(field, entry.form) ? form : null
  }
  return null
}

function canTake({ category, type, list }: NaiveField, form: string): boolean {
  if (form === 'FULL') return true
  if (list) return false
  if (form === 'BAND') return type === 'Int'
  if (form === 'HASH') return category === 'user.contact.email'
  if (form === 'REGION') return category === 'user.contact.address.postal_code'
  return form === 'PRESENCE' && type === 'String'
}

function hasBasis(all: readonly NaivePurpose[], purpose: NaivePurpose, customer: NaiveCustomer, now: Date): boolean {
  if (customer.restricted) return false
  for (const id of purpose.requires ?? []) {
    const required = all.find((one) => one.id === id)
    if (!required || !hasBasis(all, required, customer, now)) return false
  }
  const decision = customer.decisions[purpose.id]
  if (purpose.legalBasis === 'CONTRACT' || purpose.legalBasis === 'LEGAL_OBLIGATION') return true
  if (purpose.legalBasis === 'LEGITIMATE_INTEREST') return decision === undefined || decision.state === 'granted'
  if (decision?.state !== 'granted') return false
  if (decision.expiresAt && decision.expiresAt <= now) return false
  let version = purpose.texts.at(-1)?.version
  while (version !== undefined) {
    if (version === decision.textVersion) return true
    version = purpose.texts.find((text) => text.version === version)?.correctsSpellingOf
  }
  return false
}
