import mongoose, { Schema, type Connection } from 'mongoose'
import type { CustomerKey } from '../operation.ts'
import type { CustomerRow } from './customers.ts'
import { seal, unseal } from './keys.ts'
import { collectionOf } from './mongo.ts'
import type { Tx } from './transaction.ts'

/** Both as they were, and what was moved besides: all that undoing needs. */
export interface BeforeMerge {
  readonly survivor: CustomerRow
  readonly absorbed: CustomerRow
  /** `_id`s in `emails`. */
  readonly emails: readonly string[]
}

export interface Merge {
  readonly id: string
  readonly survivor: CustomerKey
  readonly absorbed: CustomerKey
  /** The last moment to undo it. */
  readonly undoUntil: Date
  /** Null once it was undone. */
  readonly before: BeforeMerge | null
}

interface MergeRow {
  _id: string
  survivor: CustomerKey
  absorbed: CustomerKey
  /** `BeforeMerge`, encrypted; gone once it was undone. */
  sealed?: string
  undoneAt?: Date
  expiresAt: Date
}

const schema = new Schema<MergeRow>(
  {
    _id: { type: String, required: true },
    survivor: { type: String, required: true },
    absorbed: { type: String, required: true },
    sealed: String,
    undoneAt: Date,
    expiresAt: { type: Date, required: true },
  },
  { versionKey: false, strict: 'throw' },
)
schema.index({ expiresAt: 1 }, { expireAfterSeconds: 0 })
schema.index({ survivor: 1 })

const { EJSON } = mongoose.mongo.BSON

/** Merges that can still be undone. What two people's records held lies here encrypted, and no longer than that. */
export function mergeStore(db: Connection, key: Buffer) {
  const model = collectionOf<MergeRow>(db, 'merges', schema)

  function opened({ _id, sealed }: MergeRow): BeforeMerge | null {
    const plain = sealed === undefined ? null : unseal(key, sealed, _id)
    return plain === null ? null : EJSON.parse(plain.toString(), { relaxed: true })
  }

  return {
    insert: async (tx: Tx, { id, survivor, absorbed, undoUntil, before }: Merge & { readonly before: BeforeMerge }): Promise<void> => {
      const sealed = seal(key, EJSON.stringify(before, { relaxed: false }), id)
      await model.create([{ _id: id, survivor, absorbed, sealed, expiresAt: undoUntil }], { session: tx })
    },

    /** Null when there is none, or its time is over. */
    read: async (id: string, now: Date, tx: Tx): Promise<Merge | null> => {
      const row = await model.findOne({ _id: id }).session(tx).lean<MergeRow>().exec()
      if (row === null || row.expiresAt <= now) return null
      return { id, survivor: row.survivor, absorbed: row.absorbed, undoUntil: row.expiresAt, before: opened(row) }
    },

    /** Those that can still be undone, what was before each included. */
    async ofSurvivor(customer: CustomerKey, now: Date): Promise<Merge[]> {
      const rows = await model
        .find({ survivor: customer, undoneAt: { $exists: false }, expiresAt: { $gt: now } })
        .lean<MergeRow[]>()
        .exec()
      return rows.map((row) => ({ id: row._id, survivor: row.survivor, absorbed: row.absorbed, undoUntil: row.expiresAt, before: opened(row) }))
    },

    undone: async (tx: Tx, id: string, at: Date): Promise<void> => {
      await model.updateOne({ _id: id }, { $set: { undoneAt: at }, $unset: { sealed: '' } }, { session: tx })
    },
  }
}

export type MergeStore = ReturnType<typeof mergeStore>
