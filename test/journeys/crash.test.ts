import { afterAll, beforeAll, expect, test } from 'vitest'
import { houseForKilling, killAtEachKindOfWrite } from '../support/kill-sweep.ts'
import { decision, eventsSent, login } from '../support/interrupted.ts'
import type { Processes } from '../support/processes.ts'

// kill -9 before each kind of write and every fifth one, or with ENTENTE_DEEP=1 before every one; `crash.deep.test.ts` does it before reads too.
const every = process.env['ENTENTE_DEEP'] === '1' ? 1 : 5

let house: Processes
beforeAll(async () => {
  house = await houseForKilling()
}, 120_000)
afterAll(() => house[Symbol.asyncDispose]())

test('killed at any kind of write of a login: the next try of the same person in the same browser succeeds', async () => {
  const own = ['update openid', 'insert customers', 'insert identities', 'insert emails', 'insert audit_log', 'update customers', 'commitTransaction']
  expect([...(await killAtEachKindOfWrite(house, every, login(house, 'google')))]).toEqual(expect.arrayContaining(own))
}, 240_000)

test('I21 killed at any write of a decision: the call repeated under its key is one entry, and ledger and profile agree', async () => {
  const own = ['insert consent_ledger', 'insert audit_log', 'update customers', 'commitTransaction']
  expect([...(await killAtEachKindOfWrite(house, every, decision(house)))]).toEqual(expect.arrayContaining(own))
}, 120_000)

test('killed at any kind of write of events: sent again they count once, with what follows from them', async () => {
  const own = ['update customers', 'insert events', 'delete anonymous_events', 'commitTransaction']
  expect([...(await killAtEachKindOfWrite(house, every, eventsSent(house)))]).toEqual(expect.arrayContaining(own))
}, 240_000)
