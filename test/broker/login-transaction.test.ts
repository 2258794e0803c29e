import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { loginTransactions } from '../../src/broker/login-transaction.ts'
import { openRedis, type RedisConnection } from '../../src/storage/redis.ts'

let redis: RedisConnection
let ahead = 0
beforeAll(async () => {
  redis = await openRedis(inject('redisUrl'), `${randomUUID()}:`)
})
afterAll(async () => {
  await redis.quit()
})

const open = () => loginTransactions(redis, Buffer.alloc(32, 7), () => Date.now() + ahead)
const start = {
  provider: 'google',
  redirectUri: 'http://localhost:4000/login/google/callback',
  goal: { kind: 'signIn', interaction: 'i' },
  browser: 'the-browser',
} as const

test('A01–A04 state and browser belong together, and who has one of them neither finds nor spends the login', async () => {
  const logins = open()
  const [mine, other] = [await logins.begin({ ...start, loginHint: 'anna' }), await logins.begin({ ...start, browser: 'another' })]
  expect(await logins.take(mine.state, 'another')).toBeNull()
  expect(await logins.take(other.state, 'the-browser')).toBeNull()
  expect(await logins.take('', '')).toBeNull()
  expect(await logins.take(mine.state, 'the-browser')).toEqual(mine)
  expect(mine).not.toHaveProperty('browser')
})

test('A07 twenty callbacks at once: one login', async () => {
  const logins = open()
  const { state } = await logins.begin(start)
  const taken = await Promise.all(Array.from({ length: 20 }, () => logins.take(state, 'the-browser')))
  expect(taken.filter((login) => login !== null)).toHaveLength(1)
  expect(await logins.take(state, 'the-browser')).toBeNull()
})

test('A08 ten minutes and no longer', async () => {
  const logins = open()
  const [one, two] = [await logins.begin(start), await logins.begin(start)]
  ahead = 599_000
  expect(await logins.take(one.state, 'the-browser')).not.toBeNull()
  ahead = 601_000
  expect(await logins.take(two.state, 'the-browser')).toBeNull()
  ahead = 0
})

test('A09 state, nonce and verifier are long and fresh', async () => {
  const logins = open()
  const drawn = await Promise.all(Array.from({ length: 10 }, () => logins.begin(start)))
  const secrets = drawn.flatMap(({ state, nonce, codeVerifier }) => [state, nonce, codeVerifier])
  expect(new Set(secrets).size).toBe(30)
  for (const secret of secrets) expect(secret.length).toBeGreaterThanOrEqual(43)
})

test('neither state nor browser can be read from the keys, and everything in Redis has an end', async () => {
  const logins = open()
  const { state } = await logins.begin(start)
  await logins.park({ state, code: 'c' })
  const keys = (await redis.keys('*')).filter((key) => key.startsWith(redis.options.keyPrefix ?? ''))
  expect(keys.length).toBeGreaterThan(0)
  expect(keys.join()).not.toContain(state)
  for (const key of keys) expect(await redis.ttl(key.slice(key.indexOf(':') + 1))).toBeGreaterThan(0)
})

test('a posted form is fetched once, by its handle', async () => {
  const logins = open()
  const handle = await logins.park({ state: 's', code: 'c', user: '{"name":{}}' })
  expect(await logins.unpark('another')).toBeNull()
  expect(await logins.unpark(handle)).toEqual({ state: 's', code: 'c', user: '{"name":{}}' })
  expect(await logins.unpark(handle)).toBeNull()
})

test('what somebody else wrote into Redis is nothing', async () => {
  const logins = open()
  const handle = await logins.park({ code: 'c' })
  for (const odd of ['{', '[]', '{"code":7}', 'null']) {
    await redis.set(`login-form:${handle}`, odd)
    expect(await logins.unpark(handle)).toBeNull()
  }
})
