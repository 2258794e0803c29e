import { traitTitle, type Policy } from '../config/policy.ts'
import { leavesOf, type Rule, type RuleLeaf } from '../config/segment-rule.ts'
import type { CustomerRow } from '../storage/customers.ts'
import { factsFor } from './memberships.ts'
import type { SegmentRules } from './segment-rules.ts'

/** Why somebody is in a segment, or is not, in words of the person. */
export interface SegmentExplanation {
  readonly id: string
  readonly title: string
  readonly member: boolean
  /** Purposes for which they are in it. */
  readonly purposes: readonly string[]
  readonly conditions: readonly { readonly text: string; readonly holds: boolean }[]
}

const words = {
  en: {
    profile: (field: string, said: string) => `Your ${field} ${said}.`,
    trait: (name: string, said: string) => `What is known as “${name}” ${said}.`,
    affinity: (name: string, kind: string, atLeast: number) => `You showed interest in “${name}” (${kind}), by a strength of at least ${atLeast}.`,
    event: (name: string, times: number, within: string) => `“${name}” happened at least ${times} times${within}.`,
    within: (duration: string) => ` within ${duration}`,
    unless: 'This must not be so:',
    operators: { eq: 'is', in: 'is one of', gte: 'is at least', lte: 'is at most', startsWith: 'begins with' },
  },
  de: {
    profile: (field: string, said: string) => `Ihre Angabe „${field}“ ${said}.`,
    trait: (name: string, said: string) => `Was wir als „${name}“ führen, ${said}.`,
    affinity: (name: string, kind: string, atLeast: number) =>
      `Sie haben Interesse an „${name}“ (${kind}) gezeigt, mit einer Stärke von mindestens ${atLeast}.`,
    event: (name: string, times: number, within: string) => `„${name}“ kam mindestens ${times}-mal vor${within}.`,
    within: (duration: string) => ` innerhalb von ${duration}`,
    unless: 'Dies darf nicht so sein:',
    operators: { eq: 'ist', in: 'ist eines von', gte: 'ist mindestens', lte: 'ist höchstens', startsWith: 'beginnt mit' },
  },
} as const

export function explainer(policy: Policy, rules: SegmentRules) {
  const segments = new Map(policy.segments.map((segment) => [segment.id, segment]))

  /** Null for an unknown segment. `held`: the purposes that have a basis. */
  return (id: string, row: CustomerRow, held: readonly string[], locale: string, now: number): SegmentExplanation | null => {
    const segment = segments.get(id)
    if (!segment) return null
    const purposes = policy.namesOf(segment.mask).filter((purpose) => held.includes(purpose))
    const given = purposes.filter((purpose) => rules.holds(segment.rule, factsFor(row, purpose), now))
    const facts = factsFor(row, given[0] ?? purposes[0] ?? '')
    const negated = new Set(negatedIn(segment.rule))
    const say = words[locale.startsWith('de') ? 'de' : 'en']
    return {
      id,
      title: segment.titles.get(locale) ?? id,
      member: given.length > 0,
      purposes: given,
      conditions: leavesOf(segment.rule).map((leaf) => ({
        text: `${negated.has(leaf) ? `${say.unless} ` : ''}${inWords(leaf, say, (name) => traitTitle(policy, name, locale) ?? name)}`,
        holds: rules.leafHolds(leaf, facts, now) !== negated.has(leaf),
      })),
    }
  }
}

function negatedIn(rule: Rule, isNegated = false): RuleLeaf[] {
  if ('all' in rule) return rule.all.flatMap((one) => negatedIn(one, isNegated))
  if ('any' in rule) return rule.any.flatMap((one) => negatedIn(one, isNegated))
  if ('not' in rule) return negatedIn(rule.not, !isNegated)
  return isNegated ? [rule] : []
}

function inWords(leaf: RuleLeaf, say: (typeof words)['en' | 'de'], called: (trait: string) => string): string {
  if ('profile' in leaf) return say.profile(leaf.profile.field, `${say.operators[leaf.profile.op]} ${listed(leaf.profile.value)}`)
  if ('trait' in leaf) return say.trait(called(leaf.trait.name), `${say.operators[leaf.trait.op]} ${listed(leaf.trait.value)}`)
  if ('affinity' in leaf) return say.affinity(leaf.affinity.name, leaf.affinity.kind, leaf.affinity.atLeast)
  const { name, atLeast, within } = leaf.event
  return say.event(name, atLeast, within === undefined ? '' : say.within(within))
}

const listed = (value: unknown): string => (Array.isArray(value) ? value.map(String).join(', ') : String(value))
