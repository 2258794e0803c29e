import { Schema, type Connection } from 'mongoose'
import { beginningsOf } from './audit-cover.ts'
import type { CustomerKey } from '../operation.ts'
import { joinedCommands } from './joined-commands.ts'
import { rowsOf } from './mongo.ts'
import { readAtOnce } from './read-at-once.ts'
import type { Tx } from './transaction.ts'

export interface AuditRow {
  /** `chain/0000000001`. A chain is a customer's own or that of one gateway process. */
  _id: string
  at: Date
  /** Such as `login.succeeded`, `consent.changed`, `data.read`, `access.denied`; the list is in `audit/event.ts`. */
  type: string
  client: string | null
  actor: 'customer' | 'client' | 'provider' | 'system'
  /** Whom it is about. */
  subjects: CustomerKey[]
  /** What it is searched by for any of them: `audit-cover.ts`. */
  cover: string[]
  purposes: string[]
  categories: string[]
  /** Codes and counts only: no value of anybody's profile. */
  detail: Record<string, string | number | boolean>
  prev: string
  hash: string
}

const schema = new Schema<AuditRow>(
  {
    _id: { type: String, required: true },
    at: { type: Date, required: true },
    type: { type: String, required: true },
    client: { type: String, default: null },
    actor: { type: String, required: true },
    subjects: [String],
    cover: [String],
    purposes: [String],
    categories: [String],
    detail: { type: Schema.Types.Mixed },
    prev: { type: String, required: true },
    hash: { type: String, required: true },
  },
  { versionKey: false, minimize: false, strict: 'throw' },
)
// With `_id`, as pages are sorted: else each page would sort all that is left.
schema.index({ cover: 1, at: -1, _id: -1 })
schema.index({ at: -1, _id: -1 })

/** What alerts are made of: rare, and with an index of their own, so that looking for them costs nothing where much is read. */
export const suspiciousTypes = [
  'access.denied',
  'customer.not_found',
  'factor.refused',
  'token.reused',
  'provider.event_refused',
  'chain.broken',
  'requests.overdue',
  'suppressions.overdue',
  'rules.refused',
  'job.parked',
]
/** Another number for other types: an index that is there already keeps what it was made with. */
const suspiciousIndex = 'suspicious-4'
schema.index({ at: 1 }, { name: suspiciousIndex, partialFilterExpression: { type: { $in: suspiciousTypes } } })
const mostSuspicious = 50_000

export interface AuditTally {
  readonly type: string
  readonly client: string | null
  readonly events: number
  readonly people: number
}

export interface AuditFilter {
  readonly types?: readonly string[]
  readonly client?: string
  readonly subject?: CustomerKey
  readonly from?: Date
  readonly to?: Date
}

const collection = 'audit_log'

export function auditStore(db: Connection) {
  const stored = rowsOf<AuditRow>(db, collection, schema)
  return {
    append: (tx: Tx, row: AuditRow): Promise<void> => joinedCommands(db, tx).insert(collection, row),
    appendMany: async (rows: readonly AuditRow[]): Promise<void> => {
      await stored.insertMany([...rows], { ordered: true })
    },
    /** Newest first; `before` is the place of the last row of the page before. */
    find: async (filter: AuditFilter, before: { readonly at: Date; readonly id: string } | null, limit: number): Promise<AuditRow[]> => [
      ...(await readAtOnce<AuditRow>(db, { collection, filter: auditQuery(filter, before), sort: { at: -1, _id: -1 }, limit })),
    ],
    /** Newest first. */
    suspicious: (since: Date): Promise<AuditRow[]> =>
      stored
        .find({ type: { $in: suspiciousTypes }, at: { $gt: since } }, { hint: suspiciousIndex, projection: { cover: 0, prev: 0, hash: 0 } })
        .sort({ at: -1 })
        .limit(mostSuspicious)
        .toArray(),
    /** How often what happened, by whom: for reports. */
    tally: (from: Date, to: Date): Promise<AuditTally[]> =>
      stored
        .aggregate<AuditTally>(
          [
            { $match: { at: { $gte: from, $lt: to } } },
            { $group: { _id: { type: '$type', client: '$client' }, events: { $sum: 1 }, people: { $sum: { $size: '$subjects' } } } },
            { $project: { _id: 0, type: '$_id.type', client: '$_id.client', events: 1, people: 1 } },
            { $sort: { type: 1, client: 1 } },
          ],
          { allowDiskUse: true },
        )
        .toArray(),
    chain: (chain: string): Promise<AuditRow[]> =>
      stored
        .find({ _id: { $gt: `${chain}/`, $lt: `${chain}0` } })
        .sort({ _id: 1 })
        .toArray(),
  }
}

function auditQuery(filter: AuditFilter, before: { readonly at: Date; readonly id: string } | null): object {
  const conditions: object[] = []
  if (filter.types) conditions.push({ type: { $in: [...filter.types] } })
  if (filter.client !== undefined) conditions.push({ client: filter.client })
  if (filter.subject !== undefined) conditions.push({ cover: { $in: beginningsOf(filter.subject) }, subjects: filter.subject })
  if (filter.from) conditions.push({ at: { $gte: filter.from } })
  if (filter.to) conditions.push({ at: { $lt: filter.to } })
  // The first condition is the second one's in the terms of the index, so that a late page costs no more than the first.
  if (before) conditions.push({ at: { $lte: before.at } }, { $or: [{ at: { $lt: before.at } }, { at: before.at, _id: { $lt: before.id } }] })
  return conditions.length === 0 ? {} : { $and: conditions }
}

export type AuditStore = ReturnType<typeof auditStore>
