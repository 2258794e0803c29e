import type { AuditEvent } from '../../src/audit/event.ts'
import type { Policy } from '../../src/config/policy.ts'
import type { GpcParts } from '../../src/consent/gpc.ts'
import type { LedgerRow } from '../../src/storage/consent-ledger.ts'
import type { CustomerRow, CustomerUpdate, GatedRow, Projection } from '../../src/storage/customers.ts'
import { classification, customer } from './fixture.ts'

/** One customer and their ledger, kept in memory: for what is written, not for how it is written at once. */
export function oneRow(policy: Policy, change: Partial<CustomerRow> = {}, now: () => Date) {
  const entries: LedgerRow[] = []
  const events: AuditEvent[] = []
  let row = customer(change)
  let [reads, writes] = [0, 0]

  function update({ $set = {}, $unset = {}, $inc = {} }: CustomerUpdate): void {
    const next: Record<string, unknown> = structuredClone({ ...row })
    const inside = (path: string): [Record<string, unknown>, string] => {
      const [name = '', key] = path.split('.')
      if (key === undefined) return [next, name]
      next[name] ??= {}
      return [next[name] as Record<string, unknown>, key]
    }
    for (const [path, value] of Object.entries($set)) {
      const [place, key] = inside(path)
      place[key] = value
    }
    for (const path of Object.keys($unset)) {
      const [place, key] = inside(path)
      delete place[key]
    }
    for (const [path, by] of Object.entries($inc)) next[path] = Number(next[path]) + by
    row = next as unknown as CustomerRow
  }

  const parts = {
    policy,
    classification,
    clients: () => policy.purposes.map(({ id, mask }) => ({ id, purposes: mask })),
    transaction: <T>(_: string, work: (tx: never) => Promise<T>): Promise<T> => {
      writes++
      return work(null as never)
    },
    customers: {
      read: async (key: string) => (key === row._id ? structuredClone(row) : null),
      readMany: async (keys: readonly string[], projection: Projection) => {
        reads++
        const brought = (name: string) => name === '_id' || name in projection
        return keys.includes(row._id) ? [Object.fromEntries(Object.entries(row).filter(([name]) => brought(name))) as unknown as GatedRow] : []
      },
      update: async (_: unknown, key: string, change: CustomerUpdate) => {
        if (key !== row._id || row.state !== 'active') return false
        update(change)
        return true
      },
    },
    ledger: {
      append: async (_: unknown, entry: LedgerRow) => void entries.push(entry),
      read: async () => entries,
      byIdempotencyKey: async (_: string, key: string) => entries.find(({ idempotencyKey }) => idempotencyKey === key) ?? null,
    },
    audit: {
      inCustomerChain: async (_: unknown, __: string, head: { seq: number; hash: string }, event: AuditEvent) => {
        events.push(event)
        return { seq: head.seq + 1, hash: '' }
      },
    },
    now,
  } satisfies GpcParts
  return { parts, entries, events, row: () => row, asked: () => ({ reads, writes }), change: (next: Partial<CustomerRow>) => (row = { ...row, ...next }) }
}
