import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startProcesses, type Processes } from '../support/processes.ts'

// The process that builds an archive is killed in the middle; another one begins it anew.
let house: Processes
beforeAll(async () => {
  house = await startProcesses({ gateways: 1 })
}, 60_000)
afterAll(() => house[Symbol.asyncDispose]())

test('killed while building: the next process makes it whole, and nothing of the first try is left', async () => {
  const { accessToken } = await house.signIn('google', { as: 'person-501', client: 'account' })
  const person = await house.db.collection('customers').findOne({ email: 'person-501@people.example' })
  const subject = String(person?._id)
  const events = Array.from({ length: 20_000 }, (_, n) => ({
    _id: `gateway-0000000000000000/${String(n).padStart(10, '0')}`,
    at: new Date(Date.now() - n),
    type: 'data.read',
    client: randomBytes(24).toString('base64url'),
    actor: 'client',
    subjects: [subject],
    cover: [subject],
    purposes: [],
    categories: [],
    detail: {},
    prev: '',
    hash: '',
  }))
  await house.db.collection<{ _id: string }>('audit_log').insertMany(events)
  const [victim] = house.gateways
  const { errors } = await house.graphql('mutation { requestExport { id } }', {}, accessToken)
  expect(errors).toBeUndefined()
  const chunks = house.db.collection('export_chunks')
  await vi.waitFor(async () => expect(await chunks.countDocuments({ run: 1 })).toBeGreaterThan(0), { timeout: 30_000, interval: 5 })
  victim?.signal('SIGKILL')
  await victim?.ended
  expect((await house.db.collection('exports').findOne({ customer: subject }))?.['state']).toBe('pending')

  const survivor = await house.more()
  house.serve([survivor])
  // Its lease ends in half a minute; here, now.
  await house.db.collection('jobs').updateOne({ kind: 'export' }, { $set: { dueAt: new Date() } })
  await vi.waitFor(async () => expect((await house.db.collection('exports').findOne({ customer: subject }))?.['state']).toBe('ready'), {
    timeout: 60_000,
    interval: 100,
  })
  const row = await house.db.collection('exports').findOne({ customer: subject })
  expect(await chunks.distinct('run')).toEqual([2])
  expect(await chunks.countDocuments()).toBe(row?.['chunks'])
  const { data } = await house.graphql('{ me { exports { state url size } } }', {}, accessToken)
  expect(data.me.exports).toEqual([{ state: 'READY', url: expect.any(String), size: row?.['size'] }])
}, 120_000)
