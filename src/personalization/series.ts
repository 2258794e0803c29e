import { createHash } from 'node:crypto'
import type { Series, Tally } from '../storage/derived-state.ts'

/** Adds whole amounts at their steps, and forgets steps before `from`. The order of additions makes no difference. */
export function added(series: Series, additions: readonly (readonly [step: number, amount: number])[], from: number): Series {
  const steps = new Map(entriesOf(series))
  for (const [step, amount] of additions) steps.set(step, (steps.get(step) ?? 0) + amount)
  return [...steps]
    .filter(([step]) => step >= from)
    .sort(([a], [b]) => a - b)
    .flat()
}

/** A series as pairs. */
export function entriesOf(series: Series): [step: number, amount: number][] {
  const pairs: [number, number][] = []
  for (let i = 0; i + 1 < series.length; i += 2) pairs.push([series[i] ?? 0, series[i + 1] ?? 0])
  return pairs
}

/** What a series adds up to from a step on. */
export function totalSince(series: Series, from: number): number {
  let total = 0
  for (let i = 0; i + 1 < series.length; i += 2) if ((series[i] ?? 0) >= from) total += series[i + 1] ?? 0
  return total
}

export interface Addition {
  readonly name: string
  readonly step: number
  readonly amount: number
}

/** The same for many names. Of more names than `most`, those stay that `keptFirst` puts first, whatever came first. */
export function addedTo(tally: Tally, additions: readonly Addition[], from: number, most: number): Tally {
  const byName = Map.groupBy(additions, ({ name }) => name)
  const names = new Map<string, Series>(tally.map(([name, ...series]) => [name, series]))
  for (const name of byName.keys()) if (!names.has(name)) names.set(name, [])
  const all = [...names].map(([name, series]): [string, Series] => {
    const more = (byName.get(name) ?? []).map(({ step, amount }) => [step, amount] as const)
    return [name, added(series, more, from)]
  })
  return keptFirst(
    all.filter(([, series]) => series.length > 0),
    most,
  )
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, series]) => [name, ...series])
}

/**
 * A bound that no order of arrival can change: the names with the lowest hashes. Whoever is kept of all was kept of any part of them, so
 * nothing of theirs was ever lost.
 */
function keptFirst<T>(all: [string, T][], most: number): [string, T][] {
  if (all.length <= most) return all
  const rank = new Map(all.map(([name]) => [name, createHash('sha256').update(name).digest('hex')]))
  return all.sort(([a], [b]) => ((rank.get(a) ?? '') < (rank.get(b) ?? '') ? -1 : 1)).slice(0, most)
}
