import type { Policy } from '../config/policy.ts'
import { interestsAt } from '../personalization/affinities.ts'
import { computedValue } from '../personalization/computed-traits.ts'
import { explainer } from '../personalization/explain.ts'
import { segmentRules } from '../personalization/segment-rules.ts'
import { entriesIn } from '../personalization/series.ts'
import { membershipEntry, type CustomerRow } from '../storage/customers.ts'
import type { DerivedState } from '../storage/derived-state.ts'

/**
 * What was worked out about somebody, purpose by purpose, and the logic of it (Art. 15(1)(h) GDPR): the values of this moment, the groups with
 * their rule and which of its conditions hold, and what is kept for it. Also what no rule of today makes use of.
 */
export function derivedOf(person: CustomerRow, policy: Policy, at: Date): object {
  const now = at.getTime()
  const { derived = {}, memberships = [], interestsOff = [] } = person
  const explain = explainer(policy, segmentRules(policy))
  const locale = person.locale ?? policy.defaultLocale

  const traitsFor = (id: string, state: DerivedState | undefined) =>
    of(policy.computed, policy, id).map(({ name, compute, event, property, days, ...trait }) => ({
      name,
      value: computedValue({ ...trait, name, compute, event, property, days }, state, now),
      logic: { compute, event, property, days },
    }))
  const affinitiesFor = (id: string, state: DerivedState | undefined) =>
    of(policy.affinities, policy, id).map((kind) => ({
      kind: kind.kind,
      interests: interestsAt(kind, state?.interests[kind.kind], now, new Set(interestsOff)),
      logic: { events: Object.fromEntries(kind.weights), property: kind.property, halfLifeInDays: kind.halfLife, days: kind.days },
    }))
  const segmentsFor = (id: string) =>
    of(policy.segments, policy, id).map(({ id: segment, rule }) => {
      const why = explain(segment, person, [id], locale, now)
      return { id: segment, title: why?.title, member: memberships.includes(membershipEntry(segment, id)), rule, conditions: why?.conditions ?? [] }
    })

  const purposes = policy.purposes.filter(({ builtIn }) => !builtIn).map(({ id }) => id)
  return {
    groups: memberships,
    interestsOff,
    purposes: [...new Set([...purposes, ...Object.keys(derived)])]
      .map((id) => ({
        purpose: id,
        traits: traitsFor(id, derived[id]),
        affinities: affinitiesFor(id, derived[id]),
        segments: segmentsFor(id),
        kept: derived[id] === undefined ? null : keptOf(derived[id]),
      }))
      .filter(({ traits, affinities, segments, kept }) => traits.length + affinities.length + segments.length > 0 || kept !== null),
  }
}

const of = <T extends { readonly mask: number }>(all: readonly T[], policy: Policy, purpose: string): T[] =>
  all.filter(({ mask }) => (mask & policy.maskOf([purpose])) !== 0)

/** All of it but the keys of single events, which are the house's. */
const keptOf = ({ sums, tallies, marks, interests, happened }: DerivedState): object => ({
  sums,
  tallies: named(tallies, entriesIn),
  marks: named(marks, (all) => all.map(({ at, value }) => ({ at, value }))),
  interests: named(interests, entriesIn),
  happened: entriesIn(happened),
})

const named = <T>(all: Readonly<Record<string, T>>, shown: (value: T) => object): object =>
  Object.fromEntries(Object.entries(all).map(([name, value]) => [name, shown(value)]))
