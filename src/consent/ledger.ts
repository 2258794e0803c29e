import { createHash } from 'node:crypto'
import { chainId, type LedgerRow, type LedgerTurn } from '../storage/consent-ledger.ts'
import type { CustomerRow } from '../storage/customers.ts'

/** The next entry of a customer's chain. */
export function entryAfter(row: Pick<CustomerRow, '_id' | 'ledger'>, said: Omit<LedgerRow, '_id' | 'prev' | 'hash'>): LedgerRow {
  const entry = { _id: chainId(row._id, row.ledger.seq + 1), ...said, prev: row.ledger.hash }
  return { ...entry, hash: ledgerHash(entry) }
}

/** SHA-256 over all that an entry says and the hash of the one before: no entry can be changed, dropped or moved unseen. */
export const ledgerHash = (entry: Omit<LedgerRow, 'hash'>): string => createHash('sha256').update(ledgerText(entry)).digest('base64url')

/** The very text that is hashed, as exports hand it out: JSON, the entry's id first and the hash before it second. */
export function ledgerText(entry: Omit<LedgerRow, 'hash'>): string {
  const decisions = entry.decisions.map((one) => [one.purpose, one.state, one.textVersion, one.textHash, one.locale, one.expiresAt?.toISOString() ?? null])
  const said = [
    entry._id,
    entry.prev,
    entry.receipt,
    decisions,
    entry.surface,
    entry.at.toISOString(),
    entry.idempotencyKey ?? null,
    ...turnSaid(entry),
    ...evidenceSaid(entry),
  ]
  return JSON.stringify(said)
}

function turnSaid({ turn }: Pick<LedgerRow, 'turn'>): unknown[] {
  if (turn === undefined) return []
  const inForceNow = Object.entries(turn.inForce).sort(([a], [b]) => (a < b ? -1 : 1))
  const decisions = inForceNow.map(([purpose, one]) => [purpose, one.state, one.textVersion, one.at.toISOString(), one.expiresAt?.toISOString() ?? null])
  return [turn.what, turn.other, turn.head, decisions]
}

/** One member in an object, so that it cannot be taken for the four of a turn. */
function evidenceSaid({ evidence }: Pick<LedgerRow, 'evidence'>): unknown[] {
  return evidence === undefined ? [] : [{ evidence: Object.entries(evidence).sort(([a], [b]) => (a < b ? -1 : 1)) }]
}

/** An entry without an answer of the person: two records became one, or two again. */
export const turnAfter = (
  row: Pick<CustomerRow, '_id' | 'ledger'>,
  said: Pick<LedgerRow, 'receipt' | 'surface' | 'at'> & { readonly turn: LedgerTurn },
): LedgerRow => entryAfter(row, { ...said, decisions: [] })
