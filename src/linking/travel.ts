import type { Device, Whereabouts } from '../storage/customers.ts'

/** Airliners fly at 900 kilometres an hour. */
const fastest = 1000
/** Below this, two tables of addresses disagree about one and the same place; whole degrees alone are up to 160 kilometres off. */
const nothing = 300
const earthRadius = 6371

/** Whether nobody gets from the place of the last sign-in to this one in the time between. Places that are not known say nothing. */
export function isImpossible(known: readonly Device[], here: Whereabouts | undefined, at: Date): boolean {
  const last = known.filter(({ around }) => around !== undefined).toSorted((a, b) => b.lastAt.getTime() - a.lastAt.getTime())[0]
  if (last?.around === undefined || here === undefined) return false
  const hours = Math.max(0, at.getTime() - last.lastAt.getTime()) / 3_600_000
  const way = kilometres(last.around, here)
  return way > nothing && way > hours * fastest
}

/** The great circle between two places, by the haversine formula. */
export function kilometres(from: Whereabouts, to: Whereabouts): number {
  const half = (degrees: number) => Math.sin((degrees * Math.PI) / 360) ** 2
  const cosine = (degrees: number) => Math.cos((degrees * Math.PI) / 180)
  const chord = half(to.latitude - from.latitude) + cosine(from.latitude) * cosine(to.latitude) * half(to.longitude - from.longitude)
  return 2 * earthRadius * Math.asin(Math.sqrt(Math.min(1, chord)))
}
