import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { behaviourOf, type Behaviour } from '../support/behaviour.ts'
import { merge, merging } from '../support/merging.ts'
import { ownMongod, type OwnServer } from '../support/own-servers.ts'
import { startShop, type Shop } from '../support/shop.ts'

const stack = new AsyncDisposableStack()
let mongod: OwnServer
let shop: Shop
let on: Behaviour
beforeAll(async () => {
  mongod = stack.use(await ownMongod())
  shop = stack.use(await startShop({ env: { MONGODB_URI: mongod.uri } }))
  on = behaviourOf(shop)
}, 60_000)
afterAll(() => stack.disposeAsync())

const authorization = `Basic ${btoa('storefront-demo-write-key:')}`
const viewed = (userId: string, category: unknown = 'ski') => ({
  type: 'track',
  messageId: randomUUID(),
  event: 'Product Viewed',
  userId,
  properties: { category },
})

async function send(batch: readonly object[]) {
  const response = await fetch(`${shop.url}/v1/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization },
    body: JSON.stringify({ batch }),
  })
  return { status: response.status, retryAfter: response.headers.get('retry-after'), body: await response.json() }
}

test('a flood while MongoDB hangs: no more waits than may, the rest is told when to come again, and whoever does counts once', async () => {
  const { customer, id } = await on.person('person-1', { personalised_shop: true })
  const batch = Array.from({ length: 500 }, () => viewed(id))
  mongod.signal('SIGSTOP')
  const answered: Awaited<ReturnType<typeof send>>[] = []
  const flood = Array.from({ length: 80 }, async () => void answered.push(await send(batch)))
  // 20,000 events wait, and up to two requests are under way.
  await vi.waitFor(() => expect(answered.length).toBeGreaterThanOrEqual(80 - 42), { timeout: 30_000, interval: 20 })
  for (const { status, retryAfter } of answered) expect([status, retryAfter]).toEqual([503, expect.stringMatching(/^[1-9]/)])
  mongod.signal('SIGCONT')
  await Promise.all(flood)
  for (const { status } of answered) expect(status).toBeOneOf([200, 503])
  await vi.waitFor(async () => expect((await send(batch)).status).toBe(200), { timeout: 30_000, interval: 200 })
  expect(await on.kept(customer)).toHaveLength(500)
}, 120_000)

test('what cannot be written is found among the rest and refused alone', async () => {
  const spoilt = await on.person('person-2', { personalised_shop: true })
  const others = [await on.person('person-3', { personalised_shop: true }), await on.person('person-4', { personalised_shop: true })]
  await shop.db.collection<{ _id: string }>('customers').updateOne({ _id: spoilt.customer }, { $set: { derived: 'nothing that anybody can add to' } })
  const who = [...others, spoilt, ...others, spoilt, ...others]
  const answer = await send(who.map(({ id }) => viewed(id)))
  expect(answer).toMatchObject({ status: 200, body: { success: true, refused: [2, 5].map((index) => ({ index, reason: 'INVALID_PROPERTIES' })) } })
  for (const { customer } of others) expect(await on.kept(customer)).toHaveLength(3)
  expect(await on.kept(spoilt.customer)).toEqual([])
}, 60_000)

test('a property keeps its type: neither what is derived nor what is kept learns of another', async () => {
  const { customer, id } = await on.person('person-5', { personalised_shop: true })
  await send([viewed(id)])
  const before = await on.derived(customer)
  const others = [7, true, ['ski'], { ski: 1 }]
  const { body } = await send([...others.map((category) => viewed(id, category)), { ...viewed(id), properties: { price: '12' } }])
  expect(body).toEqual({ success: true, refused: [0, 1, 2, 3, 4].map((index) => ({ index, reason: 'INVALID_PROPERTIES' })) })
  expect([await on.derived(customer), (await on.kept(customer)).length]).toEqual([before, 1])
}, 60_000)

test('what is said of an account that became part of another is not kept, and its events go once the merge stands', async () => {
  const person = merging(shop)
  const gone = await person.account('facebook', 'person-7')
  await person.yes(gone.accessToken, 'personalised_shop')
  const storefront = await shop.signIn('facebook', { as: 'person-7' })
  const { data } = await shop.graphql('{ me { id } }', {}, storefront.accessToken)
  const old = String(data.me.id)
  expect((await send([viewed(old), viewed(old)])).status).toBe(200)
  const [{ customer } = { customer: '' }] = await shop.db.collection('events').find({}).sort({ receivedAt: -1 }).limit(1).toArray()
  expect(await on.kept(customer)).toHaveLength(2)

  await person.account('google', 'person-6')
  const { accessToken, proof } = await person.shown('person-6', 'person-7')
  expect((await shop.graphql(merge, { proof }, accessToken)).errors).toBeUndefined()
  expect(await send([viewed(old)])).toMatchObject({ status: 200, body: { success: true } })
  expect(await on.kept(customer)).toHaveLength(2)

  // As if the days had passed in which it can be undone.
  const jobs = shop.db.collection<{ _id: string }>('jobs')
  expect((await jobs.updateMany({ _id: { $regex: `^forgetEvents:${customer}/` } }, { $set: { dueAt: new Date(0) } })).modifiedCount).toBe(1)
  await vi.waitFor(async () => expect(await on.kept(customer)).toEqual([]), { timeout: 30_000, interval: 200 })
}, 120_000)
