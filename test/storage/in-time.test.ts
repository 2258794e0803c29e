import mongoose from 'mongoose'
import { afterEach, expect, test, vi } from 'vitest'
import { inTime } from '../../src/storage/within.ts'

const { ClientSession, MongoNetworkTimeoutError, MongoServerError } = mongoose.mongo
const store = inTime({
  async failing(error: Error, ..._more: unknown[]): Promise<string> {
    throw error
  },
  never: () => new Promise<string>(() => {}),
  answering: async (value: string) => value,
  atOnce: (value: string) => value,
})
afterEach(() => void vi.useRealTimers())

const overloaded = { code: 'OVERLOADED', hints: { retryAfter: 5 } }
const lost = new MongoNetworkTimeoutError('connection 1 to 127.0.0.1:1 timed out', {})

test('F47 what MongoDB did not answer in time, and what the driver gave up before, is OVERLOADED with the time to come back', async () => {
  await expect(store.failing(lost)).rejects.toMatchObject({ ...overloaded, cause: lost })
  vi.useFakeTimers()
  const late = expect(store.never()).rejects.toMatchObject(overloaded)
  await vi.advanceTimersByTimeAsync(9_000)
  await late
})

test('what is at fault itself stays what it is, and so does all that a transaction has to look at', async () => {
  const twice = new MongoServerError({ message: 'E11000 duplicate key', code: 11_000 })
  await expect(store.failing(twice)).rejects.toBe(twice)
  const session: unknown = Object.create(ClientSession.prototype)
  await expect(store.failing(lost, session)).rejects.toBe(lost)
  const odd = new TypeError('ours')
  await expect(store.failing(odd)).rejects.toBe(odd)
})

test('answers pass through; what is no question to MongoDB is answered at once', async () => {
  expect(await store.answering('here')).toBe('here')
  expect(store.atOnce('here')).toBe('here')
})
