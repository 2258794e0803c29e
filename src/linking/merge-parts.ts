import type { Connection } from 'mongoose'
import type { AuditEvent } from '../audit/event.ts'
import type { AuditLog } from '../audit/log.ts'
import type { Policy } from '../config/policy.ts'
import { searchable } from '../consent/decisions.ts'
import { turnAfter } from '../consent/ledger.ts'
import type { ToldChange } from '../consent/receipt.ts'
import type { TakeBackForAge } from '../consent/taken-back-for-age.ts'
import { EntenteError } from '../errors.ts'
import type { JobQueue } from '../jobs/queue.ts'
import type { Post } from '../mail/post.ts'
import type { CustomerKey } from '../operation.ts'
import type { ForgetEvents } from '../personalization/forget-events.ts'
import type { LedgerStore, LedgerTurn } from '../storage/consent-ledger.ts'
import type { CustomerRow, CustomerStore, CustomerUpdate } from '../storage/customers.ts'
import type { EmailStore } from '../storage/emails.ts'
import type { IdentityStore } from '../storage/identities.ts'
import type { MergeStore } from '../storage/merges.ts'
import type { Tx } from '../storage/transaction.ts'
import { endSessionsBefore } from './ended-sessions.ts'
import type { Person } from './merge-algebra.ts'
import { profileFields } from './profile-by-source.ts'

export interface MergeParts {
  readonly db: Connection
  readonly customers: Pick<CustomerStore, 'read' | 'update'>
  readonly identities: Pick<IdentityStore, 'move'>
  readonly emails: Pick<EmailStore, 'keysOf' | 'move'>
  readonly ledger: Pick<LedgerStore, 'append' | 'read'>
  readonly audit: Pick<AuditLog, 'inCustomerChain'>
  readonly merges: MergeStore
  readonly jobs: Pick<JobQueue, 'put'>
  readonly policy: Policy
  readonly post: Pick<Post, 'toCustomer'>
  /** Tells the clients that act for those purposes, when the transaction is committed. */
  readonly tell: (tx: Tx, change: ToldChange) => Promise<void>
  readonly forgetting: Pick<ForgetEvents, 'follow' | 'afterMerge'>
  readonly takeBackForAge: TakeBackForAge
  /** What is derived of somebody, worked out anew from the events that count now; null when that is what is there. */
  readonly derivedAnew: (row: CustomerRow, at: Date, tx: Tx) => Promise<CustomerUpdate | null>
}

/** Who did it: the person through a client, or an operator's own client. */
export interface By {
  readonly client: string
  readonly actor: 'customer' | 'client'
}

/** One customer's part in a merge or its undoing. */
interface Turn {
  readonly row: CustomerRow
  readonly change: CustomerUpdate
  readonly turn: LedgerTurn
  readonly event: Pick<AuditEvent, 'type' | 'detail'>
}

/**
 * Writes both customers, their ledgers and audit chains, in the order of their keys, so that two that meet do not hold each other up.
 * Every token so far ends.
 */
export async function writeBoth(parts: MergeParts, tx: Tx, turns: readonly Turn[], by: By, receipt: string, at: Date): Promise<void> {
  for (const { row, change, turn, event } of turns.toSorted((a, b) => (a.row._id < b.row._id ? -1 : 1))) {
    const entry = turnAfter(row, { receipt, surface: by.client, at, turn })
    const audit = await parts.audit.inCustomerChain(tx, row._id, row.audit, { ...by, ...event }, at)
    const ledger = { seq: row.ledger.seq + 1, hash: entry.hash }
    const $set = { ...change.$set, ...searchable(turn.inForce), decisions: turn.inForce, tokensValidFrom: at, endedGrants: [], ledger, audit }
    const isWritten = await parts.customers.update(tx, row._id, { ...change, $set, $inc: { consentVersion: 1 } }, row.state)
    if (!isWritten) throw new EntenteError('INTERNAL_SERVER_ERROR', { why: 'a customer changed within a transaction' })
    await parts.ledger.append(tx, entry)
    await endSessionsBefore(parts.jobs, tx, row._id, at)
    await parts.tell(tx, { entry: { at, decisions: changed(row.decisions, turn.inForce) }, row, after: turn.inForce })
  }
}

const changed = (before: CustomerRow['decisions'], after: CustomerRow['decisions']): { readonly purpose: string }[] =>
  Object.keys({ ...before, ...after })
    .filter((purpose) => before[purpose]?.state !== after[purpose]?.state)
    .map((purpose) => ({ purpose }))

type Change = { readonly $set: Readonly<Record<string, unknown>>; readonly $unset: Readonly<Record<string, ''>> }

/** A person's values as a change: what they do not have goes. Decisions are written with their ledger entry. `known`: who had the address before. */
export function personChange({ decisions: _inLedger, ...person }: Person, known: readonly CustomerRow[]): Change {
  const missing = [...profileFields, 'emailProof' as const].filter((field) => person[field] === undefined)
  const isDead = person.email !== undefined && known.some(({ email, emailUndeliverable }) => emailUndeliverable === true && email === person.email)
  return {
    $set: { ...person, ...(isDead && { emailUndeliverable: true }) },
    $unset: Object.fromEntries([...missing, ...(isDead ? [] : ['emailUndeliverable'])].map((field) => [field, ''])),
  }
}

/** What one chain says about the other. */
export const turnBeside = (what: LedgerTurn['what'], other: CustomerRow, inForce: LedgerTurn['inForce']): LedgerTurn => ({
  what,
  other: other._id,
  head: other.ledger.hash,
  inForce,
})

/** The whole row of somebody who is active. UNAUTHENTICATED */
export async function activeRow(parts: Pick<MergeParts, 'customers'>, tx: Tx, customer: CustomerKey): Promise<CustomerRow> {
  const row = await parts.customers.read(customer, tx)
  if (row === null || row.state !== 'active') throw new EntenteError('UNAUTHENTICATED', { why: 'customer is not active' })
  return row
}
