import { afterAll, beforeAll, expect, test } from 'vitest'
import { houseForKilling, killAtEveryCommand } from '../support/kill-sweep.ts'
import { decision, eventsSent, login } from '../support/interrupted.ts'
import type { Processes } from '../support/processes.ts'

// kill -9 in every state that a write leaves behind; `crash.deep.test.ts` does it before reads too, and for the other writes.
let house: Processes
beforeAll(async () => {
  house = await houseForKilling()
}, 120_000)
afterAll(() => house[Symbol.asyncDispose]())

test('killed at any write of a login: the next try of the same person in the same browser succeeds', async () => {
  const moments = await killAtEveryCommand(house, 'writes', login(house, 'google'))
  expect(moments).toBeGreaterThan(8)
  expect(moments).toBeLessThan(60)
}, 240_000)

test('I21 killed at any write of a decision: the call repeated under its key is one entry, and ledger and profile agree', async () => {
  const moments = await killAtEveryCommand(house, 'writes', decision(house))
  expect(moments).toBeGreaterThan(3)
}, 120_000)

test('killed at any write of events: sent again they count once, with what follows from them', async () => {
  const moments = await killAtEveryCommand(house, 'writes', eventsSent(house))
  expect(moments).toBeGreaterThan(3)
}, 240_000)
