import type { ClientSession, Connection } from 'mongoose'

/** Proof of being inside a transaction: writes that belong together demand it. */
export type Tx = ClientSession & { readonly __tx: unique symbol }

/**
 * Runs `work` in one transaction: snapshot reads, majority-committed writes. The work may run again after a conflict, so ids and
 * times are made before it, and it does no HTTP, mail or Redis. Awaits inside it stay in sequence.
 */
export function inTransaction<T>(db: Connection, work: (tx: Tx) => Promise<T>): Promise<T> {
  return db.transaction((session) => work(session as Tx), {
    readConcern: { level: 'snapshot' },
    writeConcern: { w: 'majority' },
    readPreference: 'primary',
  }) as Promise<T>
}

/** Whether a write lost against an `_id` (or unique index) that was there before: MongoDB's error 11000. */
export function isDuplicateKey(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 11000
}
