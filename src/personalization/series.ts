import { createHash } from 'node:crypto'
import type { Series, Tally } from '../storage/derived-state.ts'

/** Adds whole amounts at their steps, and forgets steps before `from`. The order of additions makes no difference. */
export function added(series: Series, additions: readonly (readonly [step: number, amount: number])[], from: number): Series {
  if (additions.length === 0 && (series[0] ?? from) >= from) return series
  const steps = [...series]
  for (const [step, amount] of additions) {
    // Nearly all happened today, which is at the end.
    let at = steps.length
    while (at > 0 && (steps[at - 2] ?? 0) > step) at -= 2
    if (at > 0 && steps[at - 2] === step) steps[at - 1] = (steps[at - 1] ?? 0) + amount
    else steps.splice(at, 0, step, amount)
  }
  let gone = 0
  while (gone < steps.length && (steps[gone] ?? 0) < from) gone += 2
  return gone === 0 ? steps : steps.slice(gone)
}

/** A series as pairs. */
export function pairsOf(series: Series): [step: number, amount: number][] {
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

export type TallyEntry = readonly [name: string, ...series: number[]]

/** What a tally says, in the order of its names. Rows that were not written since tallies are texts still hold the entries themselves. */
export function entriesIn(tally: Tally | readonly TallyEntry[] = ''): readonly TallyEntry[] {
  if (typeof tally !== 'string') return tally
  if (tally === '') return []
  const entries: TallyEntry[] = JSON.parse(tally)
  return entries
}

const isNumber = (part: string | number): part is number => typeof part === 'number'

export const tallyOf = (entries: readonly TallyEntry[]): Tally => (entries.length === 0 ? '' : JSON.stringify(entries))

/** The series of one name; empty where it is not there. A quote within a name is escaped, so that no name looks like the beginning of another. */
export function seriesIn(tally: Tally | readonly TallyEntry[] = '', name: string): Series {
  if (typeof tally !== 'string')
    return (
      tally
        .find(([one]) => one === name)
        ?.slice(1)
        .filter(isNumber) ?? []
    )
  const head = `[${JSON.stringify(name)},`
  const at = tally.indexOf(head)
  if (at === -1) return []
  const series: Series = JSON.parse(`[${tally.slice(at + head.length, tally.indexOf(']', at + head.length))}]`)
  return series
}

/** The same for many names. Of more names than `most`, those stay that `keptFirst` puts first, whatever came first. */
export function addedTo(tally: Tally, additions: readonly Addition[], from: number, most: number): Tally {
  const entries = entriesIn(tally)
  if (additions.length === 0 && entries.every(([, first = from]) => first >= from)) return tally
  const byName = Map.groupBy(additions, ({ name }) => name)
  const all: TallyEntry[] = []
  for (const entry of entries) {
    const [name, ...series] = entry
    const more = byName.get(name)
    byName.delete(name)
    if (more === undefined && (series[0] ?? from) >= from) all.push(entry)
    else push(all, name, added(series, (more ?? []).map(pairOf), from))
  }
  if (byName.size === 0) return tallyOf(all)
  for (const [name, more] of byName) push(all, name, added([], more.map(pairOf), from))
  return tallyOf(keptFirst(all, most).sort(([a], [b]) => (a < b ? -1 : 1)))
}

const pairOf = ({ step, amount }: Addition): readonly [step: number, amount: number] => [step, amount]

function push(all: TallyEntry[], name: string, series: Series): void {
  if (series.length > 0) all.push([name, ...series])
}

/**
 * A bound that no order of arrival can change: the names with the lowest hashes. Whoever is kept of all was kept of any part of them, so
 * nothing of theirs was ever lost.
 */
function keptFirst(all: TallyEntry[], most: number): TallyEntry[] {
  if (all.length <= most) return all
  const rank = new Map(all.map(([name]) => [name, createHash('sha256').update(name).digest('hex')]))
  return all.sort(([a], [b]) => ((rank.get(a) ?? '') < (rank.get(b) ?? '') ? -1 : 1)).slice(0, most)
}
