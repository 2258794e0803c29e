import mongoose, { Schema, type Connection } from 'mongoose'
import type { CustomerKey } from '../operation.ts'
import { seal, unseal } from './keys.ts'
import { collectionOf } from './mongo.ts'
import type { Tx } from './transaction.ts'

interface HeldRow {
  /** `customer/purpose`: for that purpose and no other. */
  _id: string
  /** The values by field, encrypted. */
  sealed: string
  /** Removed by the database after this. */
  until: Date
}

const schema = new Schema<HeldRow>(
  { _id: { type: String, required: true }, sealed: { type: String, required: true }, until: { type: Date, required: true } },
  { versionKey: false, strict: 'throw' },
)
schema.index({ until: 1 }, { expireAfterSeconds: 0 })

export type HeldValues = Readonly<Record<string, unknown>>

const { EJSON } = mongoose.mongo.BSON

/** What a law or a contract keeps of erased people, apart from everything else: no read of the API comes here. */
export function heldDataStore(db: Connection, key: Buffer) {
  const model = collectionOf<HeldRow>(db, 'held_data', schema)
  return {
    put: async (tx: Tx, customer: CustomerKey, purpose: string, values: HeldValues, until: Date): Promise<void> => {
      const _id = `${customer}/${purpose}`
      await model.create([{ _id, sealed: seal(key, EJSON.stringify(values), _id), until }], { session: tx })
    },
    /** Null when nothing is held, or its time is over. */
    read: async (customer: CustomerKey, purpose: string, now: Date): Promise<HeldValues | null> => {
      const row = await model
        .findOne({ _id: `${customer}/${purpose}` })
        .lean<HeldRow>()
        .exec()
      const plain = row === null || row.until <= now ? null : unseal(key, row.sealed, row._id)
      return plain === null ? null : EJSON.parse(plain.toString())
    },
  }
}

export type HeldDataStore = ReturnType<typeof heldDataStore>
