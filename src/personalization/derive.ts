import type { Policy } from '../config/policy.ts'
import type { DerivedState, Series, Tally, Mark } from '../storage/derived-state.ts'
import { interested } from './affinities.ts'
import { computedValue, marked, summed, tallied } from './computed-traits.ts'
import { dayOf, effective, type KeptEvent } from './kept-event.ts'
import { membershipsOf, type SegmentRow } from './memberships.ts'
import { segmentRules } from './segment-rules.ts'
import { added, seriesIn, tallyOf, type TallyEntry } from './series.ts'

export type { EventValue, KeptEvent } from './kept-event.ts'
export type { SegmentRow } from './memberships.ts'
export type { DerivedState } from '../storage/derived-state.ts'

const nothing: DerivedState = { sums: {}, tallies: {}, marks: {}, interests: {}, happened: '' }

/**
 * Works values out of events. Per purpose: `apply` gets the events that were kept for it, so that nothing made for one purpose holds
 * anything of another.
 */
export function deriver(policy: Policy) {
  const rules = segmentRules(policy)
  const traitsOf = new Map(policy.purposes.map(({ id, mask }) => [id, policy.computed.filter((trait) => (trait.mask & mask) !== 0)]))
  const kindsOf = new Map(policy.purposes.map(({ id, mask }) => [id, policy.affinities.filter((kind) => (kind.mask & mask) !== 0)]))
  const countedFor = new Map(policy.purposes.map(({ id }) => [id, [...policy.counted].filter(([event]) => policy.events.get(event)?.purposes.includes(id))]))

  /**
   * The state with these events too, none of which is in it yet. Incremental: all events at once, one by one, or in another order give the
   * same state. What is too old by `now` (milliseconds) and what was switched off (`kind:name`) is left out; an interest's name that was
   * switched on again comes back with new events only.
   */
  function apply(state: DerivedState | undefined, purpose: string, events: readonly KeptEvent[], now: number, off: readonly string[]): DerivedState {
    const before = state ?? nothing
    const switchedOff = new Set(off)
    const byName = Map.groupBy(events, ({ name }) => name)
    const sums: Record<string, Series> = {}
    const tallies: Record<string, Tally> = {}
    const marks: Record<string, readonly Mark[]> = {}
    for (const trait of traitsOf.get(purpose) ?? []) {
      const { name, compute } = trait
      const own = byName.get(trait.event) ?? []
      if (compute === 'count' || compute === 'sum') keep(sums, name, summed(trait, before.sums[name] ?? [], own, now))
      else if (compute === 'topN' || compute === 'distinct') keep(tallies, name, tallied(trait, before.tallies[name] ?? '', own, now))
      else keep(marks, name, marked(trait, before.marks[name] ?? [], own, now))
    }
    const interests: Record<string, Tally> = {}
    for (const kind of kindsOf.get(purpose) ?? []) keep(interests, kind.kind, interested(kind, before.interests[kind.kind] ?? '', events, now, switchedOff))
    return { sums, tallies, marks, interests, happened: happened(purpose, before.happened, byName, now) }
  }

  function happened(purpose: string, before: Tally, events: ReadonlyMap<string, readonly KeptEvent[]>, now: number): Tally {
    const after = (countedFor.get(purpose) ?? []).flatMap(([event, days]): TallyEntry[] => {
      const series = seriesIn(before, event)
      const additions = (events.get(event) ?? []).map((one) => [dayOf(effective(one)), 1] as const)
      const counted = added(series, additions, dayOf(now) - days + 1)
      return counted.length === 0 ? [] : [[event, ...counted]]
    })
    return tallyOf(after.sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** Whether these events show in a computed trait: a state was worked out from the other with them. */
  function shows(before: DerivedState | undefined, after: DerivedState | undefined, purpose: string, events: readonly KeptEvent[], now: number): boolean {
    const touched = (traitsOf.get(purpose) ?? []).filter((trait) => events.some(({ name }) => name === trait.event))
    return touched.some((trait) => JSON.stringify(computedValue(trait, before, now)) !== JSON.stringify(computedValue(trait, after, now)))
  }

  return {
    apply,
    shows,
    /** From the row's profile, traits and derived states, for each purpose that has a basis now. */
    memberships: (row: SegmentRow, now: number): { readonly memberships: string[]; readonly due: Date | null } => membershipsOf(policy, rules, row, now),
  }
}

export type Deriver = ReturnType<typeof deriver>

function keep<T extends { readonly length: number }>(all: Record<string, T>, name: string, value: T): void {
  if (value.length > 0) all[name] = value
}
