export interface Clocks {
  /** What the machine says the time is, milliseconds. */
  readonly wall: () => number
  /** Milliseconds that have passed, whatever anybody sets. */
  readonly passed: () => number
  /** By how many seconds it went forward, or back (negative). */
  readonly jumped: (seconds: number) => void
}

/** As far off as signed tokens may be before they are refused. Milliseconds. */
const tolerated = 30_000

/** Looks whether somebody has set the clock since the last jump, or the machine slept: tokens then end too early or too late, and everybody's but its own look wrong to it. */
export function clockWatch({ wall, passed, jumped }: Clocks): () => void {
  let known = wall() - passed()
  return () => {
    const off = wall() - passed() - known
    if (Math.abs(off) <= tolerated) return
    known += off
    jumped(Math.round(off / 1000))
  }
}
