import { Schema, type Connection } from 'mongoose'
import { rowsOf } from './mongo.ts'

/** Where something was counted: names from fixed sets, nothing of anybody. */
export interface FunnelPlace {
  readonly client: string
  /** A provider, `mail` or `passkey`; empty where the way in is not chosen yet. */
  readonly provider: string
  readonly device: string
  /** Of the login page; empty where there is one form only. */
  readonly variant: string
  readonly step: string
  readonly outcome: string
}

/**
 * What was counted at one place. Only whole groups of `k` are entered under a day; `rest`, always less than `k`, waits for the group that it
 * will be part of. So the numbers of any days add up to what was, and none stands for a smaller group.
 */
export interface FunnelRow extends FunnelPlace {
  _id: string
  rest: number
  /** `2026-05-04` → a multiple of `k`. */
  days: Record<string, number>
  expiresAt: Date
}

const schema = new Schema<FunnelRow>(
  {
    _id: { type: String, required: true },
    client: String,
    provider: String,
    device: String,
    variant: String,
    step: String,
    outcome: String,
    rest: Number,
    days: { type: Schema.Types.Mixed },
    expiresAt: Date,
  },
  { versionKey: false, strict: 'throw' },
)
schema.index({ expiresAt: 1 }, { expireAfterSeconds: 0 })

/** How long numbers are kept, in days. */
export const funnelKept = 400
const dayLength = 86_400_000
export const dayOf = (at: Date): string => at.toISOString().slice(0, 10)

export interface Counted extends FunnelPlace {
  readonly times: number
}

export function funnelStore(db: Connection) {
  const rows = rowsOf<FunnelRow>(db, 'login_funnel', schema)
  return {
    /** Several processes may add at once. */
    async add(counted: readonly Counted[], k: number, at: Date): Promise<void> {
      await rows.bulkWrite(
        counted.map(({ times, ...place }) => ({ updateOne: { filter: { _id: idOf(place) }, update: added(place, times, k, at), upsert: true } })),
        { ordered: false },
      )
    },
    all: (): Promise<FunnelRow[]> => rows.find().toArray(),
  }
}

export type FunnelStore = ReturnType<typeof funnelStore>

const idOf = ({ client, provider, device, variant, step, outcome }: FunnelPlace): string => [client, provider, device, variant, step, outcome].join('|')

/** One pipeline, so that rest and day change together or not at all. */
function added(place: FunnelPlace, times: number, k: number, at: Date) {
  const day = `days.${dayOf(at)}`
  const oldest = dayOf(new Date(at.getTime() - funnelKept * dayLength))
  const all = { $add: [{ $ifNull: ['$rest', 0] }, times] }
  const grouped = { $subtract: [all, { $mod: [all, k] }] }
  const literal = Object.fromEntries(Object.entries(place).map(([name, value]) => [name, { $literal: value }]))
  return [
    {
      $set: {
        ...literal,
        [day]: { $add: [{ $ifNull: [`$${day}`, 0] }, grouped] },
        rest: { $mod: [all, k] },
        expiresAt: { $literal: new Date(at.getTime() + funnelKept * dayLength) },
      },
    },
    // A day on which no group became whole is not told from one on which nobody came.
    {
      $set: {
        days: {
          $arrayToObject: { $filter: { input: { $objectToArray: '$days' }, cond: { $and: [{ $gte: ['$$this.k', oldest] }, { $gt: ['$$this.v', 0] }] } } },
        },
      },
    },
  ]
}
