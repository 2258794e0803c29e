import { Schema, type Connection } from 'mongoose'
import { EntenteError } from '../errors.ts'
import { collectionOf } from './mongo.ts'
import { isDuplicateKey, type Tx } from './transaction.ts'

interface LeaseRow {
  _id: string
  holder: string
  until: Date
}

const schema = new Schema<LeaseRow>(
  { _id: { type: String, required: true }, holder: { type: String, required: true }, until: { type: Date, required: true } },
  { versionKey: false, strict: 'throw' },
)

/** Work that one process does at a time. Whose clock runs ahead may begin too early; `hold` in a transaction keeps the one before from writing on. */
export function leaseStore(db: Connection) {
  const model = collectionOf<LeaseRow>(db, 'leases', schema)
  return {
    /** False while another holds it. */
    async claim(name: string, holder: string, now: Date, until: Date): Promise<boolean> {
      try {
        await model.updateOne({ _id: name, $or: [{ until: { $lte: now } }, { holder }] }, { $set: { holder, until } }, { upsert: true })
        return true
      } catch (error) {
        if (isDuplicateKey(error)) return false
        throw error
      }
    },

    /** What else the transaction writes is written by the holder or not at all. INTERNAL_SERVER_ERROR */
    async hold(tx: Tx, name: string, holder: string, until: Date): Promise<void> {
      const { matchedCount } = await model.updateOne({ _id: name, holder }, { $set: { until } }, { session: tx })
      if (matchedCount === 0) throw new EntenteError('INTERNAL_SERVER_ERROR', { why: 'another process does it by now', lease: name })
    },

    release: async (name: string, holder: string): Promise<void> => {
      await model.deleteOne({ _id: name, holder })
    },
  }
}

export type LeaseStore = ReturnType<typeof leaseStore>
