import mongoose, { type ClientSession, type Connection } from 'mongoose'
import { EntenteError } from '../errors.ts'
import { longest, within } from './within.ts'

const { MongoError, MongoServerError } = mongoose.mongo

/** Proof of being inside a transaction: writes that belong together demand it. */
export type Tx = ClientSession & { readonly __tx: unique symbol }

/**
 * Runs `work` in one transaction: snapshot reads, majority-committed writes. Those of this process that are `about` the same thing (a
 * customer, an identity) take turns. The work may run again after a conflict, so ids and
 * times are made before it, and it does no HTTP, mail or Redis. Awaits inside it stay in sequence. INTERNAL_SERVER_ERROR after nine
 * seconds, where the driver would try for two minutes: then it may still be committed, so who repeats it brings a key or finds by `_id` what is there.
 */
export function inTransaction<T>(db: Connection, about: string, work: (tx: Tx) => Promise<T>): Promise<T> {
  const options = { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority' }, readPreference: 'primary' } as const
  const begun = Date.now()
  return within(
    inLine(db, about, () => {
      // Whoever asked has been told already that it did not happen.
      if (Date.now() - begun >= longest) throw new EntenteError('INTERNAL_SERVER_ERROR', { why: 'its turn came too late' })
      return db.transaction((session) => work(session as Tx), options) as Promise<T>
    }),
  )
}

const lines = new WeakMap<Connection, Map<string, Promise<unknown>>>()

/** Nothing is safe because of this: it only spares those who would conflict within one process the repetitions. */
async function inLine<T>(db: Connection, about: string, work: () => Promise<T>): Promise<T> {
  const waiting = lines.get(db) ?? new Map<string, Promise<unknown>>()
  lines.set(db, waiting)
  const turn = (waiting.get(about) ?? Promise.resolve()).then(work, work)
  waiting.set(about, turn)
  try {
    return await turn
  } finally {
    if (waiting.get(about) === turn) waiting.delete(about)
  }
}

/** Whether a write lost against an `_id` (or unique index) that was there before: MongoDB's error 11000. */
export function isDuplicateKey(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 11000
}

/** Whether what was to be written is at fault, not MongoDB or the way to it: trying the same again would end the same way. */
export function isRefusal(error: unknown): boolean {
  if (error instanceof MongoServerError) return !passing.some((label) => error.hasErrorLabel(label))
  return !(error instanceof EntenteError || error instanceof MongoError)
}

const passing = ['TransientTransactionError', 'UnknownTransactionCommitResult', 'RetryableWriteError', 'RetryableError', 'SystemOverloadedError']
