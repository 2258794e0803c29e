import { Schema, type Connection } from 'mongoose'
import type { CustomerKey } from '../operation.ts'
import type { Decision, DecisionState } from './customers.ts'
import { joinedCommands } from './joined-commands.ts'
import { rowsOf } from './mongo.ts'
import type { Tx } from './transaction.ts'

/** One answer of the person to one purpose, as it was given. */
export interface LedgerDecision {
  readonly purpose: string
  readonly state: DecisionState
  readonly textVersion: string
  /** SHA-256 of the text in the language that was shown. */
  readonly textHash: string
  readonly locale: string
  readonly expiresAt?: Date
}

/** Where two records became one, or two again, or where the person was erased: then there is no other. From here on `inForce` holds, whatever the entries before it say. */
export interface LedgerTurn {
  readonly what: 'absorbed' | 'mergedInto' | 'parted' | 'erased'
  /** Whose chain it was, and the hash of that chain's last entry before. */
  readonly other: CustomerKey
  readonly head: string
  readonly inForce: Readonly<Record<string, Decision>>
}

export type LedgerEvidence = Readonly<Record<string, string | number>> & { readonly by: 'mail asked' | 'mail' | 'Sec-GPC' | 'before login' | 'TCF' | 'age' }

/** Decisions that were made together: one entry, one receipt. */
export interface LedgerRow {
  /** `customer/0000000001`: sorts by customer, then sequence. */
  _id: string
  receipt: string
  decisions: LedgerDecision[]
  /** Client through which it was said. */
  surface: string
  at: Date
  /** Makes a repeated call the same call; unique per customer. */
  idempotencyKey?: string
  turn?: LedgerTurn
  /** How it was said, when not by a client's call: `by` names the kind. Codes, hashes and times; no address, no value of the profile. */
  evidence?: LedgerEvidence
  prev: string
  hash: string
}

const schema = new Schema<LedgerRow>(
  {
    _id: { type: String, required: true },
    receipt: { type: String, required: true },
    decisions: { type: Schema.Types.Mixed, required: true },
    surface: { type: String, required: true },
    at: { type: Date, required: true },
    idempotencyKey: String,
    turn: { type: Schema.Types.Mixed },
    evidence: { type: Schema.Types.Mixed },
    prev: { type: String, required: true },
    hash: { type: String, required: true },
  },
  { versionKey: false, minimize: false, strict: 'throw' },
)

// Looked for at every decision that brings a key; by its number a customer of ten thousand decisions would be read whole each time.
schema.index({ idempotencyKey: 1 }, { partialFilterExpression: { idempotencyKey: { $exists: true } } })

/** `customer/0000000001`: every row of a chain begins with what it belongs to, which is the shard key. */
export const chainId = (owner: string, seq: number): string => `${owner}/${String(seq).padStart(10, '0')}`

const collection = 'consent_ledger'

export function ledgerStore(db: Connection) {
  const rows = rowsOf<LedgerRow>(db, collection, schema)
  const asked = <T>(tx: Tx | undefined, ask: () => Promise<T>): Promise<T> => (tx === undefined ? ask() : joinedCommands(db, tx).inTurn(ask))
  const ofCustomer = (customer: CustomerKey) => ({ _id: { $gt: `${customer}/`, $lt: `${customer}0` } })
  return {
    append: (tx: Tx, row: LedgerRow): Promise<void> => joinedCommands(db, tx).insert(collection, row),
    read: (customer: CustomerKey, tx?: Tx): Promise<LedgerRow[]> =>
      asked(tx, () =>
        rows
          .find(ofCustomer(customer), { ...(tx && { session: tx }) })
          .sort({ _id: 1 })
          .toArray(),
      ),
    /** Entries that tell of other chains, oldest first. */
    turns: (customer: CustomerKey): Promise<LedgerRow[]> =>
      rows
        .find({ ...ofCustomer(customer), turn: { $exists: true } })
        .sort({ _id: 1 })
        .toArray(),
    /** Oldest first, those after this entry. */
    page: (customer: CustomerKey, after: string | null, limit: number): Promise<LedgerRow[]> =>
      rows
        .find({ _id: { $gt: after ?? `${customer}/`, $lt: `${customer}0` } })
        .sort({ _id: 1 })
        .limit(limit)
        .toArray(),
    byIdempotencyKey: (customer: CustomerKey, key: string, tx?: Tx): Promise<LedgerRow | null> =>
      asked(tx, () => rows.findOne({ ...ofCustomer(customer), idempotencyKey: key }, { ...(tx && { session: tx }) })),
  }
}

export type LedgerStore = ReturnType<typeof ledgerStore>
