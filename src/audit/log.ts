import { createHash, randomBytes } from 'node:crypto'
import type { CustomerKey } from '../operation.ts'
import { coverOf } from '../storage/audit-cover.ts'
import type { AuditRow, AuditStore } from '../storage/audit-log.ts'
import { chainId } from '../storage/consent-ledger.ts'
import type { ChainHead } from '../storage/customers.ts'
import type { Tx } from '../storage/transaction.ts'
import type { AuditEvent } from './event.ts'
import { together } from './together.ts'

/** A chain begins with this. */
export const chainStart: ChainHead = { seq: 0, hash: '' }

/** SHA-256 over everything a row says and the hash of the row before it, so that no row can be changed, dropped or moved unseen. */
export const hashOf = (row: Omit<AuditRow, 'hash'>): string => createHash('sha256').update(auditText(row)).digest('base64url')

/** The very text that is hashed, as exports hand it out: JSON, the row's id first and the hash before it second. */
export function auditText(row: Omit<AuditRow, 'hash'>): string {
  const detail = Object.entries(row.detail).sort(([a], [b]) => (a < b ? -1 : 1))
  const said = [row._id, row.prev, row.at.toISOString(), row.type, row.client, row.actor, row.subjects, row.cover, row.purposes, row.categories, detail]
  return JSON.stringify(said)
}

function rowAfter(head: ChainHead, chain: string, event: AuditEvent, at: Date): AuditRow {
  const subjects = [...(event.subjects ?? [])]
  const row = {
    _id: chainId(chain, head.seq + 1),
    at,
    type: event.type,
    client: event.client,
    actor: event.actor,
    subjects,
    cover: coverOf(subjects),
    purposes: [...(event.purposes ?? [])],
    categories: [...(event.categories ?? [])],
    detail: { ...event.detail },
    prev: head.hash,
  }
  return { ...row, hash: hashOf(row) }
}

interface Waiting {
  readonly event: AuditEvent
  readonly at: Date
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

/**
 * The audit log. What changes a customer is written into that customer's chain, in the transaction of the change. What only reads or
 * fails goes into the chain of this process, many events in one write; `note` resolves when its event is durable.
 */
export function auditLog(store: Pick<AuditStore, 'append' | 'appendMany'>) {
  let chain = `gateway-${randomBytes(8).toString('hex')}`
  let head = chainStart
  let waiting: Waiting[] = []
  let writing: Promise<void> | null = null

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting
      waiting = []
      const rows: AuditRow[] = []
      let last = head
      for (const { event, at } of together(batch)) {
        const row = rowAfter(last, chain, event, at)
        rows.push(row)
        last = { seq: last.seq + 1, hash: row.hash }
      }
      try {
        await store.appendMany(rows)
        head = last
        for (const one of batch) one.done()
      } catch (error) {
        // How much of the batch was written is unknown, so this chain ends here and another begins.
        chain = `gateway-${randomBytes(8).toString('hex')}`
        head = chainStart
        for (const one of batch) one.failed(error)
      }
    }
    writing = null
  }

  return {
    /** Appends to the customer's chain; the caller stores the returned head in the customer, in the same transaction. */
    async inCustomerChain(tx: Tx, customer: CustomerKey, last: ChainHead, event: AuditEvent, at: Date): Promise<ChainHead> {
      const row = rowAfter(last, customer, { ...event, subjects: event.subjects ?? [customer] }, at)
      await store.append(tx, row)
      return { seq: last.seq + 1, hash: row.hash }
    },

    note(event: AuditEvent): Promise<void> {
      return new Promise((done, failed) => {
        waiting.push({ event, at: new Date(), done, failed })
        writing ??= Promise.resolve().then(writeAll)
      })
    },

    /** Waits for what is under way. */
    async close(): Promise<void> {
      await writing
    },
  }
}

export type AuditLog = ReturnType<typeof auditLog>

/** The place of the first row of a chain that does not follow from the one before; null when all do. */
export function firstBroken(rows: readonly AuditRow[]): number | null {
  let prev = chainStart.hash
  for (const [at, row] of rows.entries()) {
    const { hash, ...said } = row
    const chain = row._id.slice(0, row._id.lastIndexOf('/'))
    if (row.prev !== prev || hash !== hashOf(said) || row._id !== chainId(chain, at + 1)) return at
    prev = hash
  }
  return null
}
