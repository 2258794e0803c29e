import mongoose, { type Connection } from 'mongoose'
import { present } from './mongo.ts'
import { rowFrom } from './row-reader.ts'
import type { Tx } from './transaction.ts'

const { MongoNetworkError, MongoServerError } = mongoose.mongo

interface Find {
  readonly collection: string
  readonly filter: object
  readonly projection?: Readonly<Record<string, 1>>
  readonly sort?: Record<string, 1 | -1>
  readonly limit: number
}

/** Rows of one reply, each read from its bytes when it is asked for: of a long list no more is there than is being worked on. */
export class Rows<Row> implements Iterable<Row> {
  readonly #bytes: readonly Buffer[]

  constructor(bytes: readonly Buffer[]) {
    this.#bytes = bytes
  }

  get length(): number {
    return this.#bytes.length
  }

  at(index: number): Row | undefined {
    const bytes = this.#bytes.at(index)
    return bytes && this.#read(bytes)
  }

  slice(from: number, to: number): Row[] {
    return this.#bytes.slice(from, to).map(this.#read)
  }

  *[Symbol.iterator](): Iterator<Row> {
    for (const bytes of this.#bytes) yield this.#read(bytes)
  }

  /** As with the driver's own reads, what a collection holds is what its schema says. */
  readonly #read = (bytes: Buffer): Row => rowFrom(bytes) as Row
}

/**
 * The rows that one `find` brings in one reply. Of a long list the driver's cursor costs more than all the rest of the answer, most of it
 * for reading each document twice. Like the driver's own reads it is tried again once when the connection or the primary was lost; a
 * transaction is run again as a whole.
 */
export async function readAtOnce<Row>(connection: Connection, { collection, ...find }: Find, tx?: Tx): Promise<Rows<Row>> {
  const db = present(connection.db, 'connection to MongoDB')
  const options = { fieldsAsRaw: { firstBatch: true }, ...(tx && { session: tx }) }
  const ask = () => db.command({ find: collection, ...find, batchSize: find.limit + 1 }, options)
  const { cursor } = await ask().catch((error: unknown) => {
    if (tx === undefined && (error instanceof MongoNetworkError || error instanceof MongoServerError)) return ask()
    throw error
  })
  // What does not fit one reply (16 MiB) is left to the driver.
  if (Number(cursor.id) === 0) return new Rows(cursor.firstBatch)
  const { filter, ...rest } = find
  return new Rows(
    await db
      .collection(collection)
      .find<Buffer>(filter, { ...rest, raw: true, ...(tx && { session: tx }) })
      .toArray(),
  )
}

/** The whole rows with these keys, in their order; null where there is none. Two who ask for the same get a row each. */
export async function readByKey<Row extends { readonly _id: string }>(
  connection: Connection,
  collection: string,
  keys: readonly string[],
  tx?: Tx,
): Promise<(Row | null)[]> {
  const different = [...new Set(keys)]
  const find = { collection, filter: { _id: { $in: different } }, limit: different.length }
  const rows = await readAtOnce<Row>(connection, find, tx)
  const read = new Map([...rows].map((row, at) => [row._id, { row, at }]))
  const given = new Set<string>()
  return keys.map((key) => {
    const { row = null, at = 0 } = read.get(key) ?? {}
    const again = row !== null && given.has(key)
    given.add(key)
    return again ? (rows.at(at) ?? null) : row
  })
}
