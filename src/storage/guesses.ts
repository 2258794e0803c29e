import { Schema, type Connection } from 'mongoose'
import { collectionOf } from './mongo.ts'
import { isDuplicateKey } from './transaction.ts'

/** How often a factor of a customer was guessed at since it was last proved. */
export interface GuessRow {
  /** `<customer>/<factor kind>` */
  _id: string
  count: number
  /** Until then no guess is looked at. */
  lockedUntil: Date
  /** Whether the last one asked for was let through. */
  counted: boolean
  /** Removed by the database after this. */
  expiresAt: Date
}

export interface GuessLimits {
  /** Guesses that are free. */
  readonly free: number
  /** The first wait, doubled with each further guess, and the longest. Milliseconds. */
  readonly wait: number
  readonly longestWait: number
  readonly forgottenAfter: number
}

const schema = new Schema<GuessRow>(
  { _id: { type: String, required: true }, count: Number, lockedUntil: Date, counted: Boolean, expiresAt: Date },
  { versionKey: false, strict: 'throw' },
)
schema.index({ expiresAt: 1 }, { expireAfterSeconds: 0 })

/** Counters of guesses. In MongoDB, since one that an emptied Redis resets is none. */
export function guessStore(db: Connection) {
  const model = collectionOf<GuessRow>(db, 'guesses', schema)

  /** One guess more, in one atomic step, unless the counter is locked; the row as it then is. */
  async function count(id: string, now: Date, limits: GuessLimits): Promise<GuessRow> {
    const wait = { $min: [{ $multiply: [limits.wait, { $pow: [2, { $min: [{ $subtract: ['$count', limits.free] }, 20] }] }] }, limits.longestWait] }
    const steps = [
      { $set: { counted: { $lte: [{ $ifNull: ['$lockedUntil', new Date(0)] }, now] } } },
      { $set: { count: { $add: [{ $ifNull: ['$count', 0] }, { $cond: ['$counted', 1, 0] }] } } },
      {
        $set: {
          lockedUntil: {
            $cond: [{ $and: ['$counted', { $gte: ['$count', limits.free] }] }, { $add: [now, wait] }, { $ifNull: ['$lockedUntil', new Date(0)] }],
          },
          expiresAt: new Date(now.getTime() + limits.forgottenAfter),
        },
      },
    ]
    const row = await model.collection.findOneAndUpdate({ _id: id } as object, steps, { upsert: true, returnDocument: 'after' })
    if (row === null) throw new Error('an upsert returned nothing')
    return row as unknown as GuessRow
  }

  return {
    async count(id: string, now: Date, limits: GuessLimits): Promise<GuessRow> {
      try {
        return await count(id, now, limits)
      } catch (error) {
        // Two first guesses at once: the row is there now.
        if (!isDuplicateKey(error)) throw error
        return count(id, now, limits)
      }
    },

    clear: async (id: string): Promise<void> => {
      await model.deleteOne({ _id: id })
    },

    /** Those of these that are there. */
    read: (ids: readonly string[]): Promise<GuessRow[]> =>
      model
        .find({ _id: { $in: [...ids] } })
        .lean<GuessRow[]>()
        .exec(),
  }
}

export type GuessStore = ReturnType<typeof guessStore>
