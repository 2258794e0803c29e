import { expect, test } from 'vitest'
import { clockWatch } from '../../src/wiring/clock-watch.ts'

test('F16 a clock that is set is noticed once, forward and back; one that is corrected by a little is not', () => {
  let [wall, passed] = [1_000_000_000, 0]
  const jumps: number[] = []
  const look = clockWatch({ wall: () => wall, passed: () => passed, jumped: (seconds) => jumps.push(seconds) })
  const after = (milliseconds: number, set = 0) => {
    passed += milliseconds
    wall += milliseconds + set
    look()
  }
  after(2_000)
  after(2_000, 29_000)
  expect(jumps).toEqual([])
  after(2_000, -29_000)
  after(2_000, 300_000)
  after(2_000)
  expect(jumps).toEqual([300])
  after(2_000, -300_000)
  expect(jumps).toEqual([300, -300])
})
