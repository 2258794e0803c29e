import { Schema, type Connection } from 'mongoose'
import type { CustomerKey } from '../operation.ts'
import { joinedCommands } from './joined-commands.ts'
import { collectionOf } from './mongo.ts'
import type { Tx } from './transaction.ts'

/** Whether an identity may be used: `revoked` until its owner signs in with it again, `blocked` until its provider says otherwise, `gone` for good. */
export type IdentityState = 'active' | 'revoked' | 'blocked' | 'gone'

export interface IdentityRow {
  /** Keyed hash of issuer family and subject. */
  _id: string
  customer: CustomerKey
  provider: string
  /** What clients call it. */
  publicId: string
  linkedAt: Date
  /** Absent: active. */
  state?: IdentityState
  /** When that happened, by the provider's clock. */
  stateAt?: Date
  /** When its provider last said whether mail to its address arrives, by the provider's clock. */
  addressAt?: Date
  /** What its provider takes back to end our access, encrypted. */
  grant?: string
  /** The provider's events that were carried out, the latest 50. */
  heard?: string[]
}

const schema = new Schema<IdentityRow>(
  {
    _id: { type: String, required: true },
    customer: { type: String, required: true },
    provider: { type: String, required: true },
    publicId: { type: String, required: true },
    linkedAt: { type: Date, required: true },
    state: String,
    stateAt: Date,
    addressAt: Date,
    grant: String,
    heard: { type: [String], default: undefined },
  },
  { versionKey: false, strict: 'throw' },
)

const collection = 'identities'

export function identityStore(db: Connection) {
  const model = collectionOf<IdentityRow>(db, collection, schema)
  return {
    read: (key: string, tx: Tx): Promise<IdentityRow | null> => joinedCommands(db, tx).read<IdentityRow>(collection, key),

    /** Fails with a duplicate key when the identity is somebody's already. */
    insert: async (tx: Tx, row: IdentityRow): Promise<void> => {
      await joinedCommands(db, tx).inTurn(() => model.create([row], { session: tx }))
    },

    /** It was signed in with, so its owner allows it again whatever was revoked before. */
    used: async (tx: Tx, key: string, kept: Pick<IdentityRow, 'grant'>): Promise<void> => {
      await joinedCommands(db, tx).update(collection, { q: { _id: key }, u: { $set: kept, $unset: { state: '', stateAt: '' } } })
    },

    /** What its provider told. */
    heard: async (tx: Tx, key: string, event: string, change: Pick<IdentityRow, 'state' | 'stateAt' | 'addressAt'>): Promise<void> => {
      const update = { ...(Object.keys(change).length > 0 && { $set: change }), $push: { heard: { $each: [event], $slice: -50 } } }
      await model.updateOne({ _id: key }, update, { session: tx })
    },

    /** False when one of them is not that customer's. */
    move: async (tx: Tx, keys: readonly string[], from: CustomerKey, to: CustomerKey): Promise<boolean> => {
      const result = await model.updateMany({ _id: { $in: [...keys] }, customer: from }, { $set: { customer: to } }, { session: tx })
      return result.matchedCount === keys.length
    },

    /** What was there. */
    remove: (tx: Tx, key: string, customer: CustomerKey): Promise<IdentityRow | null> =>
      model.findOneAndDelete({ _id: key, customer }).session(tx).lean<IdentityRow>().exec(),
  }
}

export type IdentityStore = ReturnType<typeof identityStore>
