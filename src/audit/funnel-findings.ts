import { errorFunction } from 'simple-statistics'
import type { FunnelStep, ShownCell } from './login-funnel.ts'

/** So many came, and so many of them got through. */
export interface Passage {
  readonly came: number
  readonly through: number
}

export const rateOf = ({ came, through }: Passage): number => (came === 0 ? 0 : Math.min(through, came) / came)

/**
 * How likely two passages would differ at least so much if both were equally good: Pearson's chi-squared test of a two-by-two table (one
 * degree of freedom), whose root is the two-proportion z. 1 where a cell expects fewer than five, for which the test is not made.
 */
export function chanceOfDifference(a: Passage, b: Passage): { readonly chiSquared: number; readonly p: number } {
  const [came, through] = [a.came + b.came, Math.min(a.through, a.came) + Math.min(b.through, b.came)]
  const overall = came === 0 ? 0 : through / came
  const smallest = Math.min(a.came, b.came) * Math.min(overall, 1 - overall)
  if (smallest < 5) return { chiSquared: 0, p: 1 }
  const chiSquared = (rateOf(a) - rateOf(b)) ** 2 / (overall * (1 - overall) * (1 / a.came + 1 / b.came))
  return { chiSquared, p: Math.min(1, Math.max(0, 1 - errorFunction(Math.sqrt(chiSquared / 2)))) }
}

const level = 0.05

export interface Variant extends Passage {
  readonly id: string
}

export interface Comparison {
  readonly chiSquared: number
  readonly p: number
  /** The one that is better beyond chance; null: nothing is known of a difference. */
  readonly better: string | null
}

const counted = (cells: readonly ShownCell[], step: FunnelStep): number => cells.reduce((sum, cell) => (cell.step === step ? sum + cell.count : sum), 0)

/** How many of the browsers that were shown a variant of the login page finished a login. */
export function variantsOf(cells: readonly ShownCell[]): Variant[] {
  const byVariant = Map.groupBy(
    cells.filter(({ variant }) => variant !== ''),
    ({ variant }) => variant,
  )
  return [...byVariant]
    .map(([id, own]) => ({ id, came: counted(own, 'shown'), through: counted(own, 'arrived') }))
    .filter(({ came }) => came > 0)
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** The two variants that were shown most; null where there are not two. */
export function comparisonOf(variants: readonly Variant[]): Comparison | null {
  const [a, b] = variants.toSorted((one, other) => other.came - one.came)
  if (a === undefined || b === undefined) return null
  const { chiSquared, p } = chanceOfDifference(a, b)
  return { chiSquared, p, better: p >= level ? null : rateOf(a) > rateOf(b) ? a.id : b.id }
}

export const dimensions = ['provider', 'device', 'client'] as const
export type Dimension = (typeof dimensions)[number]

/** A part of all logins that ends well less often than the rest of them does. */
export interface Finding extends Passage {
  readonly dimension: Dimension
  readonly value: string
  /** Rate of all the others. */
  readonly others: number
  /** Logins that would have been finished at the others' rate: what there is to win. */
  readonly lost: number
  readonly p: number
  /** What happened to most that did not finish: `cancelled`, `failed LOGIN_DENIED`, or `notBack`. */
  readonly mostly: string
}

/** What lowers drop-out most, the largest first: worse than the rest beyond chance, corrected for how many were looked at (Bonferroni). */
export function findingsOf(cells: readonly ShownCell[]): Finding[] {
  const chosen = cells.filter(({ provider }) => provider !== '')
  const groups = dimensions.flatMap((dimension) => {
    const values = new Set(chosen.map((cell) => cell[dimension]))
    return values.size < 2 ? [] : [...values].map((value) => ({ dimension, value }))
  })
  return groups
    .map(({ dimension, value }): Finding => {
      const inside = chosen.filter((cell) => cell[dimension] === value)
      const [own, rest] = [passageOf(inside), passageOf(chosen.filter((cell) => cell[dimension] !== value))]
      const { p } = chanceOfDifference(own, rest)
      const lost = Math.round(own.came * (rateOf(rest) - rateOf(own)))
      return { dimension, value, ...own, others: rateOf(rest), lost, p, mostly: mostlyOf(inside) }
    })
    .filter(({ p, lost }) => lost > 0 && p < level / groups.length)
    .sort((a, b) => b.lost - a.lost)
}

const passageOf = (cells: readonly ShownCell[]): Passage => ({ came: counted(cells, 'started'), through: counted(cells, 'finished') })

function mostlyOf(cells: readonly ShownCell[]): string {
  const ends = new Map<string, number>()
  for (const { step, outcome, count } of cells) {
    if (step !== 'cancelled' && step !== 'failed') continue
    const name = step === 'failed' ? `failed ${outcome}` : step
    ends.set(name, (ends.get(name) ?? 0) + count)
  }
  const known = counted(cells, 'started') - counted(cells, 'finished') - [...ends.values()].reduce((sum, count) => sum + count, 0)
  ends.set('notBack', Math.max(0, known))
  return [...ends].reduce((most, end) => (end[1] > most[1] ? end : most))[0]
}
