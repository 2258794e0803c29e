import { afterAll, beforeAll, expect, test } from 'vitest'
import { erased } from '../support/interrupted.ts'
import { houseForKilling, killAtEveryCommand } from '../support/kill-sweep.ts'
import type { Processes } from '../support/processes.ts'

let house: Processes
beforeAll(async () => {
  house = await houseForKilling()
}, 120_000)
afterAll(() => house[Symbol.asyncDispose]())

test('killed at any write of an erasure: nobody is half erased, and another process ends what was begun', async () => {
  expect(await killAtEveryCommand(house, 'writes', erased(house))).toBeGreaterThan(10)
}, 1_200_000)
