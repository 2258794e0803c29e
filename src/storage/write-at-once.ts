import mongoose, { type Connection } from 'mongoose'
import { present } from './mongo.ts'
import type { Tx } from './transaction.ts'

const { MongoServerError } = mongoose.mongo

type Write =
  | { readonly insert: string; readonly documents: readonly object[] }
  | { readonly update: string; readonly updates: readonly { readonly q: object; readonly u: object }[] }

/**
 * One command of a transaction, as it goes over the wire; how many rows it wrote or found. The driver's bulk writes go through each document
 * two more times, to measure it and to take the list apart; what is too large for one command fails here. Throws what the first row failed with.
 */
export async function writeAtOnce(connection: Connection, write: Write, tx: Tx): Promise<number> {
  const db = present(connection.db, 'connection to MongoDB')
  const { n, writeErrors = [] } = await db.command({ ...write, ordered: false }, { session: tx })
  if (writeErrors.length > 0) throw new MongoServerError(writeErrors[0])
  return Number(n)
}
