import { Schema, type Connection } from 'mongoose'
import type { CustomerKey } from '../operation.ts'
import { joinedCommands } from './joined-commands.ts'
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

const collection = 'emails'

export function emailStore(db: Connection) {
  const model = collectionOf<EmailRow>(db, collection, schema)
  return {
    read: (key: string, tx?: Tx): Promise<EmailRow | null> =>
      tx === undefined ? model.findOne({ _id: key }).lean<EmailRow>().exec() : joinedCommands(db, tx).read<EmailRow>(collection, key),

    /** Fails with a duplicate key when the address is somebody's already. */
    claim: async (tx: Tx, row: EmailRow): Promise<void> => {
      await joinedCommands(db, tx).inTurn(() => model.create([row], { session: tx }))
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
      await joinedCommands(db, tx).update(collection, { q: { _id: key, customer }, u: { $set: { proof: 'authoritative', by, at } } })
    },
  }
}

export type EmailStore = ReturnType<typeof emailStore>
