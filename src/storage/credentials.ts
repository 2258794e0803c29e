import { Schema, type Connection } from 'mongoose'
import type { CustomerKey } from '../operation.ts'
import { collectionOf } from './mongo.ts'
import type { Tx } from './transaction.ts'

interface Credential {
  /** `passkey:<credential id>`, `totp:<customer>` or `recovery:<keyed hash>`. */
  _id: string
  customer: CustomerKey
  /** `FactorSummary.id`; all recovery codes of a set have one. */
  factor: string
}

export interface PasskeyRow extends Credential {
  /** COSE key, base64url. */
  publicKey: string
  /** As the authenticator last said; 0 where it does not count. */
  counter: number
  /** What the authenticator calls the customer: random, the same for all their passkeys. */
  userHandle: string
  transports: string[]
  /** Kept in sync between devices, so not bound to one piece of hardware. */
  synced: boolean
}

export interface TotpRow extends Credential {
  sealed: string
  /** Time step of the newest code that was accepted: none counts twice (RFC 6238, 5.2). */
  lastStep: number
}

export type CredentialRow = Credential & Partial<Omit<PasskeyRow, keyof Credential>> & Partial<Omit<TotpRow, keyof Credential>>

const schema = new Schema<CredentialRow>(
  {
    _id: { type: String, required: true },
    customer: { type: String, required: true },
    factor: { type: String, required: true },
    publicKey: String,
    counter: Number,
    userHandle: String,
    transports: { type: [String], default: undefined },
    synced: Boolean,
    sealed: String,
    lastStep: Number,
  },
  { versionKey: false, strict: 'throw' },
)
schema.index({ customer: 1 })

/** What proves second factors: public keys, sealed secrets, hashes. The customer document has their summary, written in the same transaction. */
export function credentialStore(db: Connection) {
  const model = collectionOf<CredentialRow>(db, 'credentials', schema)
  const done = async (write: Promise<{ matchedCount?: number; deletedCount?: number }>): Promise<boolean> => {
    const { matchedCount = 0, deletedCount = 0 } = await write
    return matchedCount + deletedCount === 1
  }
  return {
    passkey: (id: string): Promise<PasskeyRow | null> => model.findOne({ _id: id }).lean<PasskeyRow>().exec(),
    totp: (customer: CustomerKey): Promise<TotpRow | null> =>
      model
        .findOne({ _id: `totp:${customer}` })
        .lean<TotpRow>()
        .exec(),

    /** Fails with a duplicate key when one of them is registered already, whoever's it is. */
    insert: async (tx: Tx, rows: readonly CredentialRow[]): Promise<void> => {
      await model.insertMany(rows, { session: tx })
    },

    /** Only for a counter beyond the one kept; 0 for authenticators that do not count. False: refused (WebAuthn L3, 7.2, step 22). */
    counted: (tx: Tx, id: string, customer: CustomerKey, counter: number): Promise<boolean> => {
      const before = counter === 0 ? 0 : { $lt: counter }
      return done(model.updateOne({ _id: id, customer, counter: before }, { $set: { counter } }, { session: tx }).exec())
    },

    /** Only for a later step than the last. False: that code, or a newer one, was used. */
    stepUsed: (tx: Tx, customer: CustomerKey, step: number): Promise<boolean> =>
      done(model.updateOne({ _id: `totp:${customer}`, lastStep: { $lt: step } }, { $set: { lastStep: step } }, { session: tx }).exec()),

    /** A recovery code, for the one who is first. */
    spend: (tx: Tx, id: string, customer: CustomerKey): Promise<boolean> => done(model.deleteOne({ _id: id, customer }, { session: tx }).exec()),

    removeFactor: async (tx: Tx, customer: CustomerKey, factor: string): Promise<void> => {
      await model.deleteMany({ customer, factor }, { session: tx })
    },
  }
}

export type CredentialStore = ReturnType<typeof credentialStore>
