import { Schema, type Connection } from 'mongoose'
import { collectionOf } from './mongo.ts'
import { isDuplicateKey, type Tx } from './transaction.ts'

/** Something that an operator should look at. Codes and counts; the subject of a customer is their key, which never leaves. */
export interface AlertRow {
  /** Random. */
  _id: string
  rule: string
  /** `client:<id>`, `customer:<key>`, `provider:<id>`, `chain:<kind>/<chain>`, `queue:<kind>` or `house`. */
  subject: string
  times: number
  firstAt: Date
  lastAt: Date
  categories: string[]
  /** `_id` of the newest audit event behind it. */
  event: string
  raisedAt: Date
  open: boolean
  acknowledgedAt?: Date
  /** Client id of the operator who did. */
  acknowledgedBy?: string
  note?: string
}

const schema = new Schema<AlertRow>(
  {
    _id: { type: String, required: true },
    rule: { type: String, required: true },
    subject: { type: String, required: true },
    times: { type: Number, required: true },
    firstAt: { type: Date, required: true },
    lastAt: { type: Date, required: true },
    categories: [String],
    event: { type: String, required: true },
    raisedAt: { type: Date, required: true },
    open: { type: Boolean, required: true },
    acknowledgedAt: Date,
    acknowledgedBy: String,
    note: String,
  },
  { versionKey: false, strict: 'throw' },
)
// One open alert for each rule and subject, whoever raises it.
schema.index({ rule: 1, subject: 1 }, { unique: true, partialFilterExpression: { open: true } })
schema.index({ raisedAt: -1, _id: -1 })
schema.index({ acknowledgedAt: 1 }, { partialFilterExpression: { open: false } })

export function alertStore(db: Connection) {
  const model = collectionOf<AlertRow>(db, 'alerts', schema)
  return {
    /** Brings the open alert of that rule and subject up to date; false when there is none. */
    async goesOn({ rule, subject, times, lastAt, event, categories }: AlertRow): Promise<boolean> {
      const update = { $max: { times, lastAt }, $set: { event }, $addToSet: { categories: { $each: categories } } }
      const { matchedCount } = await model.updateOne({ rule, subject, open: true }, update)
      return matchedCount === 1
    },
    /** False when another process was first. */
    async raise(tx: Tx, row: AlertRow): Promise<void> {
      await model.create([row], { session: tx })
    },
    isRaised: isDuplicateKey,

    raisedBetween: (from: Date, to: Date): Promise<AlertRow[]> =>
      model
        .find({ raisedAt: { $gte: from, $lt: to } })
        .sort({ raisedAt: 1 })
        .lean<AlertRow[]>()
        .exec(),

    answeredSince: (since: Date): Promise<AlertRow[]> =>
      model
        .find({ open: false, acknowledgedAt: { $gt: since } })
        .lean<AlertRow[]>()
        .exec(),

    read: (id: string): Promise<AlertRow | null> => model.findOne({ _id: id }).lean<AlertRow>().exec(),
    async acknowledge(id: string, by: { readonly at: Date; readonly client: string; readonly note: string }): Promise<boolean> {
      const answer = { open: false, acknowledgedAt: by.at, acknowledgedBy: by.client, note: by.note }
      const { modifiedCount } = await model.updateOne({ _id: id, open: true }, { $set: answer })
      return modifiedCount === 1
    },

    /** Newest first. */
    page(open: boolean | null, before: { readonly at: Date; readonly id: string } | null, limit: number): Promise<AlertRow[]> {
      const later = before === null ? {} : { $or: [{ raisedAt: { $lt: before.at } }, { raisedAt: before.at, _id: { $lt: before.id } }] }
      return model
        .find({ ...(open !== null && { open }), ...later })
        .sort({ raisedAt: -1, _id: -1 })
        .limit(limit)
        .lean<AlertRow[]>()
        .exec()
    },
  }
}

export type AlertStore = ReturnType<typeof alertStore>
