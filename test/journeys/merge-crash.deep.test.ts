import { afterAll, beforeAll, expect, test } from 'vitest'
import { merged } from '../support/interrupted.ts'
import { houseForKilling, killAtEveryCommand } from '../support/kill-sweep.ts'
import type { Processes } from '../support/processes.ts'

let house: Processes
beforeAll(async () => {
  house = await houseForKilling()
}, 120_000)
afterAll(() => house[Symbol.asyncDispose]())

test('killed at any write of a merge: it is as if it had never been, or it is whole, and every token of both has ended once it is done', async () => {
  expect(await killAtEveryCommand(house, 'writes', merged(house))).toBeGreaterThan(8)
}, 400_000)
