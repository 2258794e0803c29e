import { Schema, type Connection } from 'mongoose'
import type { CustomerKey } from '../operation.ts'
import { rowsOf } from './mongo.ts'
import { isDuplicateKey, type Tx } from './transaction.ts'

export interface JobRow {
  /** `kind:id`, so that the same id twice is one job. */
  _id: string
  kind: string
  /** What is to be done, encrypted; gone once it is. */
  sealed?: string
  customer?: CustomerKey
  /** When it may be begun. Whoever begins it moves this past the end of the lease; what is done or parked has none. */
  dueAt?: Date
  /** How often it was begun. A worker whose lease ran out finds another number here than its own. */
  attempts: number
  doneAt?: Date
  parkedAt?: Date
  /** When the row goes. */
  expiresAt?: Date
}

const schema = new Schema<JobRow>(
  {
    _id: { type: String, required: true },
    kind: { type: String, required: true },
    sealed: String,
    customer: String,
    dueAt: Date,
    attempts: { type: Number, required: true },
    doneAt: Date,
    parkedAt: Date,
    expiresAt: Date,
  },
  { versionKey: false, strict: 'throw' },
)
schema.index({ dueAt: 1 }, { partialFilterExpression: { dueAt: { $exists: true } } })
schema.index({ expiresAt: 1 }, { expireAfterSeconds: 0 })
schema.index({ customer: 1 }, { partialFilterExpression: { customer: { $exists: true } } })

export type NewJobRow = Pick<JobRow, '_id' | 'kind' | 'sealed' | 'customer'> & { readonly dueAt: Date }
export type LeasedJobRow = JobRow & { readonly sealed: string }

/** One that says nothing is begun as well, to be parked: left in the line it would be the first for ever. */
const leased = (row: JobRow | null): LeasedJobRow | null => row && { ...row, sealed: row.sealed ?? '' }

export function jobStore(db: Connection) {
  const rows = rowsOf<JobRow>(db, 'jobs', schema)
  return {
    /** False when the id is there already, done or not. */
    putNew: async ({ _id, ...job }: NewJobRow, tx?: Tx): Promise<boolean> => {
      try {
        const { upsertedCount } = await rows.updateOne({ _id }, { $setOnInsert: { ...job, attempts: 0 } }, { upsert: true, ...(tx && { session: tx }) })
        return upsertedCount === 1
      } catch (error) {
        // Outside a transaction, two upserts at the same instant: one of them came first.
        if (tx === undefined && isDuplicateKey(error)) return false
        throw error
      }
    },

    /** The job of these kinds that has been due the longest, which is then nobody else's until `leasedUntil`. */
    lease: async (kinds: readonly string[], now: Date, leasedUntil: Date): Promise<LeasedJobRow | null> =>
      leased(
        await rows.findOneAndUpdate(
          { dueAt: { $lte: now }, kind: { $in: [...kinds] } },
          { $set: { dueAt: leasedUntil }, $inc: { attempts: 1 } },
          { sort: { dueAt: 1 }, returnDocument: 'after' },
        ),
      ),

    /** Keeps the id until `expiresAt` and forgets the rest. Counts whoever says it: what is done is done. */
    done: async (id: string, doneAt: Date, expiresAt: Date): Promise<void> => {
      await rows.updateOne({ _id: id }, { $set: { doneAt, expiresAt }, $unset: { sealed: '', dueAt: '', parkedAt: '' } })
    },

    /** Whether such a job is known, and done. */
    stateOf: async (id: string): Promise<'waiting' | 'done' | null> => {
      const row = await rows.findOne({ _id: id }, { projection: { doneAt: 1 } })
      return row === null ? null : row.doneAt === undefined ? 'waiting' : 'done'
    },

    /** Whether one of those from `first` on waits that sorts before `id`. */
    waitsBefore: async (first: string, id: string): Promise<boolean> =>
      (await rows.findOne({ _id: { $gte: first, $lt: id }, dueAt: { $exists: true } }, { projection: { _id: 1 } })) !== null,

    /** Begins again at `dueAt`. False when another has begun it since. */
    putOff: async (id: string, attempts: number, dueAt: Date): Promise<boolean> =>
      (await rows.updateOne({ _id: id, attempts, dueAt: { $exists: true } }, { $set: { dueAt } })).matchedCount === 1,

    /** Leaves it as it is, for a person to look at, until `expiresAt`; unless another has begun it since. */
    park: async (id: string, attempts: number, parkedAt: Date, expiresAt: Date): Promise<void> => {
      await rows.updateOne({ _id: id, attempts, dueAt: { $exists: true } }, { $set: { parkedAt, expiresAt }, $unset: { dueAt: '' } })
    },
  }
}

export type JobStore = ReturnType<typeof jobStore>
