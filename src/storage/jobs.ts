import { randomUUID } from 'node:crypto'
import { Schema, type Connection } from 'mongoose'
import type { CustomerKey } from '../operation.ts'
import { joined } from './joined.ts'
import { joinedCommands } from './joined-commands.ts'
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
  /** Of those that were begun together last time, by whom: random. */
  lease?: string
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
    lease: String,
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
const leased = (row: JobRow): LeasedJobRow => ({ ...row, sealed: row.sealed ?? '' })

export function jobStore(db: Connection) {
  const rows = rowsOf<JobRow>(db, 'jobs', schema)
  const end = joined(async (ends: readonly { readonly id: string; readonly doneAt: Date; readonly expiresAt: Date }[]) => {
    const done = ends.map(({ id, ...at }) => ({
      updateOne: { filter: { _id: id }, update: { $set: at, $unset: { sealed: '', dueAt: '', parkedAt: '' } } } as const,
    }))
    await rows.bulkWrite(done, { ordered: false })
    return ends
  })
  return {
    /** False when the id is there already, done or not. */
    putNew: async ({ _id, ...job }: NewJobRow, tx?: Tx): Promise<boolean> => {
      const u = { $setOnInsert: { ...job, attempts: 0 } }
      if (tx !== undefined) return (await joinedCommands(db, tx).update('jobs', { q: { _id }, u, upsert: true })) === 'made'
      try {
        return (await rows.updateOne({ _id }, u, { upsert: true })).upsertedCount === 1
      } catch (error) {
        // Two upserts at the same instant: one of them came first.
        if (isDuplicateKey(error)) return false
        throw error
      }
    },

    /** The jobs of these kinds that have been due the longest, which are then nobody else's until `leasedUntil`. */
    lease: async (kinds: readonly string[], now: Date, leasedUntil: Date, most: number): Promise<LeasedJobRow[]> => {
      const due = { dueAt: { $lte: now }, kind: { $in: [...kinds] } }
      const found = most === 1 ? [] : await rows.find(due, { projection: { _id: 1 }, sort: { dueAt: 1 }, limit: most }).toArray()
      if (most > 1 && found.length === 0) return []
      if (found.length < 2) {
        const taken = { $set: { dueAt: leasedUntil }, $inc: { attempts: 1 } }
        const row = await rows.findOneAndUpdate(due, taken, { sort: { dueAt: 1 }, returnDocument: 'after' })
        return row === null ? [] : [leased(row)]
      }
      const ids = { _id: { $in: found.map(({ _id }) => _id) } }
      const lease = randomUUID()
      await rows.updateMany({ ...ids, ...due }, { $set: { dueAt: leasedUntil, lease }, $inc: { attempts: 1 } })
      // Another process may have been faster with some.
      return (await rows.find({ ...ids, lease }).toArray()).map(leased)
    },

    /** Keeps the id until `expiresAt` and forgets the rest. Counts whoever says it: what is done is done. */
    done: async (id: string, doneAt: Date, expiresAt: Date): Promise<void> => void (await end({ id, doneAt, expiresAt })),

    /** Whether such a job is known, and done. */
    stateOf: async (id: string, tx?: Tx): Promise<'waiting' | 'done' | null> => {
      const ask = () => rows.findOne({ _id: id }, { projection: { doneAt: 1 }, ...(tx && { session: tx }) })
      const row = await (tx === undefined ? ask() : joinedCommands(db, tx).inTurn(ask))
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
