import type { Purpose } from '../config/policy.ts'
import type { CustomerRow } from '../storage/customers.ts'
import type { Tx } from '../storage/transaction.ts'
import { isOldEnough } from './age.ts'
import { record, type RecordParts } from './record.ts'
import { newReceipt } from './set-decisions.ts'

/** Takes back each yes that somebody is not old enough for by the year of birth that the row has now, in the transaction that changed it. */
export function takeBackForAge(parts: RecordParts) {
  return async (tx: Tx, row: CustomerRow, clientId: string, at: Date): Promise<void> => {
    const isYes = ({ id }: Purpose): boolean => ['granted', 'pending'].includes(row.decisions[id]?.state ?? '')
    const choices = parts.policy.purposes
      .filter((purpose) => isYes(purpose) && !isOldEnough(purpose, row, at))
      .map((purpose) => ({ purpose, granted: false, textVersion: null }))
    if (choices.length === 0) return
    await record(parts, tx, row, { clientId, choices, locale: parts.policy.defaultLocale, receipt: newReceipt(), at, evidence: { by: 'age' } })
  }
}
