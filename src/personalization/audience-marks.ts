import type { Policy } from '../config/policy.ts'
import { basisOf } from '../consent/gate.ts'
import { stateOf } from '../consent/decisions.ts'
import type { AudienceChange, Gone } from '../storage/audience-changes.ts'
import type { MemberFacts } from '../storage/customers.ts'

/** The two halves of `segment@purpose`. */
export const segmentOf = (audience: string): string => audience.slice(0, audience.lastIndexOf('@'))
export const purposeOf = (audience: string): string => audience.slice(audience.lastIndexOf('@') + 1)

/**
 * What audiences are told when a customer changes: who came, and who is gone and why. Whoever is in both is told of when `isTold` says
 * that something changed that is shown for that purpose. Pure.
 */
export function marksBetween(before: MemberFacts, after: MemberFacts, policy: Policy, now: number, isTold: (purpose: string) => boolean): AudienceChange[] {
  const customer = after._id
  const were = new Set(before.memberships?.filter((audience) => wasTold(before, purposeOf(audience), policy, now)))
  const are = new Set(after.memberships?.filter((audience) => hasBasis(after, purposeOf(audience), policy, now)))
  const gone = [...were]
    .filter((audience) => !are.has(audience))
    .map((audience) => ({ audience, customer, what: reason(after, purposeOf(audience), policy, now) }))
  const here = [...are].flatMap((audience): AudienceChange[] =>
    were.has(audience) ? (isTold(purposeOf(audience)) ? [{ audience, customer, what: 'changed' }] : []) : [{ audience, customer, what: 'came' }],
  )
  return [...gone, ...here]
}

const hasBasis = (row: MemberFacts, purpose: string, policy: Policy, now: number): boolean => (policy.maskOf([purpose]) & basisOf(row, policy, now)) !== 0

/** Whose consent ran out without anybody writing it is still held by those who were told of them. */
const wasTold = (row: MemberFacts, purpose: string, policy: Policy, now: number): boolean =>
  hasBasis(row, purpose, policy, now) || reason(row, purpose, policy, now) === 'expired'

/** Why somebody is not, or no longer, of an audience for this purpose. */
export function reason(row: Omit<MemberFacts, 'memberships'>, id: string, policy: Policy, now: number): Gone {
  if (row.state !== 'active') return row.state
  if (row.restricted !== false) return 'restricted'
  const purpose = policy.purpose(id)
  if (purpose === undefined) return 'left'
  switch (stateOf(purpose, row.decisions[id], now)) {
    case 'OBJECTED':
      return 'objected'
    case 'EXPIRED':
    case 'OUTDATED':
      return 'expired'
    case 'GRANTED':
      return (basisOf(row, policy, now) & purpose.mask) === 0 ? 'withdrawn' : 'left'
    case 'NOT_ASKED':
      return purpose.legalBasis === 'CONSENT' ? 'withdrawn' : 'left'
    default:
      return 'withdrawn'
  }
}
