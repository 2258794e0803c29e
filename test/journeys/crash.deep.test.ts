import { afterAll, beforeAll, expect, test } from 'vitest'
import { decision, login } from '../support/interrupted.ts'
import { killAtEveryCommand } from '../support/kill-sweep.ts'
import { ownMongod } from '../support/own-servers.ts'
import { startProcesses, type Processes } from '../support/processes.ts'

// As `crash.test.ts`, before every single command of the driver, reads included, and for the provider that posts its answer.
const stack = new AsyncDisposableStack()
let house: Processes
beforeAll(async () => {
  const mongod = stack.use(await ownMongod(1))
  house = stack.use(await startProcesses({ gateways: 1, env: { MONGODB_URI: mongod.uri } }))
}, 120_000)
afterAll(() => stack.disposeAsync())

test('killed before any command of a login by Apple', async () => {
  expect(await killAtEveryCommand(house, 'all', login(house, 'apple'))).toBeGreaterThan(20)
}, 1_200_000)

test('killed before any command of a decision', async () => {
  expect(await killAtEveryCommand(house, 'all', decision(house))).toBeGreaterThan(5)
}, 600_000)
