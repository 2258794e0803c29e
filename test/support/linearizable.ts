/** A read or a write of one register, by the clock of the one process that began all of them. */
export interface Operation {
  readonly does: 'read' | 'write'
  readonly value: boolean
  readonly began: number
  readonly ended: number
  /** Where and how, for people. */
  readonly by: string
}

interface Possible {
  readonly value: boolean
  /** Under way, and yet in force already (or read already). */
  readonly passed: ReadonlySet<Operation>
}

/**
 * The first operation after which no order explains the history any more: none that respects which answer came before which question, and
 * in which each read gives what was written last (Herlihy and Wing, 1990). Null for a history that is linearizable. What may have happened
 * is carried from event to event (Lowe, 2017), so it costs by how many are under way at once and not by how long it goes on.
 */
export function unexplained(history: readonly Operation[], initial: boolean): Operation | null {
  const events = history.flatMap((one) => [
    { at: one.began, one, ends: false },
    { at: one.ended, one, ends: true },
  ])
  // Of two at the same instant the beginning comes first: then they overlap, which is what is certain.
  events.sort((a, b) => a.at - b.at || Number(a.ends) - Number(b.ends))
  const open = new Set<Operation>()
  let possible: readonly Possible[] = [{ value: initial, passed: new Set() }]
  for (const { one, ends } of events) {
    if (!ends) {
      open.add(one)
      continue
    }
    possible = distinct(
      [...closure(possible, open)].filter(({ passed }) => passed.has(one)).map(({ value, passed }) => ({ value, passed: without(passed, one) })),
      open,
    )
    open.delete(one)
    if (possible.length === 0) return one
  }
  return null
}

/** All that may have happened by now: any of those under way, in any order. */
function* closure(from: readonly Possible[], open: ReadonlySet<Operation>): Generator<Possible> {
  const seen = new Set<string>()
  const queue = [...from]
  for (const here of queue) {
    const key = keyOf(here, open)
    if (seen.has(key)) continue
    seen.add(key)
    yield here
    for (const next of open)
      if (!here.passed.has(next) && (next.does === 'write' || next.value === here.value))
        queue.push({ value: next.does === 'write' ? next.value : here.value, passed: new Set([...here.passed, next]) })
  }
}

const without = (passed: ReadonlySet<Operation>, one: Operation): ReadonlySet<Operation> => new Set([...passed].filter((other) => other !== one))

const keyOf = ({ value, passed }: Possible, open: ReadonlySet<Operation>): string => `${value} ${[...open].map((one) => Number(passed.has(one))).join('')}`

const distinct = (all: readonly Possible[], open: ReadonlySet<Operation>): readonly Possible[] => [
  ...new Map(all.map((one) => [keyOf(one, open), one])).values(),
]
