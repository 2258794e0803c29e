import { randomBytes } from 'node:crypto'
import { expect, inject, test } from 'vitest'
import type { EntenteError } from '../../src/errors.ts'
import { rateLimits, type Rates } from '../../src/graphql/rate-limits.ts'
import type { Caller } from '../../src/operation.ts'
import { openRedis } from '../../src/storage/redis.ts'

const few: Rates = {
  client: { points: 5, seconds: 30 },
  customer: { points: 5, seconds: 30 },
  address: { points: 5, seconds: 30 },
  login: { points: 3, seconds: 30 },
  events: { points: 20, seconds: 30 },
  eventsFrom: { points: 5, seconds: 30 },
}
const key = randomBytes(32)
const someone: Caller = { clientId: 'shop', sector: 'shop', customer: null, purposes: 0, scopes: new Set(), issuedAt: 0, authTime: null, grant: null }

const refusalOf = async (act: () => unknown): Promise<EntenteError | null> =>
  Promise.resolve()
    .then(act)
    .then(
      () => null,
      (error: EntenteError) => error,
    )

test('logins of one address are counted over all processes, before they go on', async () => {
  const redis = await openRedis(inject('redisUrl'), `${randomBytes(6).toString('hex')}:`)
  const [one, two] = [rateLimits(redis, key, few), rateLimits(redis, key, few)]
  expect([await refusalOf(() => one.admitLogin('a', 2)), await refusalOf(() => two.admitLogin('a', 1))]).toEqual([null, null])
  const refused = await refusalOf(() => two.admitLogin('a', 1))
  expect([refused?.code, (refused?.hints.retryAfter ?? 0) > 0]).toEqual(['RATE_LIMITED', true])
  expect(await refusalOf(() => two.admitLogin('b', 1))).toBeNull()
  await Promise.all([one.close(), two.close()])
  redis.disconnect()
})

test('requests are counted beside the way of the request, and refused from memory', async () => {
  const prefix = `${randomBytes(6).toString('hex')}:`
  const redis = await openRedis(inject('redisUrl'), prefix)
  const limits = rateLimits(redis, key, few)
  for (let n = 0; n < 6; n++) limits.admit(null, 'a')
  await limits.close()
  expect((await refusalOf(() => limits.admit(null, 'a')))?.code).toBe('RATE_LIMITED')
  expect(await refusalOf(() => limits.admit(null, 'b'))).toBeNull()
  // Others use the same server.
  const kept = (await redis.keys(`${prefix}*`)).join()
  expect(kept).not.toBe('')
  expect(kept).not.toMatch(/:a\b/)
  redis.disconnect()
})

test('B18 a budget belongs to who asks: nobody spends that of a person by asking about them', async () => {
  const redis = await openRedis(inject('redisUrl'), `${randomBytes(6).toString('hex')}:`)
  const limits = rateLimits(redis, key, { ...few, client: { points: 1_000, seconds: 30 } })
  const caller = (customer: string | null): Caller => ({ ...someone, customer })
  for (let n = 0; n < 20; n++) limits.admit(caller('the attacker'), '10.0.0.1')
  for (let n = 0; n < 20; n++) await refusalOf(() => limits.admitLogin('10.0.0.1', 1))
  await limits.close()
  expect((await refusalOf(() => limits.admit(caller('the attacker'), '10.0.0.1')))?.code).toBe('RATE_LIMITED')
  expect((await refusalOf(() => limits.admitLogin('10.0.0.1', 1)))?.code).toBe('RATE_LIMITED')
  // Through the same shop, from the same office, and at the login.
  expect(await refusalOf(() => limits.admit(caller('the victim'), '10.0.0.1'))).toBeNull()
  expect(await refusalOf(() => limits.admitLogin('10.0.0.2', 1))).toBeNull()
  redis.disconnect()
})

test('F21 a client has a budget of its own, whoever and however many come through it, and its neighbours in the office another', async () => {
  const redis = await openRedis(inject('redisUrl'), `${randomBytes(6).toString('hex')}:`)
  const limits = rateLimits(redis, key, few)
  const through = (clientId: string, n: number): Caller => ({ ...someone, clientId, customer: `customer-${n}` })
  for (let n = 0; n < 6; n++) limits.admit(through('loud', n), `198.51.100.${n}`)
  await limits.close()
  expect((await refusalOf(() => limits.admit(through('loud', 7), '198.51.100.7')))?.code).toBe('RATE_LIMITED')
  expect(await refusalOf(() => limits.admit(through('quiet', 0), '198.51.100.0'))).toBeNull()
  redis.disconnect()
})

test('while Redis is away each process counts for itself', async () => {
  const redis = await openRedis(inject('redisUrl'), `${randomBytes(6).toString('hex')}:`)
  redis.disconnect()
  const limits = rateLimits(redis, key, few)
  for (let n = 0; n < 3; n++) expect(await refusalOf(() => limits.admitLogin('a', 1))).toBeNull()
  expect((await refusalOf(() => limits.admitLogin('a', 1)))?.code).toBe('RATE_LIMITED')
  await limits.close()
})

test('who floods the shop with events by the key from its pages is heard no more, and the shop is', async () => {
  const redis = await openRedis(inject('redisUrl'), `${randomBytes(6).toString('hex')}:`)
  const limits = rateLimits(redis, key, few)
  const send = (address: string, events: number) => {
    limits.admitEventsFrom(address, events)
    limits.admitEvents('storefront', events)
  }
  send('198.51.100.1', 6)
  await limits.close()
  const refused = await refusalOf(() => send('198.51.100.1', 1))
  expect([refused?.code, (refused?.hints.retryAfter ?? 0) > 0]).toEqual(['RATE_LIMITED', true])
  for (let n = 2; n < 5; n++) expect(await refusalOf(() => send(`198.51.100.${n}`, 5))).toBeNull()
  await limits.close()
  expect((await refusalOf(() => send('198.51.100.9', 1)))?.code, 'all of them together are over').toBe('RATE_LIMITED')
  redis.disconnect()
})
