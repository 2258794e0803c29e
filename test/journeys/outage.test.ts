import { afterAll, beforeAll, expect, test } from 'vitest'
import { catalogue } from '../../src/errors.ts'
import { contradictions } from '../support/consistency.ts'
import { shopUnderLoad } from '../support/load.ts'
import { ownMongod, ownRedis, type OwnServer } from '../support/own-servers.ts'
import { redirectUri, startShop, type Shop } from '../support/shop.ts'

// Servers that hang or die while people are shopping; each outage lasts until somebody has noticed it. `outage.deep.test.ts`: ten seconds.
const stack = new AsyncDisposableStack()
let mongod: OwnServer
let redis: OwnServer
let shop: Shop
beforeAll(async () => {
  mongod = stack.use(await ownMongod())
  redis = stack.use(await ownRedis())
  shop = stack.use(await startShop({ env: { MONGODB_URI: mongod.uri, REDIS_URL: redis.uri } }))
}, 120_000)
afterAll(() => stack.disposeAsync())

const readiness = async (): Promise<string> => {
  const answer = await fetch(`${shop.url}/health/ready`)
  return `${answer.status} ${((await answer.json()) as { status: string }).status}`
}

const outages: Record<string, { readonly begin: () => void; readonly end: () => void | Promise<void> }> = {
  hangs: { begin: () => mongod.signal('SIGSTOP'), end: () => mongod.signal('SIGCONT') },
  'is killed': { begin: () => mongod.signal('SIGKILL'), end: () => mongod.restart() },
}

test.for(Object.entries(outages))(
  'MongoDB %s: errors with a code and in time, recovery by itself, and what was acknowledged is kept',
  { timeout: 120_000 },
  async ([, outage]) => {
    await expect.poll(readiness, { timeout: 20_000 }).toBe('200 ok')
    const load = await shopUnderLoad(shop, 4)
    await load.until(({ acknowledged }) => acknowledged.length >= 8)
    outage.begin()
    await expect.poll(readiness, { timeout: 20_000 }).toBe('503 unavailable')
    expect((await fetch(`${shop.url}/health/live`)).status).toBe(200)
    await load.until(({ refused }) => refused.length > 0)
    await outage.end()

    await expect.poll(readiness, { timeout: 30_000 }).toBe('200 ok')
    const before = load.seen.acknowledged.length
    await load.until(({ acknowledged }) => acknowledged.length >= before + 8)
    await load.stop()
    const { acknowledged, refused, slowest } = load.seen
    expect(refused.filter((code) => !(code in catalogue))).toEqual([])
    expect(slowest).toBeLessThan(10_500)
    const stored = await shop.db.collection('consent_ledger').distinct('receipt')
    expect(acknowledged.filter((receipt) => !stored.includes(receipt))).toEqual([])
    expect(await contradictions(shop.db)).toEqual([])
  },
)

test.for([
  { what: 'hangs', begin: () => redis.signal('SIGSTOP'), end: () => redis.signal('SIGCONT') },
  { what: 'is killed', begin: () => redis.signal('SIGKILL'), end: () => redis.restart() },
])('Redis $what: reads and decisions go on, logins are refused with a code, and work again afterwards', { timeout: 120_000 }, async ({ begin, end }) => {
  await expect.poll(readiness, { timeout: 20_000 }).toBe('200 ok')
  const load = await shopUnderLoad(shop, 2)
  begin()
  const before = load.seen.acknowledged.length
  const { page } = await shop.walk('google', { as: 'person-70' })
  expect([page.status, page.headers.get('retry-after')]).toEqual([503, '5'])
  expect(page.text).toMatch(/OVERLOADED · Reference number/)
  expect(page.text).not.toMatch(/ioredis|node_modules|at async|ECONNREFUSED|Command timed out/)
  await load.until(({ acknowledged }) => acknowledged.length >= before + 8)
  await expect.poll(readiness, { timeout: 20_000 }).toBe('200 degraded')
  await load.stop()
  expect(load.seen.refused).toEqual([])
  expect(load.seen.slowest).toBeLessThan(5_000)
  await end()
  await expect.poll(readiness, { timeout: 30_000 }).toBe('200 ok')
  expect((await shop.walk('google', { as: 'person-70' })).page.url.startsWith(redirectUri)).toBe(true)
})
