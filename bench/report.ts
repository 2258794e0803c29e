/** Smallest, middle and largest of one figure's rounds. */
export interface Spread {
  readonly min: number
  readonly median: number
  readonly max: number
}

export interface Row {
  readonly name: string
  readonly unit: string
  readonly ours: Spread
  readonly peer: Spread
  /** Of ours to the peer's, round by round. */
  readonly ratio: Spread
  readonly rounds: number
  /** Processor microseconds of the server process for one unit: steadier than the rate on a machine that does other things too. */
  readonly cpu?: { readonly ours: Spread; readonly peer: Spread }
  readonly among?: Among
}

/** What a row was measured among; sizes in MiB. */
export interface Among {
  readonly people: number
  readonly events: number
  /** Of our database: before compression, and on disk with the indexes. */
  readonly data: number
  readonly disk: number
  readonly indexes: number
  /** At the end of the row. */
  readonly resident: { readonly ours: number; readonly peer: number; readonly mongod: number }
}

export interface Pair {
  readonly ours: number
  readonly peer: number
}

export function rowOf(name: string, unit: string, pairs: readonly Pair[], cpu: readonly Pair[] = []): Row {
  return {
    name,
    unit,
    ours: spread(pairs.map(({ ours }) => ours)),
    peer: spread(pairs.map(({ peer }) => peer)),
    ratio: spread(pairs.map(({ ours, peer }) => ours / peer)),
    rounds: pairs.length,
    ...(cpu.length > 0 && { cpu: { ours: spread(cpu.map(({ ours }) => ours)), peer: spread(cpu.map(({ peer }) => peer)) } }),
  }
}

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (index: number) => Number((sorted[index] ?? NaN).toPrecision(5))
  const middle = (sorted.length - 1) / 2
  const median = (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2
  return { min: at(0), median: Number(median.toPrecision(5)), max: at(sorted.length - 1) }
}

/** One line a row for people; the figures to reach stand beside it where there are any. */
export function printRow(row: Row, toReach: string): void {
  const cpu =
    row.cpu && `cpu µs ${short(row.cpu.ours.median)} : ${short(row.cpu.peer.median)}, per core ${(row.cpu.peer.median / row.cpu.ours.median).toFixed(2)}`
  const cells = [
    row.name.padEnd(18),
    `${short(row.ours.median)} : ${short(row.peer.median)} ${row.unit}`.padEnd(30),
    `ratio ${row.ratio.median.toFixed(2)} (${row.ratio.min.toFixed(2)}–${row.ratio.max.toFixed(2)})`.padEnd(26),
    toReach.padEnd(8),
    `${row.rounds} rounds`.padEnd(10),
    cpu ?? '',
  ]
  console.log(cells.join(' ').trimEnd())
  if (row.among !== undefined) printAmong(row.among)
}

function printAmong({ people, events, data, disk, indexes, resident }: Among): void {
  const counts = `  among ${people} people with ${events} events: ${data} MiB of data, ${disk} MiB on disk (${indexes} MiB of it indexes)`
  console.log(`${counts}; resident MiB ${resident.ours} : ${resident.peer}, mongod ${resident.mongod}`)
}

const short = (value: number): string => (value >= 100 ? String(Math.round(value)) : value.toPrecision(3))
