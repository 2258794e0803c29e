import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { catalogue } from '../../src/errors.ts'
import { contradictions } from '../support/consistency.ts'
import { shopUnderLoad } from '../support/load.ts'
import { ownMongod, ownRedis } from '../support/own-servers.ts'
import { startShop } from '../support/shop.ts'

const tenSeconds = 10_000

test.for([
  { what: 'MongoDB hangs', which: 'mongod', kill: false },
  { what: 'MongoDB is killed', which: 'mongod', kill: true },
  { what: 'Redis hangs', which: 'redis', kill: false },
  { what: 'Redis is killed', which: 'redis', kill: true },
] as const)('$what for ten seconds under load: recovery by itself, and what was acknowledged is kept', { timeout: 180_000 }, async ({ which, kill }) => {
  await using mongod = await ownMongod()
  await using redis = await ownRedis()
  await using shop = await startShop({ env: { MONGODB_URI: mongod.uri, REDIS_URL: redis.uri } })
  const load = await shopUnderLoad(shop, 8)
  await load.until(({ acknowledged }) => acknowledged.length >= 16)
  const server = which === 'mongod' ? mongod : redis
  server.signal(kill ? 'SIGKILL' : 'SIGSTOP')
  await setTimeout(tenSeconds)
  if (kill) await server.restart()
  else server.signal('SIGCONT')
  const before = load.seen.acknowledged.length
  await load.until(({ acknowledged }) => acknowledged.length >= before + 32)
  await load.stop()
  expect(load.seen.refused.filter((code) => !(code in catalogue))).toEqual([])
  expect(load.seen.slowest).toBeLessThan(10_500)
  const stored = await shop.db.collection('consent_ledger').distinct('receipt')
  expect(load.seen.acknowledged.filter((receipt) => !stored.includes(receipt))).toEqual([])
  expect(await contradictions(shop.db)).toEqual([])
  expect((await shop.signIn('google', { as: 'person-1' })).accessToken).toBeTruthy()
})
