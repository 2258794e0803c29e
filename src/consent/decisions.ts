import type { LegalBasis, Policy, Purpose } from '../config/policy.ts'
import type { Mask } from '../operation.ts'
import type { CustomerRow, Decision } from '../storage/customers.ts'
import { isExpired } from './gate.ts'

export type ConsentState = 'NOT_ASKED' | 'GRANTED' | 'REFUSED' | 'WITHDRAWN' | 'OBJECTED' | 'PENDING' | 'OUTDATED' | 'EXPIRED'

/** One decision as the person and their clients see it. */
export interface Consent {
  readonly purpose: string
  readonly state: ConsentState
  readonly legalBasis: LegalBasis
  readonly textVersion: string | null
  readonly decidedAt: Date | null
  readonly expiresAt: Date | null
}

type Decisions = CustomerRow['decisions']

/** The decisions about the purposes in `mask`, in policy order; built-in purposes are nobody's decision. */
export function consentsOf(decisions: Decisions, policy: Policy, mask: Mask, now: number): Consent[] {
  return policy.purposes.filter((purpose) => !purpose.builtIn && (purpose.mask & mask) !== 0).map((purpose) => consentOf(purpose, decisions[purpose.id], now))
}

function consentOf(purpose: Purpose, decision: Decision | undefined, now: number): Consent {
  return {
    purpose: purpose.id,
    state: stateOf(purpose, decision, now),
    legalBasis: purpose.legalBasis,
    textVersion: decision?.textVersion ?? null,
    decidedAt: decision?.at ?? null,
    expiresAt: decision?.expiresAt ?? null,
  }
}

/** What a decision amounts to at that moment (milliseconds). */
export function stateOf(purpose: Purpose, decision: Decision | undefined, now: number): ConsentState {
  switch (decision?.state) {
    case 'granted':
      if (purpose.legalBasis !== 'CONSENT') return 'GRANTED'
      if (!purpose.validVersions.has(decision.textVersion)) return 'OUTDATED'
      return isExpired(purpose, decision, now) ? 'EXPIRED' : 'GRANTED'
    case 'refused':
      return 'REFUSED'
    case 'withdrawn':
      return 'WITHDRAWN'
    case 'objected':
      return 'OBJECTED'
    case 'pending':
      return 'PENDING'
    default:
      return 'NOT_ASKED'
  }
}

/** How a grant is written in `CustomerRow.grants`; lists search for the versions that count. */
export const grantEntry = (purpose: string, textVersion: string): string => `${purpose}@${textVersion}`

/** The two arrays that lists search by, made from the decisions they are stored with. */
export function searchable(decisions: Decisions): Pick<CustomerRow, 'grants' | 'objections'> {
  const all = Object.entries(decisions)
  return {
    grants: all.filter(([, { state }]) => state === 'granted').map(([purpose, { textVersion }]) => grantEntry(purpose, textVersion)),
    objections: all.filter(([, { state }]) => state !== 'granted').map(([purpose]) => purpose),
  }
}
