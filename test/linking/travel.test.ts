import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isImpossible, kilometres } from '../../src/linking/travel.ts'

const berlin = { latitude: 53, longitude: 13 }
const sydney = { latitude: -34, longitude: 151 }
const place = fc.record({ latitude: fc.integer({ min: -90, max: 90 }), longitude: fc.integer({ min: -180, max: 180 }) })
const hour = 3_600_000
const device = (around: typeof berlin | undefined, at: number) => ({
  id: 'd',
  key: 'k',
  agent: 'Firefox',
  firstAt: new Date(0),
  lastAt: new Date(at),
  ...(around && { around }),
})

test('the way over the globe: the same both ways, never longer than half of it, and right for towns whose distance is known', () => {
  fc.assert(
    fc.property(place, place, (from, to) => {
      const way = kilometres(from, to)
      expect(way).toBeCloseTo(kilometres(to, from), 6)
      expect(way).toBeGreaterThanOrEqual(0)
      expect(way).toBeLessThanOrEqual(20_016)
    }),
  )
  expect(kilometres(berlin, sydney)).toBeGreaterThan(15_900)
  expect(kilometres(berlin, sydney)).toBeLessThan(16_300)
  expect(kilometres({ latitude: 0, longitude: 179 }, { latitude: 0, longitude: -179 })).toBeLessThan(230)
})

test('impossible is what no airliner does, from the place of the last sign-in', () => {
  const at = (hours: number) => new Date(hours * hour)
  expect(isImpossible([device(berlin, 0)], sydney, at(10))).toBe(true)
  expect(isImpossible([device(berlin, 0)], sydney, at(20))).toBe(false)
  expect(isImpossible([device(berlin, 0), device(sydney, 9 * hour)], sydney, at(10))).toBe(false)
  expect(isImpossible([device(berlin, 0), device(undefined, 9 * hour)], sydney, at(10))).toBe(true)
  expect(isImpossible([device(berlin, 0)], { latitude: 54, longitude: 10 }, at(0))).toBe(false)
  expect(isImpossible([device(berlin, 0)], undefined, at(0))).toBe(false)
  expect(isImpossible([], sydney, at(0))).toBe(false)
  // A clock that went back makes no time to travel in.
  expect(isImpossible([device(berlin, 20 * hour)], sydney, at(0))).toBe(true)
})
