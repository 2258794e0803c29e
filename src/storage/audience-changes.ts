import { Schema, type Connection } from 'mongoose'
import type { CustomerKey } from '../operation.ts'
import { joinedCommands } from './joined-commands.ts'
import { rowsOf } from './mongo.ts'
import type { Tx } from './transaction.ts'

/** Why somebody is no longer of an audience. */
export type Gone = 'withdrawn' | 'objected' | 'expired' | 'restricted' | 'erased' | 'merged' | 'left'

/** The latest that happened to one person in one audience. */
export interface AudienceChangeRow {
  /** `segment@purpose/customer` */
  _id: string
  audience: string
  customer: CustomerKey
  at: Date
  /** Absent: came, or was changed. */
  gone?: Gone
  expiresAt: Date
}

/** One person in one audience: came, was changed, or is gone and why. */
export interface AudienceChange {
  readonly audience: string
  readonly customer: CustomerKey
  readonly what: 'came' | 'changed' | Gone
}

const schema = new Schema<AudienceChangeRow>(
  {
    _id: { type: String, required: true },
    audience: { type: String, required: true },
    customer: { type: String, required: true },
    at: { type: Date, required: true },
    gone: String,
    expiresAt: { type: Date, required: true },
  },
  { versionKey: false, strict: 'throw' },
)
schema.index({ audience: 1, at: 1, _id: 1 })
schema.index({ expiresAt: 1 }, { expireAfterSeconds: 0 })

/** How long a receiver can still learn of a change. Milliseconds. */
export const changesKept = 90 * 86_400_000

/** Where a run through the changes of an audience stands. */
export interface ChangePlace {
  readonly at: Date
  readonly customer: CustomerKey
}

export function audienceChangeStore(db: Connection) {
  const rows = rowsOf<AudienceChangeRow>(db, 'audience_changes', schema)
  return {
    async put(tx: Tx, changes: readonly AudienceChange[], at: Date): Promise<void> {
      if (changes.length === 0) return
      const expiresAt = new Date(at.getTime() + changesKept)
      const commands = joinedCommands(db, tx)
      await Promise.all(
        changes.map(({ audience, customer, what }) => {
          const _id = `${audience}/${customer}`
          const row = { _id, audience, customer, at, ...(what !== 'came' && what !== 'changed' && { gone: what }), expiresAt }
          return commands.update('audience_changes', { q: { _id }, u: row, upsert: true })
        }),
      )
    },

    /** In the order in which they happened, by the clocks of those who wrote them. */
    after: (audience: string, { at, customer }: ChangePlace, limit: number): Promise<AudienceChangeRow[]> =>
      rows
        .find({ audience, $or: [{ at: { $gt: at } }, { at, _id: { $gt: `${audience}/${customer}` } }] })
        .sort({ at: 1, _id: 1 })
        .limit(limit)
        .toArray(),
  }
}

export type AudienceChangeStore = ReturnType<typeof audienceChangeStore>
