import { Schema, type Connection } from 'mongoose'
import { keptAmong, keptEvent, type KeptEventRow } from './events.ts'
import { rowsOf } from './mongo.ts'
import type { Tx } from './transaction.ts'

/** Something that a browser did with which nobody had signed in yet. */
export interface AnonymousEventRow extends KeptEventRow {
  /** Keyed hash of the client and its `anonymousId`. */
  bucket: string
}

const schema = new Schema<AnonymousEventRow>(
  { ...keptEvent, bucket: { type: String, required: true } },
  { versionKey: false, strict: 'throw', minimize: false },
)
schema.index({ bucket: 1 })
schema.index({ expiresAt: 1 }, { expireAfterSeconds: 0 })

/** What waits under a pseudonym for somebody to sign in; after days it goes by itself. The shard key is `bucket`. */
export function anonymousEventStore(db: Connection) {
  const rows = rowsOf<AnonymousEventRow>(db, 'anonymous_events', schema)
  return {
    known: (ids: readonly string[], tx: Tx): Promise<string[]> => keptAmong(rows, ids, tx),
    /** Throws a duplicate key when one of them is there already. */
    insert: async (tx: Tx, fresh: AnonymousEventRow[]): Promise<void> => void (await rows.insertMany(fresh, { session: tx, ordered: false })),
    /** The newest of these buckets, `atMost` of them. */
    of: (buckets: readonly string[], atMost: number, tx: Tx): Promise<AnonymousEventRow[]> =>
      rows.find({ bucket: { $in: [...buckets] } }, { session: tx, sort: { receivedAt: -1 }, limit: atMost }).toArray(),
    /** Also what came to a bucket beyond what `of` gave. */
    empty: async (buckets: readonly string[], tx: Tx): Promise<void> => void (await rows.deleteMany({ bucket: { $in: [...buckets] } }, { session: tx })),
  }
}

export type AnonymousEventStore = ReturnType<typeof anonymousEventStore>
