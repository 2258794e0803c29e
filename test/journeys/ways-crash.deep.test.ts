import { afterAll, beforeAll, expect, test } from 'vitest'
import { linked, undone, unlinked } from '../support/interrupted-ways.ts'
import { houseForKilling, killAtEveryCommand } from '../support/kill-sweep.ts'
import type { Processes } from '../support/processes.ts'

// After each kill: every login has one customer and every customer a way in (`consistency.ts`), and the next try succeeds.
let house: Processes
beforeAll(async () => {
  house = await houseForKilling()
}, 240_000)
afterAll(() => house[Symbol.asyncDispose]())

test('killed at any write while a login is added: it is added, or nothing of it is there', async () => {
  expect(await killAtEveryCommand(house, 'writes', linked(house))).toBeGreaterThan(5)
}, 1_200_000)

test('killed at any write while a login is removed: it is there, or it is gone with every session of before', async () => {
  expect(await killAtEveryCommand(house, 'writes', unlinked(house))).toBeGreaterThan(5)
}, 1_200_000)

test('killed at any write while a merge is undone: the two are one, or two again as they were', async () => {
  expect(await killAtEveryCommand(house, 'writes', undone(house))).toBeGreaterThan(8)
}, 1_200_000)
