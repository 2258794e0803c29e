import type { ComputedTrait } from '../config/personalization.ts'
import type { DerivedState, Mark, Series, Tally } from '../storage/derived-state.ts'
import type { TraitValue } from '../storage/customers.ts'
import { dayOf, effective, type KeptEvent } from './kept-event.ts'
import { added, addedTo, entriesIn, totalSince } from './series.ts'

/** Sums are kept in ten-thousandths, which add up without rounding; what no price is, is left out. */
const unit = 10_000
const largest = 100_000_000

const mostNames = 100
/** Values of one trait in that many steps of time at most. */
const mostSteps = 32

const longestName = 100

/** Days in one step of a tally: whole windows by the day are for counts and sums. */
const stepOf = ({ days }: ComputedTrait): number => Math.max(1, Math.ceil(days / mostSteps))

const firstDay = ({ days }: ComputedTrait, now: number): number => dayOf(now) - days + 1

/** The first whole step inside the window: what is gathered together ends together, and never late. */
const firstStep = (trait: ComputedTrait, now: number): number => Math.ceil(firstDay(trait, now) / stepOf(trait))

/** Counts and sums with these events too. */
export function summed(trait: ComputedTrait, series: Series, events: readonly KeptEvent[], now: number): Series {
  return added(
    series,
    events
      .map((event) => [dayOf(effective(event)), trait.compute === 'count' ? countOf(trait, event) : amountOf(trait, event)] as const)
      .filter(([, n]) => n !== 0),
    firstDay(trait, now),
  )
}

const countOf = ({ property }: ComputedTrait, event: KeptEvent): number => (property === null || event.properties[property] !== undefined ? 1 : 0)

function amountOf({ property }: ComputedTrait, event: KeptEvent): number {
  const value = event.properties[property ?? '']
  return typeof value === 'number' && Math.abs(value) <= largest ? Math.round(value * unit) : 0
}

/** Values and how often they came. */
export function tallied(trait: ComputedTrait, tally: Tally, events: readonly KeptEvent[], now: number): Tally {
  const step = stepOf(trait)
  const additions = events.flatMap((event) => {
    const name = nameIn(event, trait.property ?? '')
    return name === null ? [] : [{ name, step: Math.floor(dayOf(effective(event)) / step), amount: 1 }]
  })
  return addedTo(tally, additions, firstStep(trait, now), mostNames)
}

/** A value as a name; what is longer than a name can be is none. */
export function nameIn(event: KeptEvent, property: string): string | null {
  const value = event.properties[property]
  const name = value === undefined ? '' : String(value).trim()
  return name === '' || name.length > longestName ? null : name
}

const isBefore = (a: Mark, b: Mark): boolean => a.at < b.at || (a.at.getTime() === b.at.getTime() && a.id < b.id)

/** The last value, or the first one of each day: when that day has gone, the next one's is the first. */
export function marked(trait: ComputedTrait, marks: readonly Mark[], events: readonly KeptEvent[], now: number): readonly Mark[] {
  const said = events.flatMap((event): Mark[] => {
    const value = event.properties[trait.property ?? '']
    return value === undefined ? [] : [{ at: new Date(effective(event)), id: event.id, value }]
  })
  const inOrder = [...marks, ...said].filter(({ at }) => dayOf(at.getTime()) >= firstDay(trait, now)).sort((a, b) => (isBefore(a, b) ? -1 : 1))
  if (trait.compute === 'last') return inOrder.slice(-1)
  return inOrder.filter((mark, i) => i === 0 || dayOf(mark.at.getTime()) !== dayOf(inOrder[i - 1]?.at.getTime() ?? 0))
}

/** The value of a computed trait at a moment; null where nothing is known of the person for that purpose. */
export function computedValue(trait: ComputedTrait, state: Partial<DerivedState> | undefined, now: number): TraitValue | null {
  if (state === undefined) return null
  switch (trait.compute) {
    case 'count':
      return totalSince(state.sums?.[trait.name] ?? [], firstDay(trait, now))
    case 'sum':
      return totalSince(state.sums?.[trait.name] ?? [], firstDay(trait, now)) / unit
    case 'distinct':
      return frequent(trait, state.tallies?.[trait.name], now).length
    case 'topN':
      return frequent(trait, state.tallies?.[trait.name], now).slice(0, trait.n)
    case 'first':
    case 'last':
      return state.marks?.[trait.name]?.find(({ at }) => dayOf(at.getTime()) >= firstDay(trait, now))?.value ?? null
  }
}

/** Most frequent first; as often, in the order of the names. */
function frequent(trait: ComputedTrait, tally: Tally | undefined, now: number): string[] {
  return entriesIn(tally)
    .map(([name, ...series]): [string, number] => [name, totalSince(series, firstStep(trait, now))])
    .filter(([, times]) => times > 0)
    .sort(([a, often], [b, less]) => less - often || (a < b ? -1 : 1))
    .map(([name]) => name)
}

/** When the value may change without an event: what is oldest leaves its window. Null: never. */
export function computedDue(trait: ComputedTrait, state: Partial<DerivedState>): number | null {
  const dayEnds = (day: number): number => (day + trait.days) * 86_400_000
  const steps = entriesIn(state.tallies?.[trait.name]).map(([, first = 0]) => first * stepOf(trait))
  const [oldestDay] = state.sums?.[trait.name] ?? []
  const [oldestMark] = state.marks?.[trait.name] ?? []
  const days = [...steps, ...(oldestDay === undefined ? [] : [oldestDay]), ...(oldestMark ? [dayOf(oldestMark.at.getTime())] : [])]
  return days.length === 0 ? null : Math.min(...days.map(dayEnds))
}
