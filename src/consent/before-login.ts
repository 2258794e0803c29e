import { z } from 'zod'
import { EntenteError } from '../errors.ts'
import type { Caller } from '../operation.ts'
import type { LedgerEvidence } from '../storage/consent-ledger.ts'
import type { CustomerRow } from '../storage/customers.ts'
import { isOldEnough } from './age.ts'
import type { Choice } from './choices.ts'
import { stateOf } from './decisions.ts'
import type { Recorded } from './receipt.ts'
import { record, type RecordParts } from './record.ts'
import { livingRow, newReceipt } from './set-decisions.ts'
import { localeFor } from './texts.ts'

/** The cookie in which a browser keeps them; also the label that they are sealed under. */
export const beforeLoginCookie = '__Host-entente-decisions'

/** Decisions of a browser that nobody was signed in with, as it keeps them: encrypted, since its person may read and nobody may change them. */
export const beforeLogin = z.strictObject({
  at: z.number(),
  /** Of the texts that were shown. */
  locale: z.string().max(35).optional(),
  decisions: z
    .array(z.strictObject({ purpose: z.string(), granted: z.boolean(), textVersion: z.string() }))
    .min(1)
    .max(50),
})
export type BeforeLogin = z.infer<typeof beforeLogin>

/** What was said elsewhere and before, with its moment and how it is known. */
export interface SaidElsewhere {
  readonly choices: readonly Choice[]
  readonly at: Date
  /** Of the texts that were shown; none where the words were not ours. */
  readonly locale?: string | undefined
  readonly evidence: LedgerEvidence
}

/**
 * Takes over what was said elsewhere, as far as it is news: the narrower wins, so a yes counts only where nothing is decided and a no only
 * where none is said; and what the person has decided since stands, so that a copy that comes again changes nothing. Null: no news.
 * BAD_USER_INPUT for a moment to come. UNAUTHENTICATED
 */
export function comeAlong(parts: RecordParts) {
  return async (caller: Caller, customer: string, { choices, at: saidAt, locale: shown, evidence }: SaidElsewhere): Promise<Recorded | null> => {
    const [receipt, at] = [newReceipt(), parts.now()]
    if (saidAt > at) throw new EntenteError('BAD_USER_INPUT', { why: 'from the future' })
    return parts.transaction(customer, async (tx) => {
      const row = await livingRow(parts, tx, caller, customer)
      const news = choices.filter((choice) => isNews(choice, row, saidAt, at))
      if (news.length === 0) return null
      const locale = localeFor(shown ?? null, parts.policy)
      return record(parts, tx, row, { clientId: caller.clientId, choices: news, locale, receipt, at, evidence })
    })
  }
}

const open: ReadonlySet<string> = new Set(['NOT_ASKED', 'OUTDATED', 'EXPIRED'])

function isNews({ purpose, granted, textVersion }: Choice, row: CustomerRow, saidAt: Date, now: Date): boolean {
  const before = row.decisions[purpose.id]
  if (before !== undefined && before.at >= saidAt) return false
  const state = stateOf(purpose, before, now.getTime())
  if (granted) return purpose.legalBasis === 'CONSENT' && open.has(state) && textVersion === purpose.textVersion && isOldEnough(purpose, row, now)
  return state === 'GRANTED' || state === 'PENDING' || open.has(state)
}
