import type { Connection } from 'mongoose'
import type { AuditRow } from './audit-log.ts'
import { chainId, type LedgerRow } from './consent-ledger.ts'
import type { CustomerRow } from './customers.ts'
import { present } from './mongo.ts'
import { readAtOnce, type Rows } from './read-at-once.ts'

/** What is kept in hash chains. */
export type Chained = 'audit' | 'ledger'
export interface ChainedRows {
  readonly audit: AuditRow
  readonly ledger: LedgerRow
}

/** The last record of a chain: `audit/<chain>/0000000012`. */
export interface Head {
  readonly id: string
  readonly hash: string
}
export interface RecordedHead extends Head {
  /** Of the checkpoint that named it first. */
  readonly seq: number
}

const collections = { audit: 'audit_log', ledger: 'consent_ledger' } as const
/** Rows in one reply of what goes through all: while a larger one is gone through, the process answers nobody. */
export const atOnce = 1_000
const processChains = { $gte: 'gateway-', $lt: 'gateway.' }

/** Where all chains stand, and their records, as streams in the order of their ids. Customers name their own heads; those of processes are looked up. */
export function chainHeads(db: Connection) {
  const raw = (name: string) => present(db.db, 'connection to MongoDB').collection<{ _id: string }>(name)

  async function* ofCustomers(kind: Chained): AsyncGenerator<Head[]> {
    const page = { collection: 'customers', projection: { [kind]: 1 }, sort: { _id: 1 }, limit: atOnce } as const
    for (let after: string | undefined = ''; after !== undefined;) {
      const rows: Rows<Pick<CustomerRow, '_id' | Chained>> = await readAtOnce(db, { ...page, filter: { _id: { $gt: after } } })
      yield [...rows].flatMap(({ _id, [kind]: { seq, hash } }) => (seq > 0 ? [{ id: `${kind}/${chainId(_id, seq)}`, hash }] : []))
      after = rows.length < atOnce ? undefined : rows.at(-1)?._id
    }
  }

  /** One chain after the other: as many steps as processes were ever begun. */
  async function ofProcesses(): Promise<Head[]> {
    const heads: Head[] = []
    const rows = raw(collections.audit)
    for (let after = processChains.$gte; ;) {
      const first = await rows.findOne({ _id: { ...processChains, $gte: after } }, { projection: { _id: 1 }, sort: { _id: 1 } })
      if (first === null) return heads
      const chain = first._id.slice(0, first._id.lastIndexOf('/'))
      const last = await rows.findOne<AuditRow>({ _id: { $gt: `${chain}/`, $lt: `${chain}0` } }, { projection: { hash: 1 }, sort: { _id: -1 } })
      if (last !== null) heads.push({ id: `audit/${last._id}`, hash: last.hash })
      after = `${chain}0`
    }
  }

  return {
    /** Some thousand at a time; a list may be empty. */
    async *heads(kind: Chained): AsyncGenerator<readonly Head[]> {
      const others = kind === 'audit' ? await ofProcesses() : []
      for await (const heads of ofCustomers(kind)) {
        const last = heads.at(-1)
        const between = others.splice(0, last === undefined ? 0 : others.filter(({ id }) => id < last.id).length)
        yield [...heads, ...between].sort((a, b) => (a.id < b.id ? -1 : 1))
      }
      yield others
    },

    async *rows<Kind extends Chained>(kind: Kind): AsyncGenerator<ChainedRows[Kind]> {
      for await (const row of raw(collections[kind]).find<ChainedRows[Kind]>({}, { batchSize: atOnce }).sort({ _id: 1 })) yield row
    },

    /** Those of these that are there, by id. */
    rowsOf: <Kind extends Chained>(kind: Kind, ids: readonly string[]): Promise<ChainedRows[Kind][]> =>
      raw(collections[kind])
        .find<ChainedRows[Kind]>({ _id: { $in: [...ids] } })
        .toArray(),
  }
}
