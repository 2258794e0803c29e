import { Schema, type Connection } from 'mongoose'
import { collectionOf } from './mongo.ts'
import type { Tx } from './transaction.ts'

/** By which rules everybody's segments are, or are being, worked out. */
export interface RuleWalkRow {
  _id: 'segments'
  /** Digest of the policy. */
  policy: string
  /** Counts how often that became another one. */
  turn: number
  /** Digest of what values are derived by, as far as everybody's have been. */
  derivation: string
}

const schema = new Schema<RuleWalkRow>(
  {
    _id: { type: String, required: true },
    policy: { type: String, required: true },
    turn: { type: Number, required: true },
    derivation: { type: String, required: true },
  },
  { versionKey: false, strict: 'throw' },
)
const _id = 'segments'

export function ruleWalkStore(db: Connection) {
  const model = collectionOf<RuleWalkRow>(db, 'rule_walks', schema)
  return {
    read: (tx?: Tx): Promise<RuleWalkRow | null> =>
      model
        .findOne({ _id })
        .session(tx ?? null)
        .lean<RuleWalkRow>()
        .exec(),

    begin: async (tx: Tx, row: Omit<RuleWalkRow, '_id'>): Promise<void> => {
      await model.replaceOne({ _id }, { _id, ...row }, { upsert: true, session: tx })
    },

    /** Everybody's values are derived by that, unless the rules have changed since. */
    derivedBy: async (turn: number, derivation: string): Promise<void> => {
      await model.updateOne({ _id, turn }, { $set: { derivation } })
    },
  }
}

export type RuleWalkStore = ReturnType<typeof ruleWalkStore>
