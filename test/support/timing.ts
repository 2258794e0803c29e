import { median, wilcoxonRankSum } from 'simple-statistics'

/** How long two things took, measured in turn. */
interface Timed {
  readonly one: readonly number[]
  readonly other: readonly number[]
}

/** Measures two things alternately, so that whatever else the machine does falls on both. Milliseconds. */
export async function inTurn(times: number, one: () => Promise<unknown>, other: () => Promise<unknown>): Promise<Timed> {
  const taken = { one: new Array<number>(), other: new Array<number>() }
  const measure = async (which: 'one' | 'other', work: () => Promise<unknown>): Promise<void> => {
    const began = performance.now()
    await work()
    taken[which].push(performance.now() - began)
  }
  for (let n = 0; n < times; n++) {
    // Who comes first changes too: the second finds what the first has warmed.
    if (n % 2 === 0) await measure('one', one)
    await measure('other', other)
    if (n % 2 === 1) await measure('one', one)
  }
  return taken
}

/** Standard deviations by which the ranks of two samples differ from those of one: Mann and Whitney's U, by its normal approximation. */
export function rankDistance({ one, other }: Timed): number {
  const [n, m] = [one.length, other.length]
  const u = wilcoxonRankSum([...one], [...other]) - (n * (n + 1)) / 2
  return Math.abs(u - (n * m) / 2) / Math.sqrt((n * m * (n + m + 1)) / 12)
}

/** Whether somebody who measures so often could tell the two: beyond chance (p < 0.001), and by more than that share of the shorter median. */
export function canBeTold(timed: Timed, share: number): boolean {
  const [a, b] = [median([...timed.one]), median([...timed.other])]
  return rankDistance(timed) > 3.3 && Math.abs(a - b) > share * Math.min(a, b)
}
