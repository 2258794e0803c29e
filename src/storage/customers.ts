import { Schema, type Connection } from 'mongoose'
import type { CustomerKey } from '../operation.ts'
import { collectionOf } from './mongo.ts'
import type { Tx } from './transaction.ts'

export type DecisionState = 'granted' | 'refused' | 'withdrawn' | 'objected' | 'pending'

/** The decision in force for one purpose; its history is in the ledger. */
export interface Decision {
  readonly state: DecisionState
  readonly textVersion: string
  readonly at: Date
  readonly expiresAt?: Date
}

export type AddressProof = 'authoritative' | 'verified' | 'none'

export interface IdentitySummary {
  /** What clients call it: random, unrelated to the subject. */
  readonly id: string
  /** `_id` of the row in `identities`. */
  readonly key: string
  readonly provider: string
  readonly linkedAt: Date
  readonly lastUsedAt: Date
  readonly email?: string
}

/** Where a chain of a customer's records stands: number and hash of the last one. */
export interface ChainHead {
  readonly seq: number
  readonly hash: string
}

export type TraitValue = string | number | boolean | readonly string[] | readonly number[]

/** The profile's own values: what a client may be shown by the gate. */
export interface Profile {
  email?: string
  emailProof?: AddressProof
  givenName?: string
  familyName?: string
  pictureUrl?: string
  birthYear?: number
  postcode?: string
  country?: string
  locale?: string
  traits?: Record<string, TraitValue>
}

export type ProfileField = Exclude<keyof Profile, 'emailProof' | 'traits'>

/** Who said a value and when: `customer`, or the id of a provider. */
export interface Source {
  readonly from: string
  readonly at: Date
}

export interface CustomerRow extends Profile {
  _id: CustomerKey
  state: 'active' | 'merged' | 'erased'
  createdAt: Date
  /** By profile field; `traits.<name>` for traits. Dots are written as `traits:<name>`. */
  sources: Record<string, Source>
  decisions: Record<string, Decision>
  /** `purpose@textVersion` of the grants in force: what lists search by. Always written together with `decisions`. */
  grants: string[]
  /** Purposes objected to. Always written together with `decisions`. */
  objections: string[]
  restricted: boolean
  /** Tokens issued before this moment no longer count. */
  tokensValidFrom: Date
  /** Grants that ended while tokens of theirs may still live. */
  endedGrants: { grant: string; until: Date }[]
  /** Counts changes of decisions. */
  consentVersion: number
  identities: IdentitySummary[]
  ledger: ChainHead
  audit: ChainHead
}

const schema = new Schema<CustomerRow>(
  {
    _id: { type: String, required: true },
    state: { type: String, required: true },
    createdAt: { type: Date, required: true },
    email: String,
    emailProof: String,
    givenName: String,
    familyName: String,
    pictureUrl: String,
    birthYear: Number,
    postcode: String,
    country: String,
    locale: String,
    traits: { type: Schema.Types.Mixed },
    sources: { type: Schema.Types.Mixed },
    decisions: { type: Schema.Types.Mixed },
    grants: [String],
    objections: [String],
    restricted: Boolean,
    tokensValidFrom: Date,
    endedGrants: [{ _id: false, grant: String, until: Date }],
    consentVersion: Number,
    identities: [{ _id: false, id: String, key: String, provider: String, linkedAt: Date, lastUsedAt: Date, email: String }],
    ledger: { seq: Number, hash: String },
    audit: { seq: Number, hash: String },
  },
  { versionKey: false, minimize: false, strict: 'throw' },
)
schema.index({ grants: 1, _id: 1 })

/** What every gated read brings along, whatever was asked for. */
export const gateFields = ['state', 'decisions', 'restricted', 'tokensValidFrom', 'endedGrants', 'consentVersion'] as const
export type GateField = (typeof gateFields)[number]
export type GatedRow = Pick<CustomerRow, '_id' | GateField> & Partial<CustomerRow>

export type Projection = Readonly<Record<string, 1>>

/** Only we write here, and what we write is well-formed: hot reads do not check it again. */
const asWritten = { enableUtf8Validation: false } as const

export function customerStore(db: Connection) {
  const model = collectionOf<CustomerRow>(db, 'customers', schema)
  return {
    /** The hot read: one `$in`, native driver, only what is projected. Order and completeness are the caller's business. */
    readMany: (keys: readonly CustomerKey[], projection: Projection): Promise<GatedRow[]> =>
      model.collection.find<GatedRow>({ _id: { $in: [...keys] } } as object, { projection, ...asWritten }).toArray(),

    /** A page of the keys and rows that satisfy `filter`, in `_id` order after `after`. The filter is made by `customers/filter.ts` only. */
    page: (filter: object, after: CustomerKey | null, limit: number, projection: Projection): Promise<GatedRow[]> =>
      model.collection
        .find<GatedRow>(after === null ? filter : { $and: [{ _id: { $gt: after } }, filter] }, { projection, ...asWritten })
        .sort({ _id: 1 })
        .limit(limit)
        .batchSize(limit + 1)
        .toArray(),

    count: (filter: object, atMost: number): Promise<number> => model.collection.countDocuments(filter, { limit: atMost }),

    /** The whole row, for writes that decide on it. */
    read: (key: CustomerKey, tx?: Tx): Promise<CustomerRow | null> =>
      model
        .findOne({ _id: key })
        .session(tx ?? null)
        .lean<CustomerRow>()
        .exec(),

    insert: async (tx: Tx, row: CustomerRow): Promise<void> => {
      await model.create([row], { session: tx })
    },

    /** One targeted update: the only way a customer changes. `update` uses `$set`, `$unset`, `$push`, `$pull`, `$inc`. */
    update: async (tx: Tx, key: CustomerKey, update: CustomerUpdate): Promise<boolean> => {
      const result = await model.updateOne({ _id: key, state: 'active' }, update as object, { session: tx })
      return result.matchedCount === 1
    },

    /** Ends tokens of one grant at once; entries past their time are dropped on the way. Needs no other record to change. */
    endGrant: async (key: CustomerKey, grant: string, until: Date, now: Date): Promise<void> => {
      const standing = { $filter: { input: '$endedGrants', cond: { $gte: ['$$this.until', now] } } }
      const ended = { $concatArrays: [standing, [{ grant: { $literal: grant }, until }]] }
      await model.collection.updateOne({ _id: key } as object, [{ $set: { endedGrants: ended } }])
    },
  }
}

export interface CustomerUpdate {
  readonly $set?: Readonly<Record<string, unknown>>
  readonly $unset?: Readonly<Record<string, ''>>
  readonly $push?: Readonly<Record<string, unknown>>
  readonly $pull?: Readonly<Record<string, unknown>>
  readonly $inc?: Readonly<Record<string, number>>
}

export type CustomerStore = ReturnType<typeof customerStore>
