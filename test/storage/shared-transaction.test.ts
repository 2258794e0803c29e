import { randomBytes } from 'node:crypto'
import type { Connection } from 'mongoose'
import { afterAll, beforeAll, beforeEach, expect, inject, test } from 'vitest'
import { EntenteError } from '../../src/errors.ts'
import { customerStore, type CustomerStore } from '../../src/storage/customers.ts'
import { jobStore } from '../../src/storage/jobs.ts'
import { openMongo, prepareCollections } from '../../src/storage/mongo.ts'
import { inSharedTransaction } from '../../src/storage/shared-transaction.ts'
import { inTransaction, type Tx } from '../../src/storage/transaction.ts'
import { customer } from '../consent/fixture.ts'

let db: Connection
let other: Connection
let customers: CustomerStore
let keys: string[] = []
const sent: string[] = []

beforeAll(async () => {
  const uri = inject('mongodbUri').replace(/\/(\?|$)/, `/shared-${randomBytes(4).toString('hex')}$1`)
  db = await openMongo(uri, { monitorCommands: true })
  other = await openMongo(uri)
  customers = customerStore(db)
  jobStore(db)
  await prepareCollections(db)
  db.getClient().on('commandStarted', ({ commandName }) => void sent.push(commandName))
})
afterAll(async () => {
  await db.dropDatabase()
  await other.close()
  await db.close()
})
beforeEach(async () => {
  keys = Array.from({ length: 10 }, () => randomBytes(16).toString('base64url'))
  await inTransaction(db, 'crowd', async (tx) => {
    for (const _id of keys) await customers.insert(tx, customer({ _id }))
  })
  sent.length = 0
})

const written = async (): Promise<(string | undefined)[]> => Promise.all(keys.map(async (key) => (await customers.read(key))?.postcode))
const commits = (): number => sent.filter((name) => name === 'commitTransaction').length

/** Reads the row and writes what is made of it, as decisions do. */
async function moved(tx: Tx, key: string, store = customers): Promise<string> {
  const row = await store.read(key, tx)
  if (row === null) throw new EntenteError('UNAUTHENTICATED')
  const postcode = `${row.postcode ?? ''}+`
  if (!(await store.update(tx, key, { $set: { postcode } }))) throw new EntenteError('UNAUTHENTICATED')
  return postcode
}

const moving = (key: string): Promise<string> => inSharedTransaction(db, key, (tx) => moved(tx, key))

test('what comes at once is written at once, and each is told what became of its own', async () => {
  const before = await written()
  sent.length = 0
  expect(await Promise.all(keys.map(moving))).toEqual(before.map((one) => `${one ?? ''}+`))
  expect(sent.filter((name) => name !== 'endSessions')).toEqual(['find', 'update', 'commitTransaction'])
  expect(await written()).toEqual(before.map((one) => `${one ?? ''}+`))
})

test('those about one customer follow each other in one transaction, whoever comes along with them', async () => {
  const before = (await written())[0] ?? ''
  sent.length = 0
  await Promise.all([...keys, ...keys, ...keys].map(moving))
  expect(commits()).toBeLessThanOrEqual(2)
  expect((await written())[0]).toBe(`${before}+++`)
})

test('who fails, before or after writing, spoils nothing but its own', async () => {
  const before = await written()
  const failing = keys.map((key, n) =>
    inSharedTransaction(db, key, async (tx) => {
      if (n === 3) throw new EntenteError('CONSENT_TEXT_OUTDATED')
      await moved(tx, key)
      if (n === 5) throw new EntenteError('RATE_LIMITED')
    }),
  )
  const nobody = moving('nobody')
  const ended = await Promise.allSettled([...failing, nobody])
  expect(ended.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))).toMatchObject([
    { code: 'CONSENT_TEXT_OUTDATED' },
    { code: 'RATE_LIMITED' },
    { code: 'UNAUTHENTICATED' },
  ])
  expect(await written()).toEqual(before.map((one, n) => (n === 3 || n === 5 ? one : `${one ?? ''}+`)))
})

test('another process that writes one of them costs nobody anything: all of both is there in the end', async () => {
  const before = await written()
  const theirs = customerStore(other)
  const rounds = Array.from({ length: 5 }, () => keys)
  const ours = rounds.flat().map(moving)
  const others = rounds.map((all) => inTransaction(other, all[0] ?? '', (tx) => moved(tx, all[0] ?? '', theirs)))
  await Promise.all([...ours, ...others])
  expect(await written()).toEqual(before.map((one, n) => `${one ?? ''}${'+'.repeat(n === 0 ? 10 : 5)}`))
  expect(commits()).toBeLessThan(50)
})

test('of those about one customer who fails spoils nothing for the others, and their order holds', async () => {
  const [key = ''] = keys
  const said: number[] = []
  const saying = Array.from({ length: 6 }, (_, n) =>
    inSharedTransaction(db, key, async (tx) => {
      await moved(tx, key)
      if (n === 2) throw new EntenteError('RATE_LIMITED')
      await customers.update(tx, key, { $set: { locale: String(n) } })
      return n
    }).then((one) => said.push(one)),
  )
  const ended = await Promise.allSettled(saying)
  expect(ended.map(({ status }) => status === 'fulfilled')).toEqual([true, true, false, true, true, true])
  expect(said).toEqual([0, 1, 3, 4, 5])
  expect(await customers.read(key)).toMatchObject({ locale: '5' })
})

test('two that put the same job make it once, and each knows which', async () => {
  const jobs = jobStore(db)
  const job = { _id: `mail:${randomBytes(6).toString('hex')}`, kind: 'mail', sealed: '', dueAt: new Date() }
  const put = (key: string): Promise<boolean> => inSharedTransaction(db, key, (tx) => jobs.putNew(job, tx))
  const made = await Promise.all(keys.map(put))
  expect(made.filter((one) => one)).toHaveLength(1)
})
