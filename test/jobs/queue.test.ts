import { randomBytes } from 'node:crypto'
import type { Connection } from 'mongoose'
import { afterAll, beforeAll, beforeEach, expect, inject, test, vi } from 'vitest'
import { jobQueue, lease, type JobQueue } from '../../src/jobs/queue.ts'
import { Declined, Hopeless, jobWorker, waits, type JobHandler, type JobNotice } from '../../src/jobs/worker.ts'
import { jobStore } from '../../src/storage/jobs.ts'
import { openMongo, prepareCollections } from '../../src/storage/mongo.ts'
import { inTransaction } from '../../src/storage/transaction.ts'

let db: Connection
let jobs: JobQueue
let clock: number
const key = randomBytes(32)
const now = () => clock

beforeAll(async () => {
  db = await openMongo(inject('mongodbUri').replace(/\/(\?|$)/, `/jobs-${randomBytes(4).toString('hex')}$1`))
  jobs = jobQueue({ store: jobStore(db), key, now })
  await prepareCollections(db)
})
beforeEach(async () => {
  clock = Date.now()
  await rows().deleteMany({})
})
afterAll(async () => {
  await db.dropDatabase()
  await db.close()
})

const rows = () => db.collection<{ _id: string; sealed?: string; doneAt?: Date; parkedAt?: Date; attempts: number; dueAt?: Date; expiresAt?: Date }>('jobs')
const row = async (id: string) => (await rows().findOne({ _id: `mail:${id}` })) ?? expect.fail(`no job ${id}`)
const letter = (id: string, payload = {}) => ({ kind: 'mail', id, payload }) as const

/** A worker of a process of its own, and what it noticed. */
function working(mail: JobHandler, queue = jobs) {
  const notices: JobNotice[] = []
  const worker = jobWorker({ jobs: queue, handlers: { mail }, noticed: (notice) => void notices.push(notice) })
  queue.wake()
  return { notices, [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose]() }
}

const until = (holds: () => Promise<unknown>) => vi.waitFor(holds, { timeout: 10_000, interval: 20 })
const isDone = (id: string) => until(async () => expect((await row(id)).doneAt).toBeDefined())

test('two workers do each job once between them', async () => {
  const ids = Array.from({ length: 40 }, (_, n) => `job-${n}`)
  for (const id of ids) await jobs.put(letter(id, { id }))
  const done: unknown[] = []
  const handler: JobHandler = async ({ payload }) => void done.push(payload)
  await using _one = working(handler)
  await using _other = working(handler, jobQueue({ store: jobStore(db), key, now }))
  await until(async () => expect(await rows().countDocuments({ doneAt: { $exists: true } })).toBe(40))
  expect(done.map((payload) => (payload as { id: string }).id).toSorted()).toEqual(ids.toSorted())
})

test('the same id is one job: while it waits, when many put it at once, and after it is done', async () => {
  const puts = await Promise.all(Array.from({ length: 10 }, () => jobs.put(letter('same'))))
  expect(puts.filter(Boolean)).toHaveLength(1)
  let times = 0
  await using _worker = working(async () => void times++)
  await isDone('same')
  expect(await jobs.put(letter('same'))).toBe(false)
  expect(await jobs.take(['mail'])).toBeNull()
  expect(times).toBe(1)
  const { expiresAt, doneAt, sealed } = await row('same')
  expect(Number(expiresAt) - Number(doneAt)).toBe(8 * 86_400_000)
  expect(sealed).toBeUndefined()
})

test('what a killed process had begun is begun again when its lease is over, and not before', async () => {
  await jobs.put(letter('begun', { n: 1 }))
  const killed = await jobs.take(['mail'])
  expect(killed).toMatchObject({ payload: { n: 1 }, attempts: 1 })
  clock += lease - 1
  expect(await jobs.take(['mail'])).toBeNull()
  clock += 1
  const again = await jobs.take(['mail'])
  expect(again).toMatchObject({ payload: { n: 1 }, attempts: 2 })
  // The first was only slow, and fails now: it no longer has a say in when the job is due.
  if (killed) await jobs.putOff(killed, 0)
  if (killed) await jobs.park(killed)
  expect(await jobs.take(['mail'])).toBeNull()
  expect((await row('begun')).parkedAt).toBeUndefined()
})

test('a job that fails waits longer each time, and is parked in the end while the others are done', async () => {
  await jobs.put(letter('poison'))
  await using worker = working(async ({ id }) => {
    if (id === 'mail:poison') throw new Error('always')
  })
  for (const [n, wait] of waits.entries()) {
    await until(async () => expect(await row('poison')).toMatchObject({ attempts: n + 1, dueAt: new Date(clock + wait) }))
    await jobs.put(letter(`good-${n}`))
    jobs.wake()
    await isDone(`good-${n}`)
    clock += wait
    jobs.wake()
  }
  await until(async () => expect((await row('poison')).parkedAt).toBeDefined())
  expect(worker.notices.filter(({ type }) => type === 'job.parked')).toMatchObject([{ kind: 'mail', attempts: waits.length + 1 }])
  clock += 10 * 86_400_000
  expect(await jobs.take(['mail'])).toBeNull()
  expect((await row('poison')).sealed).toBeDefined()
})

test('hopeless ones are parked at once: said by the handler, sealed under a lost key, and those that end every process that begins them', async () => {
  await jobs.put(letter('said'))
  await jobQueue({ store: jobStore(db), key: randomBytes(32), now }).put(letter('lost'))
  await jobs.put(letter('killer'))
  await rows().updateOne({ _id: 'mail:killer' }, { $set: { attempts: waits.length + 1 } })
  const handler = vi.fn<JobHandler>(() => Promise.reject(new Hopeless('said')))
  await using worker = working(handler)
  for (const id of ['said', 'lost', 'killer']) await until(async () => expect((await row(id)).parkedAt).toBeDefined())
  expect(handler.mock.calls.map(([job]) => job.id)).toEqual(['mail:said'])
  expect(worker.notices.map(({ type }) => type)).toEqual(['job.parked', 'job.parked', 'job.parked'])
})

test('a job is parked once that has been noticed, and not before; one that whoever it is for declines is no matter for an operator', async () => {
  await jobs.put(letter('unseen'))
  const log = { away: true }
  const noticed = async ({ type }: JobNotice): Promise<void> => {
    if (type === 'job.parked' && log.away) throw new Error('nobody hears')
  }
  const hopeless: JobHandler = () => Promise.reject(new Hopeless('said'))
  await using _worker = jobWorker({ jobs, handlers: { mail: hopeless }, noticed })
  jobs.wake()
  await until(async () => expect((await row('unseen')).attempts).toBe(1))
  expect((await row('unseen')).parkedAt).toBeUndefined()
  log.away = false
  clock += lease
  jobs.wake()
  await until(async () => expect((await row('unseen')).parkedAt).toBeDefined())

  await jobs.put({ kind: 'mailCode', id: 'declined', payload: {} })
  const notices: JobNotice['type'][] = []
  const declining: JobHandler = () => Promise.reject(new Declined('no such mailbox'))
  await using _other = jobWorker({ jobs, handlers: { mailCode: declining }, noticed: ({ type }) => void notices.push(type) })
  jobs.wake()
  await until(async () => expect(await rows().findOne({ _id: 'mailCode:declined' })).toMatchObject({ parkedAt: expect.any(Date) }))
  expect(notices).toEqual(['job.declined'])
})

test('put in a transaction, it is there when that is committed, and never when it aborts', async () => {
  await inTransaction(db, 'one', (tx) => jobs.put(letter('committed'), tx))
  const aborted = inTransaction(db, 'two', async (tx) => {
    await jobs.put(letter('aborted'), tx)
    throw new Error('changed my mind')
  })
  await expect(aborted).rejects.toThrow('changed my mind')
  expect(await rows().distinct('_id')).toEqual(['mail:committed'])
})

test('two transactions that put the same id at once both commit, and it is one job', async () => {
  const putting = (about: string) => inTransaction(db, about, (tx) => jobs.put(letter('both'), tx))
  expect((await Promise.all([putting('one'), putting('two')])).toSorted()).toEqual([false, true])
  expect(await rows().countDocuments()).toBe(1)
})

test('nothing that is to be done can be read in the database, and one kind is not taken for another', async () => {
  await jobs.put({ kind: 'mail', id: 'x', payload: { to: 'anna@example.org' } })
  expect(JSON.stringify(await rows().findOne())).not.toMatch(/anna|example/)
  expect(await jobs.take(['logoutToken'])).toBeNull()
  await jobs.put({ kind: 'logoutToken', id: 'x', payload: {} })
  expect(await rows().countDocuments()).toBe(2)
})

test('not before its time', async () => {
  await jobs.put({ ...letter('later'), notBefore: new Date(clock + 5_000) })
  expect(await jobs.take(['mail'])).toBeNull()
  clock += 5_000
  expect(await jobs.take(['mail'])).not.toBeNull()
})

test('a worker that ends finishes what it has begun, and begins nothing more', async () => {
  const begun = Promise.withResolvers<void>()
  const finish = Promise.withResolvers<void>()
  await jobs.put(letter('under-way'))
  const worker = working(async () => {
    begun.resolve()
    await finish.promise
  })
  await begun.promise
  const ended = worker[Symbol.asyncDispose]()
  await jobs.put(letter('too-late'))
  jobs.wake()
  finish.resolve()
  await ended
  expect((await row('under-way')).doneAt).toBeDefined()
  expect((await row('too-late')).doneAt).toBeUndefined()
})
