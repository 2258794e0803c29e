import { daysOf } from '../config/duration.ts'
import type { Policy } from '../config/policy.ts'
import type { Rule, RuleLeaf } from '../config/segment-rule.ts'
import type { CustomerRow, TraitValue } from '../storage/customers.ts'
import type { DerivedState } from '../storage/derived-state.ts'
import { fadesAt, scoreAt, switchName } from './affinities.ts'
import { computedDue, computedValue } from './computed-traits.ts'
import { dayOf } from './kept-event.ts'
import { pairsOf, seriesIn, totalSince } from './series.ts'

/** What a rule may read of a person for one purpose. */
export type RuleFacts = Partial<Pick<CustomerRow, 'birthYear' | 'postcode' | 'country' | 'locale' | 'traits'>> & {
  readonly state: Partial<DerivedState> | undefined
  readonly off: ReadonlySet<string>
}

const day = 86_400_000

/** Decides rules. What is not known satisfies no condition. */
export function segmentRules(policy: Policy) {
  const computed = new Map(policy.computed.map((trait) => [trait.name, trait]))
  const kinds = new Map(policy.affinities.map((kind) => [kind.kind, kind]))
  const daysIn = (event: string, within: string | undefined): number =>
    Math.min(within === undefined ? Infinity : daysOf(within), ...(policy.events.get(event)?.retention ?? []).map(daysOf))

  function holds(rule: Rule, facts: RuleFacts, now: number): boolean {
    if ('all' in rule) return rule.all.every((one) => holds(one, facts, now))
    if ('any' in rule) return rule.any.some((one) => holds(one, facts, now))
    return 'not' in rule ? !holds(rule.not, facts, now) : leafHolds(rule, facts, now)
  }

  function leafHolds(leaf: RuleLeaf, facts: RuleFacts, now: number): boolean {
    if ('profile' in leaf) return compares(facts[leaf.profile.field], leaf.profile)
    if ('trait' in leaf) return compares(traitAt(leaf.trait.name, facts, now), leaf.trait)
    if ('event' in leaf) return timesOf(leaf.event, facts, now) >= leaf.event.atLeast
    const { kind, name, atLeast } = leaf.affinity
    const known = kinds.get(kind)
    return known !== undefined && scoreAt(known, facts.state?.interests?.[kind], name, now, facts.off) >= atLeast
  }

  function traitAt(name: string, facts: RuleFacts, now: number): TraitValue | null {
    const trait = computed.get(name)
    return trait ? computedValue(trait, facts.state, now) : (facts.traits?.[name] ?? null)
  }

  function timesOf({ name, within }: { readonly name: string; readonly within?: string | undefined }, { state }: RuleFacts, now: number): number {
    return totalSince(seriesIn(state?.happened, name), dayOf(now) - daysIn(name, within) + 1)
  }

  /** When time alone may change what a condition says, milliseconds; Infinity: never. */
  function leafDue(leaf: RuleLeaf, facts: RuleFacts, now: number): number {
    const { state } = facts
    if (state === undefined || 'profile' in leaf) return Infinity
    if ('trait' in leaf) {
      const trait = computed.get(leaf.trait.name)
      return (trait && computedDue(trait, state)) ?? Infinity
    }
    if ('affinity' in leaf) {
      const { kind, name, atLeast } = leaf.affinity
      const known = kinds.get(kind)
      if (!known || facts.off.has(switchName(kind, name))) return Infinity
      return fadesAt(known, state.interests?.[kind], name, atLeast, now) ?? Infinity
    }
    const days = daysIn(leaf.event.name, leaf.event.within)
    const oldest = pairsOf(seriesIn(state.happened, leaf.event.name)).find(([one]) => one > dayOf(now) - days)?.[0]
    return oldest === undefined ? Infinity : (oldest + days) * day
  }

  return { holds, leafHolds, leafDue, traitAt, timesOf }
}

export type SegmentRules = ReturnType<typeof segmentRules>

function compares(known: TraitValue | null | undefined, { op, value }: { readonly op: string; readonly value: unknown }): boolean {
  if (known === null || known === undefined) return false
  if (typeof known === 'object') return known.some((one: string | number) => compares(one, { op, value }))
  switch (op) {
    case 'eq':
      return known === value
    case 'in':
      return Array.isArray(value) && value.includes(known)
    case 'gte':
      return typeof known === 'number' && typeof value === 'number' && known >= value
    case 'lte':
      return typeof known === 'number' && typeof value === 'number' && known <= value
    default:
      return typeof known === 'string' && typeof value === 'string' && known.startsWith(value)
  }
}
