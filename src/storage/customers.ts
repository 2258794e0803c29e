import { Schema, type Connection } from 'mongoose'
import type { CustomerKey } from '../operation.ts'
import type { DerivedState } from './derived-state.ts'
import type { IdentityState } from './identities.ts'
import { joined } from './joined.ts'
import { joinedCommands } from './joined-commands.ts'
import { collectionOf } from './mongo.ts'
import { readAtOnce, readByKey, type Rows } from './read-at-once.ts'
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
  /** Absent: active. */
  readonly state?: IdentityState
  /** Sign-ins with it from before then count no more. */
  readonly endedAt?: Date
}

export type FactorKind = 'passkey' | 'totp' | 'recoveryCodes'

/** A second factor as the customer knows it; what proves it is in `credentials`. */
export interface FactorSummary {
  /** What clients call it: random, unrelated to the credential. */
  readonly id: string
  readonly kind: FactorKind
  /** `_id` of the row in `credentials`; a set of recovery codes has many and none of them here. */
  readonly key?: string
  /** What the customer calls a passkey. */
  readonly name?: string
  readonly addedAt: Date
  readonly lastUsedAt?: Date
  /** Recovery codes not used yet. */
  readonly left?: number
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

/** Whole degrees, north and east: as near as the house wants to know. */
export interface Whereabouts {
  readonly latitude: number
  readonly longitude: number
}

/** A browser that the customer has signed in with. */
export interface Device {
  /** Random; what clients call it. */
  readonly id: string
  /** Keyed hash of the value of its cookie. */
  readonly key: string
  /** Such as "Firefox on Linux". */
  readonly agent: string
  /** Country and region; absent when no table of places is configured. */
  readonly place?: string
  /** Where the last sign-in came from; absent where it is known no nearer than a country. */
  readonly around?: Whereabouts
  readonly firstAt: Date
  readonly lastAt: Date
}

/** Somebody else may have been in the account: the next sign-in takes more than a way in. */
export interface Alert {
  readonly since: Date
  readonly why: 'notMe' | 'tokenReuse' | 'providerEvent'
}

/** A merge that this customer came out of, while it can be undone. */
export interface MergeMark {
  readonly id: string
  readonly mergedAt: Date
  readonly undoUntil: Date
}

export interface CustomerRow extends Profile {
  _id: CustomerKey
  state: 'active' | 'merged' | 'erased'
  /** Who a merged one became part of. */
  mergedInto?: CustomerKey
  createdAt: Date
  /** By profile field; `traits.<name>` for traits. Dots are written as `traits:<name>`. */
  sources: Record<string, Source>
  decisions: Record<string, Decision>
  /** `purpose@textVersion` of the grants in force: what lists search by. Always written together with `decisions`. */
  grants: string[]
  /** Purposes objected to. Always written together with `decisions`. */
  objections: string[]
  restricted: boolean
  /** Purposes objected to by Global Privacy Control: heard once, so that a yes said after it stands. */
  gpc?: string[]
  /** Questions that were shown and left open. */
  leftOpen?: Record<string, { readonly textVersion: string; readonly at: Date }>
  /** By question of the policy: when the person was asked last. */
  asked?: Record<string, Date>
  /** Tokens issued before this moment no longer count. */
  tokensValidFrom: Date
  /** Grants that ended while tokens of theirs may still live. */
  endedGrants: { grant: string; until: Date }[]
  /** Counts changes of decisions. */
  consentVersion: number
  identities: IdentitySummary[]
  /** Whoever forwards mail to `email` has said that it does so no longer. */
  emailUndeliverable?: boolean
  /** The newest 20, latest use first. */
  devices?: Device[]
  alert?: Alert
  factors?: FactorSummary[]
  /** In order; the last one is the one to undo. */
  merges?: MergeMark[]
  /** Asked for by the person, and not due yet. */
  erasure?: { readonly id: string; readonly dueAt: Date }
  /** By purpose: made from the events that were kept for it, and shown for nothing else. */
  derived?: Record<string, DerivedState>
  /** `segment@purpose`: what audiences search by. Always written together with what a rule reads. */
  memberships?: string[]
  /** When time alone may change them. */
  membershipsDue?: Date
  /** Counts how often audiences were told of changes: the order in which clients learn of them. */
  membershipVersion?: number
  /** By purpose: events received before that moment no longer count for it. */
  behaviourFrom?: Record<string, Date>
  /** `kind:name` of interests that the person switched off. */
  interestsOff?: string[]
  ledger: ChainHead
  audit: ChainHead
}

const schema = new Schema<CustomerRow>(
  {
    _id: { type: String, required: true },
    state: { type: String, required: true },
    mergedInto: String,
    createdAt: { type: Date, required: true },
    email: String,
    emailProof: String,
    emailUndeliverable: Boolean,
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
    gpc: { type: [String], default: undefined },
    leftOpen: { type: Schema.Types.Mixed },
    asked: { type: Schema.Types.Mixed },
    tokensValidFrom: Date,
    endedGrants: [{ _id: false, grant: String, until: Date }],
    consentVersion: Number,
    identities: [{ _id: false, id: String, key: String, provider: String, linkedAt: Date, lastUsedAt: Date, email: String, state: String, endedAt: Date }],
    devices: {
      type: [{ _id: false, id: String, key: String, agent: String, place: String, around: Schema.Types.Mixed, firstAt: Date, lastAt: Date }],
      default: undefined,
    },
    alert: { type: Schema.Types.Mixed },
    factors: { type: [{ _id: false, id: String, kind: String, key: String, name: String, addedAt: Date, lastUsedAt: Date, left: Number }], default: undefined },
    merges: { type: [{ _id: false, id: String, mergedAt: Date, undoUntil: Date }], default: undefined },
    erasure: { type: Schema.Types.Mixed },
    derived: { type: Schema.Types.Mixed },
    memberships: { type: [String], default: undefined },
    membershipsDue: Date,
    membershipVersion: Number,
    behaviourFrom: { type: Schema.Types.Mixed },
    interestsOff: { type: [String], default: undefined },
    ledger: { seq: Number, hash: String },
    audit: { seq: Number, hash: String },
  },
  { versionKey: false, minimize: false, strict: 'throw' },
)
schema.index({ grants: 1, _id: 1 })
schema.index({ memberships: 1, _id: 1 })
schema.index({ membershipsDue: 1 }, { sparse: true })

/** What every gated read brings along, whatever was asked for. */
export const gateFields = ['state', 'decisions', 'restricted', 'tokensValidFrom', 'endedGrants', 'consentVersion'] as const
export type GateField = (typeof gateFields)[number]
export type GatedRow = Pick<CustomerRow, '_id' | GateField> & Partial<CustomerRow>

export type Projection = Readonly<Record<string, 1>>

/** How a membership is written in `CustomerRow.memberships`. */
export const membershipEntry = (segment: string, purpose: string): string => `${segment}@${purpose}`

const memberFields = ['state', 'restricted', 'decisions', 'memberships', 'membershipVersion'] as const
/** What being in an audience hangs on. */
export type MemberFacts = Pick<CustomerRow, '_id' | (typeof memberFields)[number]>
const memberProjection: Projection = Object.fromEntries(memberFields.map((field) => [field, 1]))

const collection = 'customers'

export function customerStore(db: Connection) {
  const model = collectionOf<CustomerRow>(db, collection, schema)
  const readWhole = joined((keys: readonly CustomerKey[]) => readByKey<CustomerRow>(db, collection, keys))
  return {
    /** The hot read: one `$in`, only what is projected. Order and completeness are the caller's business. */
    readMany: async (keys: readonly CustomerKey[], projection: Projection): Promise<GatedRow[]> => [
      ...(await readAtOnce<GatedRow>(db, { collection, filter: { _id: { $in: keys } }, projection, limit: keys.length })),
    ],

    /** A page of the keys and rows that satisfy `filter`, in `_id` order after `after`. The filter is made by `customers/filter.ts` only. */
    page: (filter: object, after: CustomerKey | null, limit: number, projection: Projection): Promise<Rows<GatedRow>> =>
      readAtOnce<GatedRow>(db, {
        collection,
        filter: after === null ? filter : { $and: [{ _id: { $gt: after } }, filter] },
        projection,
        sort: { _id: 1 },
        limit,
      }),

    count: (filter: object, atMost: number): Promise<number> => model.collection.countDocuments(filter, { limit: atMost }),

    /** Whose memberships time alone may have changed, the longest waiting first. */
    dueForSegments: async (now: Date, limit: number): Promise<CustomerKey[]> => {
      const found = await model
        .find({ membershipsDue: { $lte: now } }, { _id: 1 })
        .sort({ membershipsDue: 1 })
        .limit(limit)
        .lean<{ _id: CustomerKey }[]>()
        .exec()
      return found.map(({ _id }) => _id)
    },

    /** The whole row, for writes that decide on it. */
    read: (key: CustomerKey, tx?: Tx): Promise<CustomerRow | null> =>
      tx === undefined ? readWhole(key) : joinedCommands(db, tx).read<CustomerRow>(collection, key),

    /** Whole rows of active customers in the order of their keys, for work that goes through all of them. */
    activeAfter: (after: CustomerKey | null, limit: number): Promise<CustomerRow[]> =>
      model
        .find({ _id: { $gt: after ?? '' }, state: 'active' })
        .sort({ _id: 1 })
        .limit(limit)
        .lean<CustomerRow[]>()
        .exec(),

    insert: async (tx: Tx, row: CustomerRow): Promise<void> => {
      await joinedCommands(db, tx).inTurn(() => model.create([row], { session: tx }))
    },

    /**
     * One targeted update: the only way a customer changes. False when there is none in that state. `known` is the whole row where the
     * transaction has read it and not written it since: what follows from the change is then worked out without reading it again.
     */
    update: async (tx: Tx, key: CustomerKey, update: CustomerUpdate, state: CustomerRow['state'] = 'active', _known?: CustomerRow): Promise<boolean> =>
      (await joinedCommands(db, tx).update(collection, { q: { _id: key, state }, u: update })) === 'changed',

    memberFacts: (tx: Tx, key: CustomerKey): Promise<MemberFacts | null> =>
      model.findOne({ _id: key }, memberProjection).session(tx).lean<MemberFacts>().exec(),

    /** Leaves the tombstone in the place of the whole row, so that no member can be forgotten. */
    bury: async (tx: Tx, tombstone: CustomerRow & { readonly state: 'erased' }): Promise<void> => {
      const { matchedCount } = await model.replaceOne({ _id: tombstone._id }, tombstone, { session: tx })
      if (matchedCount !== 1) throw new Error('nobody to bury')
    },

    /** Ends tokens of one grant at once; entries past their time are dropped on the way. Needs no other record to change. */
    endGrant: async (key: CustomerKey, grant: string, until: Date, now: Date): Promise<void> => {
      const standing = { $filter: { input: '$endedGrants', cond: { $gte: ['$$this.until', now] } } }
      const ended = { $concatArrays: [standing, [{ grant: { $literal: grant }, until }]] }
      // Of who is merged or erased no token counts.
      await model.collection.updateOne({ _id: key, state: 'active' } as object, [{ $set: { endedGrants: ended } }])
    },
  }
}

export interface CustomerUpdate {
  readonly $set?: Readonly<Record<string, unknown>>
  readonly $unset?: Readonly<Record<string, ''>>
  readonly $inc?: Readonly<Record<string, number>>
}

export type CustomerStore = ReturnType<typeof customerStore>
