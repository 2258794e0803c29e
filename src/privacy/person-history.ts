import type { CustomerKey } from '../operation.ts'
import type { AuditRow, AuditStore } from '../storage/audit-log.ts'
import type { LedgerRow, LedgerStore } from '../storage/consent-ledger.ts'

const atOnce = 500

/** The customer, and all that became part of them and are so now: their chains are this person's history too. */
export async function keysOfPerson(ledger: Pick<LedgerStore, 'turns'>, customer: CustomerKey): Promise<CustomerKey[]> {
  const keys = [customer]
  for (const key of keys) {
    const parts = new Set<CustomerKey>()
    for (const { turn } of await ledger.turns(key)) {
      if (turn?.what === 'absorbed') parts.add(turn.other)
      if (turn?.what === 'parted') parts.delete(turn.other)
    }
    keys.push(...[...parts].filter((part) => !keys.includes(part)))
  }
  return keys
}

/** One chain, oldest first, many entries at once. */
export async function* entriesOf(ledger: Pick<LedgerStore, 'page'>, key: CustomerKey): AsyncGenerator<readonly LedgerRow[]> {
  for (let after: string | null = null; ;) {
    const rows: LedgerRow[] = await ledger.page(key, after, atOnce)
    if (rows.length > 0) yield rows
    after = rows.at(-1)?._id ?? null
    if (rows.length < atOnce) return
  }
}

/** All that the audit log says about this person, newest first for each key, each event once. */
export async function* eventsOf(events: Pick<AuditStore, 'find'>, keys: readonly CustomerKey[]): AsyncGenerator<readonly AuditRow[]> {
  for (const [n, subject] of keys.entries()) {
    const told = keys.slice(0, n)
    for (let before: { at: Date; id: string } | null = null; ;) {
      const rows: AuditRow[] = await events.find({ subject }, before, atOnce)
      const fresh = rows.filter(({ subjects }) => !told.some((key) => subjects.includes(key)))
      if (fresh.length > 0) yield fresh
      const last = rows.at(-1)
      if (last === undefined || rows.length < atOnce) break
      before = { at: last.at, id: last._id }
    }
  }
}
