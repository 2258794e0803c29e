import { Schema, type Connection } from 'mongoose'
import type { CustomerKey } from '../operation.ts'
import { collectionOf } from './mongo.ts'
import type { Tx } from './transaction.ts'

export interface EmailRow {
  /** Keyed hash of the normalised address, with the key's version in front. */
  _id: string
  /** The customer who proved it. */
  customer: CustomerKey
  proof: 'authoritative' | 'verified'
  /** The provider that vouched for it. */
  by: string
  at: Date
}

const schema = new Schema<EmailRow>(
  {
    _id: { type: String, required: true },
    customer: { type: String, required: true },
    proof: { type: String, required: true },
    by: { type: String, required: true },
    at: { type: Date, required: true },
  },
  { versionKey: false, strict: 'throw' },
)
schema.index({ customer: 1 })

export function emailStore(db: Connection) {
  const model = collectionOf<EmailRow>(db, 'emails', schema)
  return {
    read: (key: string, tx?: Tx): Promise<EmailRow | null> =>
      model
        .findOne({ _id: key })
        .session(tx ?? null)
        .lean<EmailRow>()
        .exec(),

    /** Fails with a duplicate key when the address is somebody's already. */
    claim: async (tx: Tx, row: EmailRow): Promise<void> => {
      await model.create([row], { session: tx })
    },

    ofCustomer: (customer: CustomerKey): Promise<EmailRow[]> => model.find({ customer }).lean<EmailRow[]>().exec(),

    keysOf: async (customer: CustomerKey, tx: Tx): Promise<string[]> => {
      const rows = await model.find({ customer }, { _id: 1 }).session(tx).lean<Pick<EmailRow, '_id'>[]>().exec()
      return rows.map(({ _id }) => _id)
    },

    /** Those of them that are still that customer's. */
    move: async (tx: Tx, keys: readonly string[], from: CustomerKey, to: CustomerKey): Promise<void> => {
      await model.updateMany({ _id: { $in: [...keys] }, customer: from }, { $set: { customer: to } }, { session: tx })
    },

    /** A stronger proof of an address that the customer has already proved. */
    strengthen: async (tx: Tx, key: string, customer: CustomerKey, by: string, at: Date): Promise<void> => {
      await model.updateOne({ _id: key, customer }, { $set: { proof: 'authoritative', by, at } }, { session: tx })
    },
  }
}

export type EmailStore = ReturnType<typeof emailStore>
