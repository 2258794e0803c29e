import { Schema, type Connection } from 'mongoose'
import { atOnce, chainHeads, type Chained, type RecordedHead } from './chain-heads.ts'
import { collectionOf, present } from './mongo.ts'
import type { Tx } from './transaction.ts'

export interface CheckpointRow {
  /** 1, 2, 3 … without gaps. */
  _id: number
  at: Date
  /** Signed: `audit/checkpoints.ts` says what stands in it. */
  jws: string
}

/** A head that a checkpoint named. Kept for good: it is what a later look at the chain is compared with. */
interface HeadRow {
  /** `audit/<chain>/0000000012` */
  _id: string
  hash: string
  seq: number
}

const checkpointSchema = new Schema<CheckpointRow>(
  { _id: { type: Number, required: true }, at: { type: Date, required: true }, jws: { type: String, required: true } },
  { versionKey: false, strict: 'throw' },
)
const headSchema = new Schema<HeadRow>(
  { _id: { type: String, required: true }, hash: { type: String, required: true }, seq: { type: Number, required: true } },
  { versionKey: false, strict: 'throw' },
)
headSchema.index({ seq: 1, _id: 1 })

/** A public key that signed something: kept when the private one is long gone, since proofs outlive it. */
interface KeyRow {
  /** `kid` */
  _id: string
  jwk: Record<string, unknown>
  firstSeenAt: Date
}

const keySchema = new Schema<KeyRow>(
  { _id: { type: String, required: true }, jwk: { type: Schema.Types.Mixed, required: true }, firstSeenAt: { type: Date, required: true } },
  { versionKey: false, strict: 'throw' },
)

/** Not to be wrapped by `inTime`: what streams takes as long as it takes. */
export function checkpointStore(db: Connection) {
  const checkpoints = collectionOf<CheckpointRow>(db, 'ledger_checkpoints', checkpointSchema)
  const heads = collectionOf<HeadRow>(db, 'checkpoint_heads', headSchema)
  const keys = collectionOf<KeyRow>(db, 'published_keys', keySchema)
  const recordedHead = ({ _id: id, hash, seq }: HeadRow): RecordedHead => ({ id, hash, seq })
  return {
    ...chainHeads(db),

    last: (): Promise<CheckpointRow | null> => checkpoints.findOne().sort({ _id: -1 }).lean<CheckpointRow>().exec(),
    all: (): AsyncIterable<CheckpointRow> => checkpoints.find().sort({ _id: 1 }).lean<CheckpointRow>().cursor(),
    insert: async (tx: Tx, row: CheckpointRow): Promise<void> => {
      await checkpoints.create([row], { session: tx })
    },

    /** Which of these heads an earlier checkpoint has named, or one that was begun as `seq`. */
    async recorded(ids: readonly string[]): Promise<Map<string, RecordedHead>> {
      const rows = await heads.collection.find<HeadRow>({ _id: { $in: [...ids] } as never }).toArray()
      return new Map(rows.map((row) => [row._id, recordedHead(row)]))
    },
    record: async (tx: Tx, seq: number, moved: readonly { readonly id: string; readonly hash: string }[]): Promise<void> => {
      await heads.collection.insertMany(moved.map(({ id, hash }) => ({ _id: id, hash, seq })) as never, { session: tx })
    },

    /** In the order of their ids. */
    async *recordedFor(seq: number): AsyncGenerator<RecordedHead> {
      for await (const row of heads.collection.find<HeadRow>({ seq }, { batchSize: atOnce }).sort({ _id: 1 })) yield recordedHead(row)
    },
    /** Checkpoint by checkpoint. */
    async *recordedUpTo(seq: number): AsyncGenerator<RecordedHead> {
      for await (const row of heads.collection.find<HeadRow>({ seq: { $lte: seq } }, { batchSize: atOnce }).sort({ seq: 1, _id: 1 })) yield recordedHead(row)
    },
    /** Chain by chain. */
    async *recordedIn(kind: Chained, upTo: number): AsyncGenerator<RecordedHead> {
      const ofKind = { _id: { $gt: `${kind}/`, $lt: `${kind}0` } as never, seq: { $lte: upTo } }
      for await (const row of heads.collection.find<HeadRow>(ofKind, { batchSize: atOnce }).sort({ _id: 1 })) yield recordedHead(row)
    },

    publish: async (jwks: readonly { readonly kid?: string }[], firstSeenAt: Date): Promise<void> => {
      const unseen = jwks.map((jwk) => ({
        updateOne: { filter: { _id: present(jwk.kid, 'kid') }, update: { $setOnInsert: { jwk, firstSeenAt } }, upsert: true },
      }))
      await keys.bulkWrite(unseen, { ordered: false })
    },
    published: async (): Promise<Record<string, unknown>[]> => (await keys.find().sort({ firstSeenAt: 1 }).lean<KeyRow[]>().exec()).map(({ jwk }) => jwk),
  }
}

export type CheckpointStore = ReturnType<typeof checkpointStore>
