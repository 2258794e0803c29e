import type { Policy } from '../config/policy.ts'
import { leavesOf } from '../config/segment-rule.ts'
import { basisOf, runsOutAt } from '../consent/gate.ts'
import { membershipEntry, type CustomerRow } from '../storage/customers.ts'
import type { RuleFacts, SegmentRules } from './segment-rules.ts'

/** What of a customer says which segments they are in. */
export type SegmentRow = Pick<CustomerRow, '_id' | 'state' | 'decisions' | 'restricted'> &
  Partial<Pick<CustomerRow, 'birthYear' | 'postcode' | 'country' | 'locale' | 'traits' | 'derived' | 'interestsOff'>>

export function factsFor(row: Omit<SegmentRow, '_id' | 'state' | 'decisions' | 'restricted'>, purpose: string): RuleFacts {
  const { birthYear, postcode, country, locale, traits } = row
  return {
    ...(birthYear !== undefined && { birthYear }),
    ...(postcode !== undefined && { postcode }),
    ...(country !== undefined && { country }),
    ...(locale !== undefined && { locale }),
    ...(traits !== undefined && { traits }),
    state: row.derived?.[purpose],
    off: new Set(row.interestsOff),
  }
}

/** Segments by purpose, where the purpose has a basis, and when time alone may change that. */
export function membershipsOf(
  policy: Policy,
  rules: SegmentRules,
  row: SegmentRow,
  now: number,
): { readonly memberships: string[]; readonly due: Date | null } {
  const basis = basisOf(row, policy, now)
  const memberships: string[] = []
  let due = Infinity
  const given = policy.purposes.filter(({ mask, builtIn }) => !builtIn && (mask & basis) !== 0)
  for (const purpose of given) {
    const facts = factsFor(row, purpose.id)
    for (const segment of policy.segments.filter(({ mask }) => (mask & purpose.mask) !== 0)) {
      if (rules.holds(segment.rule, facts, now)) memberships.push(membershipEntry(segment.id, purpose.id))
      for (const leaf of leavesOf(segment.rule)) due = Math.min(due, rules.leafDue(leaf, facts, now))
    }
  }
  // One purpose may hang on another, so whichever consent runs out first is a reason to look.
  const isHeld = memberships.length > 0 || row.derived !== undefined
  if (isHeld) due = Math.min(due, ...given.map((purpose) => runsOutAt(purpose, row.decisions[purpose.id])?.getTime() ?? Infinity))
  return { memberships, due: due === Infinity ? null : new Date(Math.max(due, now + 1)) }
}
