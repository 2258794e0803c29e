import type { Policy } from '../config/policy.ts'
import { inForce } from '../consent/choices.ts'
import { consentsOf } from '../consent/decisions.ts'
import { receiptClaims } from '../consent/receipt.ts'
import type { CustomerKey } from '../operation.ts'
import type { AuditRow, AuditStore } from '../storage/audit-log.ts'
import type { LedgerRow, LedgerStore } from '../storage/consent-ledger.ts'
import type { CustomerRow } from '../storage/customers.ts'
import type { EventRow, EventStore } from '../storage/events.ts'
import { csvLine } from './csv.ts'
import type { ExportFile } from './export-archive.ts'
import type { ExportedClient } from './export-purposes.ts'
import { entriesOf, eventsOf } from './person-history.ts'

const line = (value: object): string => `${JSON.stringify(value)}\n`
const numberOf = ({ _id }: { readonly _id: string }): number => Number(_id.slice(_id.lastIndexOf('/') + 1))

/** Every answer as it was recorded, chain by chain; keys of the house are left out, which is why its hashes are checked there. */
export function ledgerFile(ledger: Pick<LedgerStore, 'page'>, keys: readonly CustomerKey[]): ExportFile {
  const said = (chain: number, entry: LedgerRow) => {
    const { receipt, decisions, surface, at, idempotencyKey, turn, prev, hash } = entry
    const { what, head, inForce: afterwards } = turn ?? {}
    return line({
      chain,
      number: numberOf(entry),
      receipt,
      decisions,
      surface,
      at,
      idempotencyKey,
      turn: turn && { what, head, inForce: afterwards },
      prev,
      hash,
    })
  }
  return {
    name: 'consent-ledger.ndjson',
    async *text() {
      for (const [n, key] of keys.entries()) for await (const rows of entriesOf(ledger, key)) yield rows.map((row) => said(n + 1, row)).join('')
    },
  }
}

/** The record of each receipt (ISO/IEC TS 27560), told by the purposes as they are today. */
export function receiptsFile(ledger: Pick<LedgerStore, 'page'>, keys: readonly CustomerKey[], subject: string, policy: Policy): ExportFile {
  return {
    name: 'consent-receipts.ndjson',
    async *text() {
      for (const key of keys) {
        let decisions: CustomerRow['decisions'] = {}
        for await (const rows of entriesOf(ledger, key)) {
          const told = rows.map((entry) => {
            decisions = entry.turn?.inForce ?? inForce(decisions, entry.decisions, entry.at, policy)
            const consents = consentsOf(decisions, policy, ~0, entry.at.getTime())
            const { policy_version: _ofToday, ...claims } = receiptClaims(
              { id: entry.receipt, decidedAt: entry.at, consents, opened: [], closed: [] },
              entry,
              subject,
              policy,
            )
            return line(claims)
          })
          yield told.join('')
        }
      }
    },
  }
}

/** What they did, as far as it is kept, and what for. Ids of the house are left out, and with them how a client called an event. */
export function behaviourFile(behaviour: Pick<EventStore, 'ofCustomer'>, keys: readonly CustomerKey[]): ExportFile {
  const told = ({ name, at, receivedAt, client, purposes, properties, expiresAt }: EventRow) =>
    line({ name, at, receivedAt, client, purposes, properties, expiresAt })
  return {
    name: 'events.ndjson',
    async *text() {
      for (const key of keys) for await (const rows of behaviour.ofCustomer(key)) yield rows.map(told).join('')
    },
  }
}

/** Who read or changed what, for what, and when: all of the log, as a table and for programs. Of others in the same event nothing is said. */
export function accessFiles(events: Pick<AuditStore, 'find'>, keys: readonly CustomerKey[], clients: readonly ExportedClient[]): ExportFile[] {
  const nameOf = (id: string | null) => clients.find((client) => client.id === id)?.name ?? id ?? ''
  const cells = ({ at, type, actor, client, purposes, categories }: AuditRow) => [
    at.toISOString(),
    type,
    actor,
    nameOf(client),
    purposes.join(' '),
    categories.join(' '),
  ]
  const entry = ({ at, type, actor, client, purposes, categories, detail }: AuditRow) =>
    JSON.stringify({ at, type, actor, client, clientName: nameOf(client), purposes, categories, detail })
  return [
    {
      name: 'who-read-what.csv',
      async *text() {
        yield csvLine(['at', 'event', 'actor', 'client', 'purposes', 'categories'])
        for await (const rows of eventsOf(events, keys)) yield rows.map((row) => csvLine(cells(row))).join('')
      },
    },
    {
      name: 'who-read-what.json',
      async *text() {
        let before = '[\n'
        for await (const rows of eventsOf(events, keys)) {
          yield before + rows.map(entry).join(',\n')
          before = ',\n'
        }
        yield before === '[\n' ? '[]\n' : '\n]\n'
      },
    },
  ]
}
