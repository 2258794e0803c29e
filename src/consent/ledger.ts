import { createHash, randomBytes } from 'node:crypto'
import type { AuditEvent } from '../audit/log.ts'
import { EntenteError } from '../errors.ts'
import { personOf, type Caller, type CustomerKey } from '../operation.ts'
import { chainId, type LedgerRow, type LedgerStore, type LedgerTurn } from '../storage/consent-ledger.ts'
import type { ChainHead, CustomerRow, CustomerStore } from '../storage/customers.ts'
import type { Tx } from '../storage/transaction.ts'
import { choicesOf, inForce, recorded, replayed, requireCurrentTexts, type Choice, type DecisionInput } from './choices.ts'
import { searchable } from './decisions.ts'
import { tokenLives } from './live-token.ts'
import { receiptClaims, receiptOf, type Receipt, type ReceiptParts, type Recorded } from './receipt.ts'

export interface LedgerParts extends ReceiptParts {
  readonly transaction: <T>(customer: CustomerKey, work: (tx: Tx) => Promise<T>) => Promise<T>
  readonly customers: Pick<CustomerStore, 'read' | 'update'>
  readonly ledger: Pick<LedgerStore, 'append' | 'read' | 'byIdempotencyKey'>
  readonly audit: { inCustomerChain(tx: Tx, customer: CustomerKey, head: ChainHead, event: AuditEvent, at: Date): Promise<ChainHead> }
  /** Signs claims as a JWT with a key that clients can look up. */
  readonly signReceipt: (claims: Record<string, unknown>) => Promise<string>
  /** The customer's id at that client. */
  readonly subjectOf: (caller: Caller, customer: CustomerKey) => string
  readonly now: () => Date
}

export interface ConsentRequest {
  readonly decisions: readonly DecisionInput[]
  /** Same key and content: same receipt, nothing written. Up to 100 characters. */
  readonly idempotencyKey: string | null
  /** Of the texts that were shown. */
  readonly locale: string
}

/**
 * Records what the signed-in customer decides: profile, ledger and audit in one transaction, all decisions or none, then a signed receipt.
 * UNAUTHENTICATED FORBIDDEN BAD_USER_INPUT CONSENT_TEXT_OUTDATED
 */
export function setDecisions(parts: LedgerParts) {
  return async (caller: Caller | null, request: ConsentRequest): Promise<Receipt & { readonly jwt: string }> => {
    const customer = personOf(caller)
    const choices = choicesOf(request.decisions, parts.policy)
    if (caller === null || request.idempotencyKey === '' || (request.idempotencyKey?.length ?? 0) > 100)
      throw new EntenteError('BAD_USER_INPUT', {}, { field: 'idempotencyKey' })
    const said: Said = {
      caller,
      customer,
      choices,
      locale: request.locale,
      receipt: randomBytes(16).toString('base64url'),
      at: parts.now(),
      // A key is the client's own: another client's same key is another call.
      ...(request.idempotencyKey === null ? {} : { idempotencyKey: JSON.stringify([caller.clientId, request.idempotencyKey]) }),
    }
    const done = await parts.transaction(customer, (tx) => record(parts, tx, said))
    const receipt = receiptOf(done, caller, parts)
    const jwt = await parts.signReceipt(receiptClaims(receipt, done.entry, parts.subjectOf(caller, customer), parts.policy))
    return { ...receipt, jwt }
  }
}

interface Said {
  readonly caller: Caller
  readonly customer: CustomerKey
  readonly choices: readonly Choice[]
  readonly locale: string
  readonly receipt: string
  readonly at: Date
  readonly idempotencyKey?: string
}

async function record(parts: LedgerParts, tx: Tx, said: Said): Promise<Recorded> {
  const { customer, choices, caller, at } = said
  const row = await parts.customers.read(customer, tx)
  if (!row || !tokenLives(row, caller)) throw new EntenteError('UNAUTHENTICATED', { why: 'token no longer counts' })
  const earlier = said.idempotencyKey === undefined ? null : await parts.ledger.byIdempotencyKey(customer, said.idempotencyKey, tx)
  if (earlier) return repeated(parts, tx, row, earlier, choices)
  requireCurrentTexts(choices)
  const entry = entryAfter(row, said)
  const after = inForce(row.decisions, entry.decisions, at, parts.policy)
  await parts.ledger.append(tx, entry)
  const audit = await parts.audit.inCustomerChain(tx, customer, row.audit, eventOf(said), at)
  const isWritten = await parts.customers.update(tx, customer, changeTo(row, entry, after, audit))
  if (!isWritten) throw new EntenteError('UNAUTHENTICATED', { why: 'customer not active' })
  return { entry, row, before: row.decisions, after }
}

/** The answer to a call that was made before, from the ledger. Another content under the same key is BAD_USER_INPUT. */
async function repeated(parts: LedgerParts, tx: Tx, row: CustomerRow, entry: LedgerRow, choices: readonly Choice[]): Promise<Recorded> {
  const isSame =
    entry.decisions.length === choices.length &&
    choices.every(({ purpose, granted, textVersion }, i) => {
      const then = entry.decisions[i]
      return then?.purpose === purpose.id && (then.state === 'granted') === granted && (!granted || then.textVersion === textVersion)
    })
  if (!isSame) throw new EntenteError('BAD_USER_INPUT', { why: 'other content' }, { field: 'idempotencyKey' })
  const history = await parts.ledger.read(row._id, tx)
  const until = (wanted: (id: string) => boolean) =>
    replayed(
      history.filter(({ _id }) => wanted(_id)),
      parts.policy,
    )
  return { entry, row, before: until((id) => id < entry._id), after: until((id) => id <= entry._id) }
}

function entryAfter(row: CustomerRow, { choices, locale, at, caller, receipt, idempotencyKey }: Said): LedgerRow {
  const entry = {
    _id: chainId(row._id, row.ledger.seq + 1),
    receipt,
    decisions: choices.map((choice) => recorded(choice, row.decisions[choice.purpose.id], locale, at)),
    surface: caller.clientId,
    at,
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    prev: row.ledger.hash,
  }
  return { ...entry, hash: ledgerHash(entry) }
}

/** SHA-256 over all that an entry says and the hash of the one before: no entry can be changed, dropped or moved unseen. */
export const ledgerHash = (entry: Omit<LedgerRow, 'hash'>): string => createHash('sha256').update(ledgerText(entry)).digest('base64url')

/** The very text that is hashed, as exports hand it out: JSON, the entry's id first and the hash before it seventh. */
export function ledgerText(entry: Omit<LedgerRow, 'hash'>): string {
  const decisions = entry.decisions.map((one) => [one.purpose, one.state, one.textVersion, one.textHash, one.locale, one.expiresAt?.toISOString() ?? null])
  const said = [entry._id, entry.receipt, decisions, entry.surface, entry.at.toISOString(), entry.idempotencyKey ?? null, entry.prev, ...turnSaid(entry)]
  return JSON.stringify(said)
}

function turnSaid({ turn }: Pick<LedgerRow, 'turn'>): unknown[] {
  if (turn === undefined) return []
  const inForceNow = Object.entries(turn.inForce).sort(([a], [b]) => (a < b ? -1 : 1))
  const decisions = inForceNow.map(([purpose, one]) => [purpose, one.state, one.textVersion, one.at.toISOString(), one.expiresAt?.toISOString() ?? null])
  return [turn.what, turn.other, turn.head, decisions]
}

/** An entry without an answer of the person: two records became one, or two again. */
export function turnAfter(
  row: Pick<CustomerRow, '_id' | 'ledger'>,
  said: Pick<LedgerRow, 'receipt' | 'surface' | 'at'> & { readonly turn: LedgerTurn },
): LedgerRow {
  const entry = { _id: chainId(row._id, row.ledger.seq + 1), ...said, decisions: [], prev: row.ledger.hash }
  return { ...entry, hash: ledgerHash(entry) }
}

/** Targeted: the decisions that were made, what lists search by, and the heads of the two chains. Nothing else of the document is touched. */
function changeTo(row: CustomerRow, entry: LedgerRow, after: CustomerRow['decisions'], audit: ChainHead) {
  const decided = entry.decisions.map(({ purpose }) => purpose)
  const lifted = decided.filter((purpose) => after[purpose] === undefined)
  const kept = decided.filter((purpose) => after[purpose] !== undefined)
  return {
    $set: {
      ...Object.fromEntries(kept.map((purpose) => [`decisions.${purpose}`, after[purpose]])),
      ...searchable(after),
      ledger: { seq: row.ledger.seq + 1, hash: entry.hash },
      audit,
    },
    ...(lifted.length === 0 ? {} : { $unset: Object.fromEntries(lifted.map((purpose) => [`decisions.${purpose}`, '' as const])) }),
    $inc: { consentVersion: 1 },
  }
}

function eventOf({ caller, customer, choices, receipt }: Said): AuditEvent {
  const granted = choices.filter((choice) => choice.granted).length
  return {
    type: 'consent.changed',
    client: caller.clientId,
    actor: 'customer',
    subjects: [customer],
    purposes: choices.map(({ purpose }) => purpose.id),
    detail: { receipt, granted, denied: choices.length - granted },
  }
}
