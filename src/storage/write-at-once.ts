import mongoose, { type Connection } from 'mongoose'
import { present } from './mongo.ts'
import type { Tx } from './transaction.ts'

const { MongoServerError } = mongoose.mongo

type Write =
  | { readonly insert: string; readonly documents: readonly object[] }
  | { readonly update: string; readonly updates: readonly { readonly q: object; readonly u: object; readonly upsert?: true }[] }

interface Reply {
  /** How many rows it wrote or found. */
  readonly n: number
  readonly upserted: readonly { readonly index: number }[]
}

/**
 * One command of a transaction, as it goes over the wire. The driver's bulk writes go through each document two more times, to measure it and
 * to take the list apart; what is too large for one command fails here. Throws what the first row failed with.
 */
export async function replied(connection: Connection, write: Write, tx: Tx): Promise<Reply> {
  const db = present(connection.db, 'connection to MongoDB')
  const { n, writeErrors = [], upserted = [] } = await db.command({ ...write, ordered: false }, { session: tx, ignoreUndefined: true })
  if (writeErrors.length > 0) throw new MongoServerError(writeErrors[0])
  return { n: Number(n), upserted }
}

/** The same; how many rows it wrote or found. */
export const writeAtOnce = async (connection: Connection, write: Write, tx: Tx): Promise<number> => (await replied(connection, write, tx)).n
