import type { AuditEvent } from '../audit/event.ts'
import type { CustomerKey } from '../operation.ts'
import type { LedgerEvidence, LedgerRow, LedgerStore } from '../storage/consent-ledger.ts'
import type { ChainHead, CustomerRow, CustomerStore } from '../storage/customers.ts'
import type { Tx } from '../storage/transaction.ts'
import { EntenteError } from '../errors.ts'
import { inForce, recorded, type Choice } from './choices.ts'
import { searchable } from './decisions.ts'
import { entryAfter } from './ledger.ts'
import type { ReceiptParts, Recorded } from './receipt.ts'

export interface RecordParts extends ReceiptParts {
  readonly transaction: <T>(customer: CustomerKey, work: (tx: Tx) => Promise<T>) => Promise<T>
  readonly customers: Pick<CustomerStore, 'read' | 'update'>
  readonly ledger: Pick<LedgerStore, 'append' | 'read' | 'byIdempotencyKey'>
  readonly audit: { inCustomerChain(tx: Tx, customer: CustomerKey, head: ChainHead, event: AuditEvent, at: Date): Promise<ChainHead> }
  /** Evidence that goes with a yes that waits for its confirmation. */
  readonly evidenceOfAsking?: (row: CustomerRow, receipt: string) => LedgerEvidence
  /** What follows from decisions, put in the same transaction: letters, and what clients are told. */
  readonly follow?: (tx: Tx, recorded: Recorded) => Promise<void>
  readonly now: () => Date
}

/** What was said at once, by whom and how. */
export interface Said {
  readonly clientId: string
  readonly choices: readonly Choice[]
  readonly locale: string
  readonly receipt: string
  readonly at: Date
  readonly evidence?: LedgerEvidence
  readonly idempotencyKey?: string
  /** Purposes for which Global Privacy Control has been heard with this. */
  readonly gpc?: readonly string[]
}

/**
 * The one way in which decisions are written: ledger, audit and profile in the given transaction, and what follows from it. The row was
 * read in that transaction. UNAUTHENTICATED when the customer is not active any more.
 */
export async function record(parts: RecordParts, tx: Tx, row: CustomerRow, said: Said): Promise<Recorded> {
  const { choices, locale, at, clientId, receipt, idempotencyKey } = said
  const decisions = choices.map((choice) => recorded(choice, row.decisions[choice.purpose.id], locale, at))
  const after = inForce(row.decisions, decisions, at, parts.policy)
  const isAsked = decisions.some(({ state }) => state === 'pending')
  const evidence = said.evidence ?? (isAsked ? parts.evidenceOfAsking?.(row, receipt) : undefined)
  const entry = entryAfter(row, {
    receipt,
    decisions,
    surface: clientId,
    at,
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(evidence && { evidence }),
  })
  await parts.ledger.append(tx, entry)
  const audit = await parts.audit.inCustomerChain(tx, row._id, row.audit, eventOf(row._id, said), at)
  const isWritten = await parts.customers.update(tx, row._id, changeTo(row, entry, after, audit, said.gpc), 'active', row)
  if (!isWritten) throw new EntenteError('UNAUTHENTICATED', { why: 'customer not active' })
  const done = { entry, row, before: row.decisions, after }
  await parts.follow?.(tx, done)
  return done
}

/** Targeted: the decisions that were made, what lists search by, and the heads of the two chains. Nothing else of the document is touched. */
function changeTo(row: CustomerRow, entry: LedgerRow, after: CustomerRow['decisions'], audit: ChainHead, gpc: readonly string[] = []) {
  const decided = entry.decisions.map(({ purpose }) => purpose)
  const lifted = decided.filter((purpose) => after[purpose] === undefined)
  const kept = decided.filter((purpose) => after[purpose] !== undefined)
  return {
    $set: {
      ...Object.fromEntries(kept.map((purpose) => [`decisions.${purpose}`, after[purpose]])),
      ...searchable(after),
      ...(gpc.length > 0 && { gpc: [...(row.gpc ?? []), ...gpc] }),
      ledger: { seq: row.ledger.seq + 1, hash: entry.hash },
      audit,
    },
    ...(lifted.length === 0 ? {} : { $unset: Object.fromEntries(lifted.map((purpose) => [`decisions.${purpose}`, '' as const])) }),
    $inc: { consentVersion: 1 },
  }
}

function eventOf(customer: CustomerKey, { clientId, choices, receipt, evidence }: Said): AuditEvent {
  const granted = choices.filter((choice) => choice.granted).length
  return {
    type: 'consent.changed',
    client: clientId,
    actor: 'customer',
    subjects: [customer],
    purposes: choices.map(({ purpose }) => purpose.id),
    detail: { receipt, granted, denied: choices.length - granted, ...(evidence && { by: evidence.by }) },
  }
}
