import { Schema, type Connection } from 'mongoose'
import { collectionOf } from './mongo.ts'
import { isDuplicateKey } from './transaction.ts'

/** A client that was handed people of an audience. */
export interface AudienceReceiverRow {
  /** `client/segment@purpose` */
  _id: string
  client: string
  audience: string
  /** It has fetched all that changed up to this moment; before the first fetch, when it was first handed somebody. */
  calledBackTo: Date
  /** That it is behind has been noted, for the moment at which it stands. */
  notedAt?: Date
}

const schema = new Schema<AudienceReceiverRow>(
  {
    _id: { type: String, required: true },
    client: { type: String, required: true },
    audience: { type: String, required: true },
    calledBackTo: { type: Date, required: true },
    notedAt: Date,
  },
  { versionKey: false, strict: 'throw' },
)
schema.index({ calledBackTo: 1 })

export function audienceReceiverStore(db: Connection) {
  const model = collectionOf<AudienceReceiverRow>(db, 'audience_receivers', schema)
  const idOf = (client: string, audience: string): string => `${client}/${audience}`
  return {
    /** Null for a client that was handed nobody. */
    read: (client: string, audience: string): Promise<AudienceReceiverRow | null> =>
      model
        .findOne({ _id: idOf(client, audience) })
        .lean<AudienceReceiverRow>()
        .exec(),

    /** Before anybody is handed over: since when it has fetched nothing of what changed. */
    async owes(client: string, audience: string, from: Date): Promise<Date> {
      const put = { $setOnInsert: { client, audience, calledBackTo: from } }
      const ask = () =>
        model
          .findOneAndUpdate({ _id: idOf(client, audience) }, put, { upsert: true, returnDocument: 'after' })
          .lean<AudienceReceiverRow>()
          .exec()
      // Two streams begin at the same instant, and the other came first.
      const row = await ask().catch((error: unknown) => (isDuplicateKey(error) ? ask() : Promise.reject(error)))
      return row.calledBackTo
    },

    /** It has fetched all that changed up to that moment. */
    async calledBack(client: string, audience: string, to: Date): Promise<void> {
      await model.updateOne({ _id: idOf(client, audience), calledBackTo: { $lt: to } }, { $set: { calledBackTo: to }, $unset: { notedAt: '' } })
    },

    /** Those who have fetched nothing since that moment, each once for as long as it stays so. */
    async newlyBehind(since: Date, now: Date): Promise<AudienceReceiverRow[]> {
      const behind = await model
        .find({ calledBackTo: { $lt: since }, notedAt: { $exists: false } })
        .limit(100)
        .lean<AudienceReceiverRow[]>()
        .exec()
      const first = await Promise.all(
        behind.map(({ _id }) => model.updateOne({ _id, calledBackTo: { $lt: since }, notedAt: { $exists: false } }, { $set: { notedAt: now } })),
      )
      return behind.filter((_row, i) => first[i]?.modifiedCount === 1)
    },
  }
}

export type AudienceReceiverStore = ReturnType<typeof audienceReceiverStore>
