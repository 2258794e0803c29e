import { createHash, randomBytes } from 'node:crypto'
import { EntenteError } from '../errors.ts'
import { personOf, tokenOf, type Caller, type CustomerKey } from '../operation.ts'
import type { LedgerRow } from '../storage/consent-ledger.ts'
import type { CustomerRow } from '../storage/customers.ts'
import type { Tx } from '../storage/transaction.ts'
import { requireAge } from './age.ts'
import { choicesOf, replayed, requireCurrentTexts, type Choice, type DecisionInput } from './choices.ts'
import { tokenLives } from './live-token.ts'
import { receiptJsonLd } from './receipt-jsonld.ts'
import { receiptClaims, receiptOf, type Receipt, type Recorded } from './receipt.ts'
import { record, type RecordParts, type Said } from './record.ts'

export interface DecisionParts extends RecordParts {
  /** Where people see and change what they decided. */
  readonly decisionsUrl: string
  /** Signs claims as a JWT with a key that clients can look up. */
  readonly signReceipt: (claims: Record<string, unknown>) => Promise<string>
  /** The customer's id at that client. */
  readonly subjectOf: (caller: Caller, customer: CustomerKey) => string
}

export interface ConsentRequest {
  readonly decisions: readonly DecisionInput[]
  /** Same key and content: same receipt, nothing written. Up to 100 characters. */
  readonly idempotencyKey: string | null
  /** Of the texts that were shown. */
  readonly locale: string
}

/** Its two forms are made for those who ask for them: a signature costs more than the decision. They say the same whenever they are made. */
export type SignedReceipt = Receipt & { readonly jwt: () => Promise<string>; readonly jsonld: () => string }

/**
 * Records what the signed-in customer decides: profile, ledger and audit in one transaction, all decisions or none; the receipt can be had signed.
 * UNAUTHENTICATED FORBIDDEN BAD_USER_INPUT CONSENT_TEXT_OUTDATED RATE_LIMITED OVERLOADED
 */
export function setDecisions(parts: DecisionParts) {
  return async (asking: Caller | null, request: ConsentRequest): Promise<SignedReceipt> => {
    const caller = tokenOf(asking)
    const customer = personOf(caller)
    const choices = choicesOf(request.decisions, parts.policy)
    if (request.idempotencyKey === '' || (request.idempotencyKey?.length ?? 0) > 100) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'idempotencyKey' })
    const said: Said = {
      clientId: caller.clientId,
      choices,
      locale: request.locale,
      receipt: newReceipt(),
      at: parts.now(),
      // A key is the client's own: another client's same key is another call.
      ...(request.idempotencyKey === null ? {} : { idempotencyKey: keptKey(customer, caller, request.idempotencyKey) }),
    }
    return signed(parts, caller, await parts.transaction(customer, (tx) => decide(parts, tx, caller, customer, said)))
  }
}

export const newReceipt = (): string => randomBytes(16).toString('base64url')

/** The receipt for what was recorded, as this caller may see it. */
export function signed(parts: DecisionParts, caller: Caller, done: Recorded): SignedReceipt {
  const receipt = receiptOf(done, caller, parts)
  const subject = parts.subjectOf(caller, done.row._id)
  return {
    ...receipt,
    jwt: () => parts.signReceipt(receiptClaims(receipt, done.entry, subject, parts.policy)),
    jsonld: () => receiptJsonLd(receipt, done.entry, subject, parts.policy, parts.decisionsUrl),
  }
}

/** The customer of a token that still counts, for writes that decide on the row. UNAUTHENTICATED */
export async function livingRow(parts: RecordParts, tx: Tx, caller: Caller, customer: CustomerKey): Promise<CustomerRow> {
  const row = await parts.customers.read(customer, tx)
  if (!row || !tokenLives(row, caller)) throw new EntenteError('UNAUTHENTICATED', { why: 'token no longer counts' })
  return row
}

async function decide(parts: DecisionParts, tx: Tx, caller: Caller, customer: CustomerKey, said: Said): Promise<Recorded> {
  const row = await livingRow(parts, tx, caller, customer)
  const earlier = said.idempotencyKey === undefined ? null : await parts.ledger.byIdempotencyKey(customer, said.idempotencyKey, tx)
  if (earlier) return repeated(parts, tx, row, earlier, said.choices)
  requireCurrentTexts(said.choices)
  requireAge(said.choices, row, said.at)
  return record(parts, tx, row, said)
}

/** The answer to a call that was made before, from the ledger. Another content under the same key is BAD_USER_INPUT. */
async function repeated(parts: DecisionParts, tx: Tx, row: CustomerRow, entry: LedgerRow, choices: readonly Choice[]): Promise<Recorded> {
  const isSame =
    entry.decisions.length === choices.length &&
    choices.every(({ purpose, granted, textVersion }, i) => {
      const then = entry.decisions[i]
      const wasYes = then?.state === 'granted' || then?.state === 'pending'
      return then?.purpose === purpose.id && wasYes === granted && (!granted || then.textVersion === textVersion)
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

/** A hash: clients choose keys, and what they put in outlives an erasure with the ledger. */
function keptKey(customer: CustomerKey, { clientId }: Caller, key: string): string {
  return createHash('sha256')
    .update(JSON.stringify([customer, clientId, key]))
    .digest('base64url')
}
