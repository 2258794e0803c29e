import { Schema, type Connection } from 'mongoose'
import type { CustomerKey } from '../operation.ts'
import { collectionOf } from './mongo.ts'
import type { Tx } from './transaction.ts'

/** An operator as they were when they did something. */
export interface ActingOperator {
  readonly customer: CustomerKey
  readonly names: string[]
}

/** A change of a client's registration: made at once when it only takes away, else waiting for a second person. */
export interface ClientChangeRow {
  _id: string
  client: string
  /** The members that become others, as a whole. */
  change: Record<string, unknown>
  /** Digest of the registration that it was proposed for; empty for a client that is to come. */
  base: string
  adds: string[]
  removes: string[]
  state: 'proposed' | 'applied'
  proposedBy: ActingOperator
  proposedAt: Date
  expiresAt: Date
  approvedBy?: ActingOperator
  appliedAt?: Date
}

const operator = { _id: false, customer: String, names: [String] }
const schema = new Schema<ClientChangeRow>(
  {
    _id: { type: String, required: true },
    client: { type: String, required: true },
    change: { type: Schema.Types.Mixed, required: true },
    base: { type: String, required: true },
    adds: [String],
    removes: [String],
    state: { type: String, required: true },
    proposedBy: { type: operator, required: true },
    proposedAt: { type: Date, required: true },
    expiresAt: { type: Date, required: true },
    approvedBy: { type: operator, default: undefined },
    appliedAt: Date,
  },
  { versionKey: false, minimize: false, strict: 'throw' },
)
schema.index({ proposedAt: -1 })

/** Who wanted what of a client, and who agreed. Kept: it is the record of four eyes. */
export function clientChangeStore(db: Connection) {
  const model = collectionOf<ClientChangeRow>(db, 'client_changes', schema)
  return {
    insert: async (tx: Tx, row: ClientChangeRow): Promise<void> => {
      await model.create([row], { session: tx })
    },
    read: (tx: Tx, id: string): Promise<ClientChangeRow | null> => model.findOne({ _id: id }).session(tx).lean<ClientChangeRow>().exec(),
    /** False when somebody else was first. */
    applied: async (tx: Tx, id: string, approvedBy: ActingOperator, appliedAt: Date): Promise<boolean> =>
      (await model.updateOne({ _id: id, state: 'proposed' }, { $set: { state: 'applied', approvedBy, appliedAt } }, { session: tx })).matchedCount === 1,
    /** Newest first. */
    list: (limit: number): Promise<ClientChangeRow[]> => model.find().sort({ proposedAt: -1 }).limit(limit).lean<ClientChangeRow[]>().exec(),
    /** Those that wait at this moment. */
    waiting: (now: Date, limit: number): Promise<ClientChangeRow[]> =>
      model
        .find({ state: 'proposed', expiresAt: { $gt: now } })
        .sort({ proposedAt: -1 })
        .limit(limit)
        .lean<ClientChangeRow[]>()
        .exec(),
  }
}

export type ClientChangeStore = ReturnType<typeof clientChangeStore>
