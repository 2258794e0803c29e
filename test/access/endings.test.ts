import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { endings, type EndingParts } from '../../src/access/endings.ts'
import { openMongo, prepareCollections } from '../../src/storage/mongo.ts'
import { openIdRecords } from '../../src/storage/openid-records.ts'

// Sessions that end in many writes, stopped before each of them and begun anew.
const name = `t${randomBytes(6).toString('hex')}`
let db: Awaited<ReturnType<typeof openMongo>>
let records: ReturnType<typeof openIdRecords>
beforeAll(async () => {
  db = await openMongo(inject('mongodbUri').replace(/\/(\?|$)/, `/${name}$1`))
  records = openIdRecords(db, randomBytes(32))
  await prepareCollections(db)
})
afterAll(async () => {
  await db.dropDatabase()
  await db.close()
})

const noon = new Date('2026-06-01T12:00:00Z').getTime()
const expiresAt = new Date(Date.now() + 3_600_000)

/** A browser that two shops were entered with, of that moment. */
async function session(customer: string, uid: string, at: number): Promise<void> {
  const shops = ['storefront', 'storefront-b']
  const grants = shops.map((shop) => `${uid} ${shop}`)
  const authorizations = Object.fromEntries(shops.map((shop, n) => [shop, { sid: `${uid} at ${shop}`, grantId: grants[n] }]))
  await records.put({ kind: 'Session', id: uid, customer, expiresAt, payload: { loginTs: at / 1000, amr: [`at:${at}`], authorizations, grants } })
  for (const grant of grants) {
    await records.put({ kind: 'Grant', id: grant, customer, grant, expiresAt, payload: {} })
    await records.put({ kind: 'RefreshToken', id: grant, customer, grant, expiresAt, payload: {} })
  }
}

/** Endings that stop before their n-th write, as a process does that is killed; with what they have done. */
function stoppedBefore(n: number) {
  const told = new Set<string>()
  const ended = new Set<string>()
  let left = n
  const step = () => {
    if (--left === 0) throw new Error('stopped')
  }
  const parts: EndingParts = {
    records: {
      ...records,
      remove: async (...of) => (step(), records.remove(...of)),
      removeOfGrant: async (...of) => (step(), records.removeOfGrant(...of)),
      removeByHandle: async (...of) => (step(), records.removeByHandle(...of)),
    },
    grantEnded: async (_customer, grant) => (step(), void ended.add(grant)),
    jobs: { wake: () => {} },
    tellOfLogout: async ({ sid }) => (step(), void told.add(sid)),
  }
  return { told, ended, ...endings(parts) }
}

const whole = Infinity

test.for([
  ['those from before a moment', (of: ReturnType<typeof stoppedBefore>, customer: string) => of.endBefore({ payload: { customer, before: noon } })],
  [
    'one that its person ends',
    async (of: ReturnType<typeof stoppedBefore>, customer: string) => {
      const mine = (await of.sessionsOf(customer)).find(({ signedInAt }) => signedInAt.getTime() < noon)
      if (mine !== undefined) await of.endSession(customer, mine.handle)
    },
  ],
] as const)(
  '%s: stopped before any write and begun anew, all that stood on them has ended, each shop is told, and what began since stays',
  async ([what, end]) => {
    for (let n = 1; ; n++) {
      const customer = `${what} ${n}`
      const [before, since] = [`${customer} before`, `${customer} since`]
      await session(customer, before, noon - 1)
      await session(customer, since, noon)
      const first = stoppedBefore(n)
      const isDone = await end(first, customer).then(
        () => true,
        () => false,
      )
      const again = stoppedBefore(whole)
      await end(again, customer)
      const shops = ['storefront', 'storefront-b']
      expect([n, [...first.told, ...again.told].filter((sid) => !sid.startsWith(before))]).toEqual([n, []])
      for (const shop of shops) {
        expect([n, first.told.has(`${before} at ${shop}`) || again.told.has(`${before} at ${shop}`)]).toEqual([n, true])
        expect([n, first.ended.has(`${before} ${shop}`) || again.ended.has(`${before} ${shop}`)]).toEqual([n, true])
      }
      expect([n, (await again.sessionsOf(customer)).map(({ grants }) => grants)]).toEqual([n, [shops.map((shop) => `${since} ${shop}`)]])
      expect([n, (await records.grantsOf(customer)).sort()]).toEqual([n, shops.map((shop) => `${since} ${shop}`)])
      if (isDone) break
    }
  },
)
