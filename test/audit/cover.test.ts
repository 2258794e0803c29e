import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { beginningsOf, coverOf } from '../../src/storage/audit-cover.ts'
import { auditLog, firstBroken } from '../../src/audit/log.ts'
import { auditReads } from '../../src/audit/reads.ts'
import { auditStore } from '../../src/storage/audit-log.ts'
import { prepareCollections } from '../../src/storage/mongo.ts'
import { openHouse } from '../support/house.ts'

const customers = (count: number): string[] => Array.from({ length: count }, () => randomBytes(16).toString('base64url'))

describe('a cover', () => {
  test.each([0, 1, 16, 17, 40, 500])('of %i customers is small, and each of them is found by it', (count) => {
    const all = customers(count)
    const cover = new Set(coverOf(all))
    expect(cover.size).toBeLessThanOrEqual(16)
    for (const customer of all) expect(beginningsOf(customer).some((beginning) => cover.has(beginning))).toBe(true)
  })

  test('of a page is about as narrow as the page', () => {
    const all = customers(20_000).sort()
    const page = all.slice(7_000, 7_500)
    const cover = new Set(coverOf(page))
    const found = all.filter((customer) => beginningsOf(customer).some((beginning) => cover.has(beginning)))
    expect(found.length).toBeLessThan(1_500)
  })
})

test('an index that was made under another name goes when the house begins, and none that is in use', async () => {
  await using house = await openHouse()
  const log = house.db.collection('audit_log')
  const names = async () => (await log.indexes()).map(({ name }) => name).toSorted()
  const inUse = await names()
  await log.createIndex({ at: 1 }, { name: 'suspicious-3', partialFilterExpression: { type: 'access.denied' } })
  await Promise.all([prepareCollections(house.db), prepareCollections(house.db)])
  expect(await names()).toEqual(inUse)
})

describe('a person’s access log', () => {
  let house: Awaited<ReturnType<typeof openHouse>>
  beforeAll(async () => {
    house = await openHouse()
  })
  afterAll(() => house[Symbol.asyncDispose]())

  test('holds every read of a list that they were in, page by page, and no other', async () => {
    const store = auditStore(house.db)
    const log = auditLog(store)
    const all = customers(2_000).sort()
    const pages = Array.from({ length: 20 }, (_, n) => all.filter((_, at) => at % 7 !== n % 7).slice(n * 50, n * 50 + 400))
    for (const [n, subjects] of pages.entries()) await log.note({ type: 'data.read', client: `tool-${n}`, actor: 'client', subjects })
    const reads = auditReads(store, randomBytes(32))
    for (const customer of [all[0], all[333], all[700], all[1_999]].filter((one) => one !== undefined)) {
      const told: string[] = []
      for (let after: string | null = null, more = true; more;) {
        const page = await reads.accessLog(customer, 3, after)
        told.push(...page.rows.map(({ client }) => client ?? ''))
        more = page.hasNextPage
        after = page.rows.map(page.cursorOf).at(-1) ?? null
      }
      expect(told).toEqual(pages.flatMap((subjects, n) => (subjects.includes(customer) ? [`tool-${n}`] : [])).toReversed())
    }
  })

  test('cannot be changed by taking the cover off an event: the chain says so', async () => {
    const store = auditStore(house.db)
    const log = auditLog(store)
    await log.note({ type: 'data.read', client: 'the last', actor: 'client', subjects: customers(100) })
    const rows = await house.db.collection('audit_log').find({ client: 'the last' }).toArray()
    const [row] = await store.chain(String(rows[0]?._id).split('/')[0] ?? '')
    if (!row) throw new Error('nothing was noted')
    expect(firstBroken([row])).toBeNull()
    expect(firstBroken([{ ...row, cover: [] }])).toBe(0)
  })
})
