import { afterAll, beforeAll, expect, test } from 'vitest'
import { decision, login } from '../support/interrupted.ts'
import { houseForKilling, killAtEveryCommand } from '../support/kill-sweep.ts'
import type { Processes } from '../support/processes.ts'

// As `crash.test.ts`, before every single command of the driver, reads included, and for the provider that posts its answer.
let house: Processes
beforeAll(async () => {
  house = await houseForKilling()
}, 120_000)
afterAll(() => house[Symbol.asyncDispose]())

test('killed before any command of a login by Apple', async () => {
  expect(await killAtEveryCommand(house, 'all', login(house, 'apple'))).toBeGreaterThan(20)
}, 1_200_000)

test('killed before any command of a decision', async () => {
  expect(await killAtEveryCommand(house, 'all', decision(house))).toBeGreaterThan(5)
}, 600_000)
