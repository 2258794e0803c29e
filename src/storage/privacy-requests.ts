import { Schema, type Connection } from 'mongoose'
import type { CustomerKey } from '../operation.ts'
import { collectionOf } from './mongo.ts'
import type { Tx } from './transaction.ts'

export type RequestKind = 'access' | 'erasure'
export type RequestOutcome = 'done' | 'refused'

export interface PrivacyRequestRow {
  _id: string
  kind: RequestKind
  customer: CustomerKey
  /** How it came and how the person was recognised, in the operator's words; gone with the person. */
  reason?: string
  openedAt: Date
  openedBy: string
  /** Art. 12(3) GDPR. */
  dueAt: Date
  closedAt?: Date
  closedBy?: string
  outcome?: RequestOutcome
  /** Why it was refused; gone with the person. */
  answer?: string
}

const schema = new Schema<PrivacyRequestRow>(
  {
    _id: { type: String, required: true },
    kind: { type: String, required: true },
    customer: { type: String, required: true },
    reason: String,
    openedAt: { type: Date, required: true },
    openedBy: { type: String, required: true },
    dueAt: { type: Date, required: true },
    closedAt: Date,
    closedBy: String,
    outcome: String,
    answer: String,
  },
  { versionKey: false, strict: 'throw' },
)
schema.index({ customer: 1 })
schema.index({ closedAt: 1, dueAt: 1 })

/** Requests that people made outside the account centre, and operators handle. */
export function privacyRequestStore(db: Connection) {
  const model = collectionOf<PrivacyRequestRow>(db, 'privacy_requests', schema)
  return {
    insert: async (tx: Tx, row: PrivacyRequestRow): Promise<void> => {
      await model.create([row], { session: tx })
    },
    read: (id: string, tx?: Tx): Promise<PrivacyRequestRow | null> =>
      model
        .findOne({ _id: id })
        .session(tx ?? null)
        .lean<PrivacyRequestRow>()
        .exec(),
    /** False when it is closed already. */
    close: async (
      tx: Tx,
      id: string,
      closing: Required<Pick<PrivacyRequestRow, 'closedAt' | 'closedBy' | 'outcome'>> & { readonly answer?: string },
    ): Promise<boolean> => (await model.updateOne({ _id: id, closedAt: { $exists: false } }, { $set: closing }, { session: tx })).matchedCount === 1,
    ofCustomer: (customer: CustomerKey): Promise<PrivacyRequestRow[]> => model.find({ customer }).lean<PrivacyRequestRow[]>().exec(),
    /** Those that are due first. */
    list: (open: boolean, limit: number): Promise<PrivacyRequestRow[]> =>
      model
        .find({ closedAt: { $exists: !open } })
        .sort({ dueAt: 1 })
        .limit(limit)
        .lean<PrivacyRequestRow[]>()
        .exec(),
    overdue: (at: Date): Promise<number> => model.countDocuments({ closedAt: { $exists: false }, dueAt: { $lt: at } }).exec(),
    /** What was asked, when and with which end stays; words of people about people do not. */
    forgetWords: async (tx: Tx, customer: CustomerKey): Promise<void> => {
      await model.updateMany({ customer }, { $unset: { reason: '', answer: '' } }, { session: tx })
    },
  }
}

export type PrivacyRequestStore = ReturnType<typeof privacyRequestStore>
