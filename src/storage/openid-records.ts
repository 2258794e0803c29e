import { createHash, randomUUID } from 'node:crypto'
import { Schema, type Connection } from 'mongoose'
import type { CustomerKey } from '../operation.ts'
import { seal, unseal } from './keys.ts'
import { joined } from './joined.ts'
import { rowsOf } from './mongo.ts'
import { readAtOnce } from './read-at-once.ts'
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
  /** Names the one who consumed it. */
  consumedBy?: string
  expiresAt: Date
}

const schema = new Schema<OpenIdRow>(
  {
    _id: { type: String, required: true },
    sealed: { type: String, required: true },
    customer: String,
    grant: String,
    consumedAt: Date,
    consumedBy: String,
    expiresAt: { type: Date, required: true },
  },
  { versionKey: false, strict: 'throw' },
)
const collection = 'openid'

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

interface Change {
  readonly record: Omit<NewOpenIdRecord, 'payload'>
  readonly pointer: NewOpenIdRecord
  /** What else is written by the same command, before it. */
  readonly along: readonly NewOpenIdRecord[]
  readonly expectNew: boolean
  readonly next: (before: OpenIdRecord | null) => OpenIdPayload
}

interface Consumption {
  readonly id: string
  /** What follows in its place. */
  readonly successor: OpenIdRow | null
}

const upsert = ({ _id, ...fields }: OpenIdRow) => ({ updateOne: { filter: { _id }, update: { $set: fields }, upsert: true } })

const keyOf = (kind: string, id: string): string => `${kind}:${createHash('sha256').update(id).digest('base64url')}`

/** `key` seals the payloads. Every read and every consumption goes by `_id`; only endings look by customer or grant. */
export function openIdRecords(db: Connection, key: Buffer, now: () => Date = () => new Date()) {
  const rows = rowsOf<OpenIdRow>(db, collection, schema)

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

  // What different requests ask in one turn of the event loop goes in one command.
  const find = joined(async (ids: readonly string[]) => {
    const found = await readAtOnce<OpenIdRow>(db, { collection, filter: { _id: { $in: [...new Set(ids)] } }, limit: ids.length })
    const byId = new Map([...found].map((row) => [row._id, row]))
    return ids.map((id) => byId.get(id) ?? null)
  })
  const write = joined(async (written: readonly OpenIdRow[]) => {
    await rows.bulkWrite(written.map(upsert))
    return written.map(() => undefined)
  })
  const consume = joined(async (asks: readonly Consumption[]) => {
    const at = now()
    const unused = { consumedAt: { $exists: false }, expiresAt: { $gt: at } }
    const ids = asks.map(({ id }) => id)
    const claims = new Map(ids.map((_id) => [_id, randomUUID()]))
    const { modifiedCount } = await rows.bulkWrite([
      ...[...claims].map(([_id, consumedBy]) => ({ updateOne: { filter: { _id, ...unused }, update: { $set: { consumedAt: at, consumedBy } } } })),
      ...asks.flatMap(({ successor }) => (successor === null ? [] : upsert(successor))),
    ])
    // Where another process was first with one of them, the rows say with which. One that has gone since has ended with its grant.
    const took = modifiedCount === claims.size ? claims : new Map((await rows.find({ _id: { $in: ids } }).toArray()).map((row) => [row._id, row.consumedBy]))
    const first = asks.map(({ id }, n) => ids.indexOf(id) === n && took.get(id) === claims.get(id))
    // Nobody was told of these.
    const orphans = asks.flatMap(({ successor }, n) => (first[n] === true || successor === null ? [] : successor._id))
    if (orphans.length > 0) await rows.deleteMany({ _id: { $in: orphans } })
    return first
  })

  async function putNew(record: NewOpenIdRecord): Promise<boolean> {
    try {
      await rows.insertOne(content(record))
      return true
    } catch (error) {
      if (isDuplicateKey(error)) return false
      throw error
    }
  }

  /** False when there is another one than `before` by now. */
  async function replace(before: OpenIdRow | null, { _id, ...fields }: OpenIdRow, { pointer, along }: Pick<Change, 'pointer' | 'along'>): Promise<boolean> {
    // No two seals are alike, so what was read is what is replaced.
    const filter = before === null ? { _id, sealed: { $exists: false } } : { _id, sealed: before.sealed }
    const record = { updateOne: { filter, update: { $set: fields }, upsert: before === null } }
    const others = [...along, pointer].map(content).map(upsert)
    try {
      const { matchedCount, upsertedCount } = await rows.bulkWrite([...others.slice(0, -1), record, ...others.slice(-1)])
      return matchedCount + upsertedCount === others.length + 1
    } catch (error) {
      if (before === null && isDuplicateKey(error)) return false
      throw error
    }
  }

  return {
    put: (record: NewOpenIdRecord): Promise<void> => write(content(record)),

    /** False when the id is there already. */
    putNew,

    /**
     * Writes the record with what `next` makes of the one before, and `pointer` after it; of two at the same moment, the later one makes it of
     * the earlier. `expectNew` says what is likelier, and is no promise.
     */
    async change({ record, expectNew, next, ...others }: Change): Promise<void> {
      for (let attempt = 0; ; attempt++) {
        const row = expectNew && attempt === 0 ? null : await find(keyOf(record.kind, record.id))
        if (await replace(row, content({ ...record, payload: next(live(row)) }), others)) return
      }
    },

    read: async (kind: string, id: string): Promise<OpenIdRecord | null> => live(await find(keyOf(kind, id))),

    /** True for the one caller who is first, on whichever process. */
    consume: (kind: string, id: string): Promise<boolean> => consume({ id: keyOf(kind, id), successor: null }),

    /** The same, and by the same command puts what follows in its place; for everybody else there is no such record. */
    succeed: (kind: string, id: string, successor: NewOpenIdRecord): Promise<boolean> => consume({ id: keyOf(kind, id), successor: content(successor) }),

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
