import { Schema, type Connection } from 'mongoose'
import type { CustomerKey } from '../operation.ts'
import { collectionOf } from './mongo.ts'
import type { Tx } from './transaction.ts'

export interface IdentityRow {
  /** Keyed hash of issuer family and subject. */
  _id: string
  customer: CustomerKey
  provider: string
  /** What clients call it. */
  publicId: string
  linkedAt: Date
  lastUsedAt: Date
}

const schema = new Schema<IdentityRow>(
  {
    _id: { type: String, required: true },
    customer: { type: String, required: true },
    provider: { type: String, required: true },
    publicId: { type: String, required: true },
    linkedAt: { type: Date, required: true },
    lastUsedAt: { type: Date, required: true },
  },
  { versionKey: false, strict: 'throw' },
)

export function identityStore(db: Connection) {
  const model = collectionOf<IdentityRow>(db, 'identities', schema)
  return {
    read: (key: string, tx?: Tx): Promise<IdentityRow | null> =>
      model
        .findOne({ _id: key })
        .session(tx ?? null)
        .lean<IdentityRow>()
        .exec(),

    /** Fails with a duplicate key when the identity is somebody's already. */
    insert: async (tx: Tx, row: IdentityRow): Promise<void> => {
      await model.create([row], { session: tx })
    },

    used: async (tx: Tx, key: string, at: Date): Promise<void> => {
      await model.updateOne({ _id: key }, { $set: { lastUsedAt: at } }, { session: tx })
    },

    remove: async (tx: Tx, key: string, customer: CustomerKey): Promise<boolean> => {
      const result = await model.deleteOne({ _id: key, customer }, { session: tx })
      return result.deletedCount === 1
    },
  }
}

export type IdentityStore = ReturnType<typeof identityStore>
