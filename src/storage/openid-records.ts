import { createHash } from 'node:crypto'
import { Schema, type Connection } from 'mongoose'
import type { CustomerKey } from '../operation.ts'
import { seal, unseal } from './keys.ts'
import { rowsOf } from './mongo.ts'
import { isDuplicateKey } from './transaction.ts'

/** State of the OpenID provider: sessions, grants, codes, refresh tokens, interactions. */
interface OpenIdRow {
  /** `Kind:hash`; the id itself, which opens a door, is nowhere in the database. */
  _id: string
  /** The payload, encrypted: it names other ids and may hold what a person typed. */
  sealed: string
  customer?: CustomerKey
  /** The grant it belongs to. */
  grant?: string
  consumedAt?: Date
  expiresAt: Date
}

const schema = new Schema<OpenIdRow>(
  {
    _id: { type: String, required: true },
    sealed: { type: String, required: true },
    customer: String,
    grant: String,
    consumedAt: Date,
    expiresAt: { type: Date, required: true },
  },
  { versionKey: false, strict: 'throw' },
)
schema.index({ expiresAt: 1 }, { expireAfterSeconds: 0 })
schema.index({ customer: 1 }, { partialFilterExpression: { customer: { $exists: true } } })
schema.index({ grant: 1 }, { partialFilterExpression: { grant: { $exists: true } } })

export type OpenIdPayload = Readonly<Record<string, unknown>>

export interface OpenIdRecord {
  readonly payload: OpenIdPayload
  readonly customer: CustomerKey | null
  readonly consumedAt: Date | null
  /** Names the record without opening anything. */
  readonly handle: string
}

export interface NewOpenIdRecord {
  readonly kind: string
  readonly id: string
  readonly payload: OpenIdPayload
  readonly customer?: CustomerKey
  readonly grant?: string
  readonly expiresAt: Date
}

const keyOf = (kind: string, id: string): string => `${kind}:${createHash('sha256').update(id).digest('base64url')}`

/** `key` seals the payloads. Every read and every consumption goes by `_id`; only endings look by customer or grant. */
export function openIdRecords(db: Connection, key: Buffer, now: () => Date = () => new Date()) {
  const rows = rowsOf<OpenIdRow>(db, 'openid', schema)

  // MongoDB sweeps expired rows once a minute, so each row's end is looked at here too.
  const live = (row: OpenIdRow | null): OpenIdRecord | null => {
    const plain = row !== null && row.expiresAt > now() ? unseal(key, row.sealed, row._id) : null
    if (row === null || plain === null) return null
    return { payload: JSON.parse(plain.toString()), customer: row.customer ?? null, consumedAt: row.consumedAt ?? null, handle: row._id }
  }
  const content = ({ kind, id, payload, customer, grant, expiresAt }: NewOpenIdRecord) => {
    const _id = keyOf(kind, id)
    return {
      _id,
      sealed: seal(key, JSON.stringify(payload), _id),
      expiresAt,
      ...(customer !== undefined && { customer }),
      ...(grant !== undefined && { grant }),
    }
  }

  async function putNew(record: NewOpenIdRecord): Promise<boolean> {
    try {
      await rows.insertOne(content(record))
      return true
    } catch (error) {
      if (isDuplicateKey(error)) return false
      throw error
    }
  }

  return {
    async put(record: NewOpenIdRecord): Promise<void> {
      const { _id, ...fields } = content(record)
      await rows.updateOne({ _id }, { $set: fields }, { upsert: true })
    },

    /** False when the id is there already. */
    putNew,

    /** Writes the record with what `next` makes of the one before; of two at the same moment, the later one makes it of the earlier. */
    async change(record: NewOpenIdRecord, next: (before: OpenIdRecord | null) => OpenIdPayload): Promise<void> {
      for (;;) {
        const row = await rows.findOne({ _id: keyOf(record.kind, record.id) })
        const changed = { ...record, payload: next(live(row)) }
        if (row === null) {
          if (await putNew(changed)) return
          continue
        }
        const { _id, ...fields } = content(changed)
        // No two seals are alike, so what was read is what is replaced.
        if ((await rows.updateOne({ _id, sealed: row.sealed }, { $set: fields })).matchedCount === 1) return
      }
    },

    read: async (kind: string, id: string): Promise<OpenIdRecord | null> => live(await rows.findOne({ _id: keyOf(kind, id) })),

    /** True for the one caller who is first, on whichever process. */
    async consume(kind: string, id: string): Promise<boolean> {
      const at = now()
      const result = await rows.updateOne({ _id: keyOf(kind, id), consumedAt: { $exists: false }, expiresAt: { $gt: at } }, { $set: { consumedAt: at } })
      return result.modifiedCount === 1
    },

    remove: async (kind: string, id: string): Promise<void> => void (await rows.deleteOne({ _id: keyOf(kind, id) })),
    /** What was there last. */
    removeByHandle: async (handle: string, customer: CustomerKey): Promise<OpenIdRecord | null> => live(await rows.findOneAndDelete({ _id: handle, customer })),
    /** Codes and refresh tokens of a grant; the grant itself goes by its id, and after its access tokens. */
    removeOfGrant: async (grant: string): Promise<void> => void (await rows.deleteMany({ grant, _id: { $not: /^Grant:/ } })),
    removeOfCustomer: async (customer: CustomerKey): Promise<void> => void (await rows.deleteMany({ customer })),

    /** What tokens of the customer stand on. */
    grantsOf: async (customer: CustomerKey): Promise<string[]> =>
      (await rows.distinct('grant', { customer, grant: { $exists: true } })).filter((grant) => grant !== undefined),

    async ofCustomer(kind: string, customer: CustomerKey): Promise<OpenIdRecord[]> {
      const found = await rows.find({ customer, _id: { $gt: `${kind}:`, $lt: `${kind};` } }).toArray()
      return found.map(live).filter((record) => record !== null)
    },
  }
}

export type OpenIdRecords = ReturnType<typeof openIdRecords>
