import mongoose, { type Connection } from 'mongoose'
import { present } from './mongo.ts'
import { rowFrom } from './row-reader.ts'
import type { Tx } from './transaction.ts'

const { MongoNetworkError, MongoServerError } = mongoose.mongo

interface Find {
  readonly collection: string
  readonly filter: object
  readonly projection: Readonly<Record<string, 1>>
  readonly sort?: Record<string, 1 | -1>
  readonly limit: number
}

/**
 * The rows that one `find` brings in one reply. Of a long list the driver's cursor costs more than all the rest of the answer, most of it
 * for reading each document twice. Like the driver's own reads it is tried again once when the connection or the primary was lost; a
 * transaction is run again as a whole.
 */
export async function readAtOnce<Row>(connection: Connection, { collection, ...find }: Find, tx?: Tx): Promise<Row[]> {
  const db = present(connection.db, 'connection to MongoDB')
  const options = { fieldsAsRaw: { firstBatch: true }, ...(tx && { session: tx }) }
  const ask = () => db.command({ find: collection, ...find, batchSize: find.limit + 1 }, options)
  const { cursor } = await ask().catch((error: unknown) => {
    if (tx === undefined && (error instanceof MongoNetworkError || error instanceof MongoServerError)) return ask()
    throw error
  })
  // What does not fit one reply (16 MiB) is left to the driver.
  if (Number(cursor.id) === 0) return cursor.firstBatch.map(rowFrom)
  const { filter, ...rest } = find
  return db.collection(collection).find<Row & object>(filter, { ...rest, ...(tx && { session: tx }) }).toArray()
}
