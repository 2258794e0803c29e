import type { ClientSession, Connection } from 'mongoose'
import { EntenteError } from '../errors.ts'
import { asTold, retryAfter } from './away.ts'
import { longest, within } from './within.ts'

/** Proof of being inside a transaction: writes that belong together demand it. */
export type Tx = ClientSession & { readonly __tx: unique symbol }

/**
 * Runs `work` in one transaction: snapshot reads, majority-committed writes. Those of this process that are `about` the same thing (a
 * customer, an identity) take turns. The work may run again after a conflict, so ids and
 * times are made before it, and it does no HTTP, mail or Redis. Awaits inside it stay in sequence. OVERLOADED at once where too many are
 * in the line, while MongoDB is away, and after nine seconds, where the driver would try for two minutes: then it may still be committed, so
 * who repeats it brings a key or finds by `_id` what is there.
 */
export const inTransaction = <T>(db: Connection, about: string, work: (tx: Tx) => Promise<T>): Promise<T> => inTurn(db, about, () => committed(db, work))

/** The work when it is the turn of what it is about, after those of this process that came before. OVERLOADED */
export function inTurn<T>(db: Connection, about: string, work: () => Promise<T>): Promise<T> {
  const begun = Date.now()
  return within(
    inLine(db, about, async () => {
      // Whoever asked has been told already that it did not happen.
      if (Date.now() - begun >= longest) throw new EntenteError('OVERLOADED', { why: 'its turn came too late' }, { retryAfter })
      return work()
    }),
  )
}

/** The transaction itself. OVERLOADED while MongoDB is away */
export async function committed<T>(db: Connection, work: (tx: Tx) => Promise<T>): Promise<T> {
  const options = { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority' }, readPreference: 'primary' } as const
  try {
    return await (db.transaction((session) => work(session as Tx), options) as Promise<T>)
  } catch (error) {
    throw asTold(error)
  }
}

interface Line {
  readonly last: Promise<unknown>
  readonly length: number
}

const lines = new WeakMap<Connection, Map<string, Line>>()
/** More would not have their turn in time. */
export const longestLine = 500

/** It spares those who would conflict within one process the repetitions; only in a shared transaction must no two turns be about the same. */
async function inLine<T>(db: Connection, about: string, work: () => Promise<T>): Promise<T> {
  const waiting = lines.get(db) ?? new Map<string, Line>()
  lines.set(db, waiting)
  const { last, length } = waiting.get(about) ?? { last: Promise.resolve(), length: 0 }
  if (length >= longestLine) throw new EntenteError('OVERLOADED', { why: 'too many about the same', waiting: length }, { retryAfter: 1 })
  const turn = last.then(work, work)
  waiting.set(about, { last: turn, length: length + 1 })
  try {
    return await turn
  } finally {
    const line = waiting.get(about)
    if (line?.last === turn) waiting.delete(about)
    else if (line !== undefined) waiting.set(about, { ...line, length: line.length - 1 })
  }
}

/** Whether a write lost against an `_id` (or unique index) that was there before: MongoDB's error 11000. */
export function isDuplicateKey(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 11000
}
