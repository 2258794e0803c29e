import type { ClientSession, Connection } from 'mongoose'
import { within } from './within.ts'

/** Proof of being inside a transaction: writes that belong together demand it. */
export type Tx = ClientSession & { readonly __tx: unique symbol }

/**
 * Runs `work` in one transaction: snapshot reads, majority-committed writes. The work may run again after a conflict, so ids and
 * times are made before it, and it does no HTTP, mail or Redis. Awaits inside it stay in sequence. INTERNAL_SERVER_ERROR after nine
 * seconds, where the driver would try for two minutes: then it may still be committed, so who repeats it brings a key or finds by `_id` what is there.
 */
export function inTransaction<T>(db: Connection, work: (tx: Tx) => Promise<T>): Promise<T> {
  const options = { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority' }, readPreference: 'primary' } as const
  return within(db.transaction((session) => work(session as Tx), options) as Promise<T>)
}

/** Whether a write lost against an `_id` (or unique index) that was there before: MongoDB's error 11000. */
export function isDuplicateKey(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 11000
}
