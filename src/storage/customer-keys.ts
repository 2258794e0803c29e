import { randomBytes } from 'node:crypto'
import { Schema, type Connection } from 'mongoose'
import type { CustomerKey } from '../operation.ts'
import { seal, unseal } from './keys.ts'
import { collectionOf } from './mongo.ts'
import type { Tx } from './transaction.ts'

interface CustomerKeyRow {
  _id: CustomerKey
  /** The key, encrypted; absent once the customer is erased: then there will never be another. */
  sealed?: string
}

const schema = new Schema<CustomerKeyRow>({ _id: { type: String, required: true }, sealed: String }, { versionKey: false, strict: 'throw' })

/** One key for each customer, under which backups hold what is about them. It is in no backup: when it is destroyed, so is all of that. */
export function customerKeyStore(db: Connection, master: Buffer) {
  const model = collectionOf<CustomerKeyRow>(db, 'customer_keys', schema)
  const opened = ({ _id, sealed }: CustomerKeyRow): Buffer | null => (sealed === undefined ? null : unseal(master, sealed, _id))
  return {
    /** Made when there is none yet; null for somebody who is erased. */
    async obtain(customer: CustomerKey): Promise<Buffer | null> {
      const fresh = { $setOnInsert: { sealed: seal(master, randomBytes(32), customer) } }
      const row = await model.findOneAndUpdate({ _id: customer }, fresh, { upsert: true, returnDocument: 'after' }).lean<CustomerKeyRow>().exec()
      return row === null ? null : opened(row)
    },
    destroy: async (tx: Tx, customer: CustomerKey): Promise<void> => {
      await model.updateOne({ _id: customer }, { $unset: { sealed: '' } }, { upsert: true, session: tx })
    },
    /** All there are; null for those that were destroyed. */
    async *all(): AsyncGenerator<readonly [CustomerKey, Buffer | null]> {
      for await (const row of model.find().lean<CustomerKeyRow>().cursor()) yield [row._id, opened(row)]
    },
    /** As `all` gave them. */
    putBack: async (keys: Iterable<readonly [CustomerKey, Buffer | null]>): Promise<void> => {
      await model.insertMany([...keys].map(([_id, key]) => (key === null ? { _id } : { _id, sealed: seal(master, key, _id) })))
    },
  }
}

export type CustomerKeyStore = ReturnType<typeof customerKeyStore>
