import { Schema, type Connection } from 'mongoose'
import type { CustomerKey } from '../operation.ts'
import type { ChainHead } from './customers.ts'
import { collectionOf, rowsOf } from './mongo.ts'
import type { Tx } from './transaction.ts'

/** What a duty of the shop keeps beyond an erasure, and until when. */
export interface Kept {
  readonly purpose: string
  readonly categories: readonly string[]
  readonly until: Date
}

/** One record of the person: their own, or one that was merged into it. */
export interface ErasedRecord {
  readonly customer: CustomerKey
  readonly ledger: ChainHead
  readonly audit: ChainHead
}

export interface ErasureRow {
  /** Random, 22 characters: what the person calls it. */
  _id: string
  customer: CustomerKey
  /** `waiting` until it is due, `erasing` from the moment in which the person is gone until the last store has been gone through. */
  state: 'waiting' | 'erasing' | 'done' | 'cancelled'
  /** Through which client, and who: the person, an operator's client, or nobody where a time was over. */
  client: string | null
  actor: 'customer' | 'client' | 'system'
  requestedAt: Date
  dueAt: Date
  erasedAt?: Date
  completedAt?: Date
  records?: ErasedRecord[]
  /** How many rows of each collection were the person's. */
  found?: Record<string, number>
  /** Providers that are told to end our access. */
  told?: string[]
  kept?: Kept[]
  /** A signed JWT. */
  certificate?: string
}

const schema = new Schema<ErasureRow>(
  {
    _id: { type: String, required: true },
    customer: { type: String, required: true },
    state: { type: String, required: true },
    client: { type: String, default: null },
    actor: { type: String, required: true },
    requestedAt: { type: Date, required: true },
    dueAt: { type: Date, required: true },
    erasedAt: Date,
    completedAt: Date,
    records: { type: Schema.Types.Mixed },
    found: { type: Schema.Types.Mixed },
    told: { type: [String], default: undefined },
    kept: { type: Schema.Types.Mixed },
    certificate: String,
  },
  { versionKey: false, minimize: false, strict: 'throw' },
)
schema.index({ state: 1, dueAt: 1 })

/** What the transaction of the erasure leaves to say. */
export type ErasedFacts = Required<Pick<ErasureRow, 'erasedAt' | 'records' | 'found' | 'told' | 'kept'>>

/** Erasures asked for and carried out: no value of the person, only the keys that their tombstones have too. */
export function erasureStore(db: Connection) {
  const model = collectionOf<ErasureRow>(db, 'erasures', schema)
  const rows = rowsOf<ErasureRow>(db, 'erasures', schema)

  /** False when it is in another state by now. */
  async function turn(id: string, from: ErasureRow['state'], change: Partial<ErasureRow>, tx?: Tx): Promise<boolean> {
    const result = await model.updateOne({ _id: id, state: from }, { $set: change }, { ...(tx && { session: tx }) })
    return result.matchedCount === 1
  }

  return {
    insert: async (tx: Tx, row: ErasureRow): Promise<void> => {
      await model.create([row], { session: tx })
    },
    read: (id: string, tx?: Tx): Promise<ErasureRow | null> => rows.findOne({ _id: id }, { ...(tx && { session: tx }) }),
    cancel: (tx: Tx, id: string): Promise<boolean> => turn(id, 'waiting', { state: 'cancelled' }, tx),
    erased: (tx: Tx, id: string, facts: ErasedFacts): Promise<boolean> => turn(id, 'waiting', { state: 'erasing', ...facts }, tx),
    complete: (id: string, completedAt: Date, certificate: string): Promise<boolean> => turn(id, 'erasing', { state: 'done', completedAt, certificate }),
    /** Those that should have been over by then. */
    overdue: (at: Date): Promise<number> => model.countDocuments({ state: { $in: ['waiting', 'erasing'] }, dueAt: { $lt: at } }).exec(),
  }
}

export type ErasureStore = ReturnType<typeof erasureStore>
