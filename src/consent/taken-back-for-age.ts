import type { CustomerRow } from '../storage/customers.ts'
import type { Tx } from '../storage/transaction.ts'
import { saidTooYoung } from './age.ts'
import { record, type RecordParts } from './record.ts'
import { newReceipt } from './set-decisions.ts'

/**
 * Takes back each yes that somebody is not old enough for by the row as it is now, in the transaction that read it. `clientId`: through whom
 * the year of birth, or the age that is asked for, became another one.
 */
export type TakeBackForAge = (tx: Tx, row: CustomerRow, clientId: string, at: Date) => Promise<void>

export function takeBackForAge(parts: RecordParts): TakeBackForAge {
  return async (tx, row, clientId, at) => {
    const choices = saidTooYoung(parts.policy, row, at).map((purpose) => ({ purpose, granted: false, textVersion: null }))
    if (choices.length === 0) return
    await record(parts, tx, row, { clientId, choices, locale: parts.policy.defaultLocale, receipt: newReceipt(), at, evidence: { by: 'age' } })
  }
}
