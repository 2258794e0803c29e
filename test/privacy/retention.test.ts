import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { auditLog } from '../../src/audit/log.ts'
import { jobQueue, type LeasedJob } from '../../src/jobs/queue.ts'
import { newCustomer } from '../../src/linking/new-customer.ts'
import { decideRetention } from '../../src/privacy/decide-retention.ts'
import { retention } from '../../src/privacy/retention.ts'
import { ledgerStore } from '../../src/storage/consent-ledger.ts'
import type { CustomerRow, Decision } from '../../src/storage/customers.ts'
import { jobStore } from '../../src/storage/jobs.ts'
import { inTransaction } from '../../src/storage/transaction.ts'
import { demoPolicy, openHouse, schemaOfDemo } from '../support/house.ts'

const day = 86_400_000
const start = Date.UTC(2026, 0, 1)
const on = (days: number) => new Date(start + days * day)
const { classification } = schemaOfDemo

const granted = (at: Date): Decision => ({ state: 'granted', textVersion: '2026-01', at })
const values = {
  email: 'a@people.example',
  givenName: 'A',
  birthYear: 1990,
  postcode: '10115',
  pictureUrl: 'https://pictures.example/a',
  traits: { clothingSize: 'M' },
}
const saidAt = (at: Date) =>
  Object.fromEntries(['email', 'givenName', 'birthYear', 'postcode', 'pictureUrl', 'traits:clothingSize'].map((name) => [name, { from: 'customer', at }]))
const someone = (more: Partial<CustomerRow> = {}): CustomerRow => ({
  ...newCustomer(randomBytes(16).toString('base64url'), on(0)),
  ...values,
  sources: saidAt(on(0)),
  ...more,
})
const removed = (row: CustomerRow, days: number): string[] | string => {
  const decision = decideRetention(row, demoPolicy, classification, on(days).getTime())
  return decision.do === 'remove' ? decision.values.map(({ place }) => place).sort() : decision.do
}
const came = (days: number) => [{ id: 'i', key: 'k', provider: 'google', linkedAt: on(0), lastUsedAt: on(days) }]

test.for([
  ['what was said a day ago', someone(), 1, 'keep'],
  ['nobody agreed: the shortest period of those that could have had it', someone(), 190, ['birthYear']],
  ['nobody agreed, two years on', someone(), 731, ['birthYear', 'pictureUrl', 'traits.clothingSize']],
  ['agreed, and still coming', someone({ decisions: { personalised_shop: granted(on(600)) }, identities: came(700) }), 731, ['birthYear']],
  ['a contract keeps what it covers for ten years', someone(), 3_600, ['birthYear', 'pictureUrl', 'traits.clothingSize']],
  ['taken back: the period runs from that day', someone({ decisions: { email_marketing: { ...granted(on(100)), state: 'withdrawn' } } }), 190, 'keep'],
  ['restricted data stays (Art. 18)', someone({ restricted: true }), 3_700, 'keep'],
  ['not there for the longest period of all', someone(), 3_700, 'erase'],
  ['there once in between', someone({ identities: came(200) }), 3_700, ['birthYear', 'pictureUrl', 'traits.clothingSize']],
] as const)('%s', ([, row, days, expected]) => expect(removed(row, days)).toEqual(expected))

let house: Awaited<ReturnType<typeof openHouse>>
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house[Symbol.asyncDispose]())

/** The work at some day, with a queue of its own that anybody may take from. */
function clockAt(days: { now: number }) {
  const now = () => on(days.now)
  const jobs = jobQueue({ store: jobStore(house.db), key: Buffer.alloc(32, 1), now: () => now().getTime() })
  const none = { overdue: () => Promise.resolve(0) }
  const work = retention({
    db: house.db,
    customers: house.store,
    ledger: ledgerStore(house.db),
    audit: auditLog(house.events),
    jobs,
    erasures: { ask: () => Promise.reject(new Error('this one cannot be erased today')) },
    overdue: { erasures: none, requests: { overdue: () => Promise.resolve(2) } },
    policy: demoPolicy,
    classification,
    now,
  })
  return { ...work, jobs }
}

test('once a day, whoever puts it; what is over goes with its source, is told of in the chain, and a day later nothing is left to do', async () => {
  const row = someone()
  const other = someone({ identities: came(189), decisions: { email_marketing: granted(on(189)) } })
  for (const one of [row, other]) await inTransaction(house.db, one._id, (tx) => house.store.insert(tx, one))
  const clock = { now: 190 }
  const { daily, work, jobs } = clockAt(clock)
  expect([await daily(), await daily()]).toEqual([true, false])
  expect(await jobs.take(['retention'])).toBeNull()
  clock.now = 190.1
  const job = await jobs.take(['retention'])
  expect(job).not.toBeNull()
  const run = (one: LeasedJob) => work(one, AbortSignal.timeout(10_000))
  if (job !== null) await run(job)
  const after = await house.store.read(row._id)
  expect(after).toMatchObject({ email: values.email, postcode: values.postcode })
  expect(after).not.toHaveProperty('birthYear')
  expect(after?.sources).not.toHaveProperty('birthYear')
  expect(await house.store.read(other._id)).toMatchObject({ birthYear: 1990 })
  const chain = await house.events.chain(row._id)
  expect(chain).toMatchObject([{ type: 'data.expired', actor: 'system', categories: ['user.demographic'] }])
  expect(after?.audit).toEqual({ seq: 1, hash: chain[0]?.hash })
  // Begun again by somebody who does not know that it was done.
  if (job !== null) await run(job)
  expect(await house.events.chain(row._id)).toHaveLength(1)
})

test('one customer whose turn fails holds up nobody after them, and the day is tried again', async () => {
  const stuck = someone({ _id: `-${randomBytes(16).toString('base64url').slice(1)}` })
  const next = someone({ identities: came(3_600) })
  for (const one of [stuck, next]) await inTransaction(house.db, one._id, (tx) => house.store.insert(tx, one))
  const clock = { now: 3_700 }
  const { daily, work, jobs } = clockAt(clock)
  await daily()
  clock.now = 3_700.1
  const job = await jobs.take(['retention'])
  if (job === null) throw new Error('no job of the day')
  await expect(work(job, AbortSignal.timeout(10_000))).rejects.toThrow('cannot be erased today')
  expect(await house.store.read(next._id)).not.toHaveProperty('birthYear')
})
