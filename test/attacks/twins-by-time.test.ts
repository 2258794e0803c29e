import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { subjects } from '../../src/access/subjects.ts'
import { searchable } from '../../src/consent/decisions.ts'
import { newCustomer } from '../../src/linking/new-customer.ts'
import type { CustomerRow, Decision } from '../../src/storage/customers.ts'
import { keyStore } from '../../src/storage/keys.ts'
import { openMongo } from '../../src/storage/mongo.ts'
import { canBeTold, inTurn, rankDistance } from '../support/timing.ts'
import { openTwins, type Twin, type Twins } from '../support/twins.ts'

// Two houses that differ in what the caller may not learn, asked in turn: how long it takes must not tell them apart. `twins` counts the very
// commands; this looks at the clock, with a bound that a busy machine keeps, and closer with ENTENTE_DEEP=1.
const isDeep = process.env['ENTENTE_DEEP'] === '1'
const times = isDeep ? 5_000 : 100
const share = isDeep ? 0.05 : 0.3
const rounds = 3

let twins: Twins
let tokens: readonly [string, string]
let id: string
const hidden = randomBytes(16).toString('base64url')
const long = 'x'.repeat(20_000)

beforeAll(async () => {
  twins = await openTwins()
  const db = await openMongo(twins.left.env.MONGODB_URI)
  id = subjects(await keyStore(db, { current: twins.left.env.ENTENTE_SECRET }).obtain('subject/1')).outwardOne('marketing', hidden)
  await db.close()
  const others = Array.from({ length: 50 }, (_, n) => rowOf(randomBytes(16).toString('base64url'), 'granted', { email: `o${n}@people.example` }))
  for (const house of twins.both) await rows(house).insertMany(others.map((row) => ({ ...row })))
  tokens = [await twins.left.tool('marketing'), await twins.right.tool('marketing')]
}, 120_000)
afterAll(() => twins[Symbol.asyncDispose]())

const rows = ({ db }: Twin) => db.collection<CustomerRow>('customers')

function rowOf(key: string, state: Decision['state'], values: Partial<CustomerRow>): CustomerRow {
  const decisions = { email_marketing: { state, textVersion: '2026-01', at: new Date() } }
  return { ...newCustomer(key, new Date()), decisions, ...searchable(decisions), ...values }
}

const ask =
  (house: Twin, token: string, query: string, slower = 0) =>
  async (): Promise<void> => {
    if (slower > 0) await pause(slower)
    const { errors } = await house.graphql(query, { id }, token)
    if (errors) throw new Error(JSON.stringify(errors))
  }

/** Told apart each time that somebody tries. */
async function isTold(query: string, slower = 0): Promise<boolean> {
  const [one, other] = [ask(twins.left, tokens[0], query), ask(twins.right, tokens[1], query, slower)]
  await inTurn(10, one, other)
  for (let round = 0; round < rounds; round++) if (!canBeTold(await inTurn(times, one, other), share)) return false
  return true
}

const byId = 'query ($id: ID!) { customer(id: $id) { email postcode pictureUrl traits { clothingSize } } }'
const list = '{ customers(first: 50, filter: { not: { email: { startsWith: "zz" } } }) { totalCount edges { node { email postcode pictureUrl } } } }'

test.each([
  ['C13 B12 somebody who is not to be processed, and nobody', byId, rowOf(hidden, 'refused', { email: 'h@people.example' }), null],
  ['C13 a long value that is withheld, and none', byId, rowOf(hidden, 'granted', { pictureUrl: long }), rowOf(hidden, 'granted', {})],
  ['C13 B7 one more who is not to be listed', list, rowOf(hidden, 'withdrawn', { email: 'h@people.example', pictureUrl: long }), null],
] as const)(
  '%s take the same time',
  async (_what, query, left, right) => {
    for (const [house, row] of [
      [twins.left, left],
      [twins.right, right],
    ] as const) {
      await rows(house).deleteOne({ _id: hidden })
      if (row !== null) await rows(house).insertOne({ ...row })
    }
    expect(await isTold(query)).toBe(false)
  },
  600_000,
)

test('C13 a house that takes longer where there is something is told', async () => {
  expect(await isTold(byId, isDeep ? 5 : 25)).toBe(true)
}, 600_000)

test('C13 ranks are compared as Mann and Whitney do', () => {
  const [one, other] = [Array.from({ length: 50 }, (_, n) => n), Array.from({ length: 50 }, (_, n) => n + 0.5)]
  expect(rankDistance({ one, other })).toBeLessThan(1)
  expect(rankDistance({ one, other: other.map((n) => n + 30) })).toBeGreaterThan(5)
})
