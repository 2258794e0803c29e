import { afterAll, beforeAll, expect, test } from 'vitest'
import { killAtEveryCommand } from '../support/kill-sweep.ts'
import { decision, login } from '../support/interrupted.ts'
import { ownMongod } from '../support/own-servers.ts'
import { startProcesses, type Processes } from '../support/processes.ts'

// kill -9 in every state that a write leaves behind; `crash.deep.test.ts` does it before reads too, and for the other writes.
// What a killed process had begun holds its customer for a second or two here.
const stack = new AsyncDisposableStack()
let house: Processes
beforeAll(async () => {
  const mongod = stack.use(await ownMongod(1))
  house = stack.use(await startProcesses({ gateways: 1, env: { MONGODB_URI: mongod.uri } }))
}, 120_000)
afterAll(() => stack.disposeAsync())

test('killed at any write of a login: the next try of the same person in the same browser succeeds', async () => {
  const moments = await killAtEveryCommand(house, 'writes', login(house, 'google'))
  expect(moments).toBeGreaterThan(8)
  expect(moments).toBeLessThan(60)
}, 240_000)

test('killed at any write of a decision: the call repeated under its key is one entry, and ledger and profile agree', async () => {
  const moments = await killAtEveryCommand(house, 'writes', decision(house))
  expect(moments).toBeGreaterThan(3)
}, 120_000)
