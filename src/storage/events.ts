import { Schema, type Connection } from 'mongoose'
import type { CustomerKey } from '../operation.ts'
import { joined } from './joined.ts'
import { rowsOf } from './mongo.ts'
import type { Tx } from './transaction.ts'
import { writeAtOnce } from './write-at-once.ts'

export type EventValue = string | number | boolean

/** Something a person did, as far as the catalogue lets it be kept. */
export interface KeptEventRow {
  /** Keyed hash of the client and its `messageId`: the same event sent again is the same row. */
  _id: string
  name: string
  /** When it happened, as the client says; never after `receivedAt`. */
  at: Date
  receivedAt: Date
  client: string
  /** Purposes that had a legal basis when it was received, less those that ended since. It counts for no other. */
  purposes: readonly string[]
  properties: Record<string, EventValue>
  /** Removed by the database after this. */
  expiresAt: Date
}

export interface EventRow extends KeptEventRow {
  customer: CustomerKey
}

/** Of `KeptEventRow`. */
export const keptEvent = {
  _id: { type: String, required: true },
  name: { type: String, required: true },
  at: { type: Date, required: true },
  receivedAt: { type: Date, required: true },
  client: { type: String, required: true },
  purposes: [String],
  properties: { type: Schema.Types.Mixed, required: true },
  expiresAt: { type: Date, required: true },
} as const

const schema = new Schema<EventRow>({ ...keptEvent, customer: { type: String, required: true } }, { versionKey: false, strict: 'throw', minimize: false })
schema.index({ customer: 1, receivedAt: 1 })
schema.index({ expiresAt: 1 }, { expireAfterSeconds: 0 })

const atOnce = 1_000

/** Which of these ids are there. */
export async function keptAmong<Row extends KeptEventRow>(rows: ReturnType<typeof rowsOf<Row>>, ids: readonly string[], tx: Tx): Promise<string[]> {
  const filter = { _id: { $in: [...ids] } }
  const found = await rows.find(filter as object, { session: tx, projection: { _id: 1 }, batchSize: ids.length + 1 }).toArray()
  return found.map(({ _id }) => _id)
}

/**
 * What customers did. Rows are only added and taken away; all that changes in one is that it loses purposes. The shard key is `customer`, so
 * the same event of the same person meets itself on one shard. No time series: those take no writes in transactions.
 */
export function eventStore(db: Connection) {
  const rows = rowsOf<EventRow>(db, 'events', schema)
  const forget = joined(async (asks: readonly { readonly own: object; readonly purpose: string }[]) => {
    // In this order: what has lost its last purpose would be found no more.
    await rows.bulkWrite(
      asks.map(({ own, purpose }) => ({ deleteMany: { filter: { ...own, purposes: [purpose] } } })),
      { ordered: false },
    )
    await rows.bulkWrite(
      asks.map(({ own, purpose }) => ({ updateMany: { filter: { ...own, purposes: purpose }, update: { $pull: { purposes: purpose } } } })),
      { ordered: false },
    )
    return asks
  })
  return {
    /** Which of these are kept already, whoever's: asked of all shards, after something was sent twice. */
    known: (ids: readonly string[], tx: Tx): Promise<string[]> => keptAmong(rows, ids, tx),

    /** Throws a duplicate key (`isDuplicateKey`) when one of them is kept already, which ends the transaction. */
    insert: async (tx: Tx, fresh: readonly EventRow[]): Promise<void> => void (await writeAtOnce(db, { insert: 'events', documents: fresh }, tx)),

    /** All of a customer's, by the time they were received. */
    async *ofCustomer(customer: CustomerKey): AsyncGenerator<EventRow[]> {
      let page: EventRow[] = []
      for await (const row of rows.find({ customer }, { sort: { customer: 1, receivedAt: 1 }, batchSize: atOnce })) {
        page.push(row)
        if (page.length < atOnce) continue
        yield page
        page = []
      }
      if (page.length > 0) yield page
    },

    /** Those that count for a purpose, received at `since` or later. */
    forPurpose: (customer: CustomerKey, purpose: string, since: Date, tx?: Tx): Promise<EventRow[]> =>
      rows.find({ customer, receivedAt: { $gte: since }, purposes: purpose }, { sort: { receivedAt: 1 }, ...(tx && { session: tx }) }).toArray(),

    /** Takes a purpose away from what was received before a moment, or from all; what has none left goes. Doing it again is like doing it once. */
    forget: async (customer: CustomerKey, purpose: string, before: Date | null): Promise<void> => {
      await forget({ own: { customer, ...(before && { receivedAt: { $lt: before } }) }, purpose })
    },

    removeAll: async (customer: CustomerKey): Promise<void> => void (await rows.deleteMany({ customer })),
  }
}

export type EventStore = ReturnType<typeof eventStore>
