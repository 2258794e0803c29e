import { createHmac } from 'node:crypto'
import { z } from 'zod'
import type { Policy, Purpose } from '../config/policy.ts'
import { EntenteError } from '../errors.ts'
import type { JobQueue } from '../jobs/queue.ts'
import type { Post } from '../mail/post.ts'
import type { CustomerKey } from '../operation.ts'
import type { LedgerEvidence, LedgerRow } from '../storage/consent-ledger.ts'
import type { CustomerRow } from '../storage/customers.ts'
import { deriveKey, seal, unseal } from '../storage/keys.ts'
import type { Tx } from '../storage/transaction.ts'
import { confirmableFor } from './choices.ts'
import type { Recorded } from './receipt.ts'
import { record, type RecordParts } from './record.ts'
import { newReceipt } from './set-decisions.ts'

const label = 'consent-link'
const link = z.strictObject({
  customer: z.string(),
  purpose: z.string(),
  textVersion: z.string(),
  locale: z.string(),
  client: z.string(),
  /** Entry in the ledger that asked. */
  entry: z.string(),
  mail: z.string(),
  at: z.number(),
})
type Link = z.infer<typeof link>

export interface ConfirmationParts {
  readonly key: Buffer
  readonly publicUrl: string
  readonly policy: Policy
  readonly post: Pick<Post, 'toCustomer'>
  readonly jobs: Pick<JobQueue, 'stateOf'>
}

/** One letter for a purpose in so many milliseconds, whatever is said meanwhile. */
const spacing = 600_000

/** Double opt-in by mail: the letter with its link, and the evidence of both halves in the ledger. */
export function confirmations({ key, publicUrl, policy, post, jobs }: ConfirmationParts) {
  const linkKey = deriveKey(key, 'link')
  const addressKey = deriveKey(key, 'address')
  const addressHash = (row: CustomerRow): string =>
    createHmac('sha256', addressKey)
      .update(row.email ?? '')
      .digest('base64url')
  const mailOf = (customer: CustomerKey, purpose: string, at: Date): string => `consent:${customer}/${purpose}/${Math.floor(at.getTime() / spacing)}`
  const linkTo = (content: Link): string => `${publicUrl}/consent/confirm?t=${seal(linkKey, JSON.stringify(content), label)}`

  async function ask(tx: Tx, row: CustomerRow, entry: LedgerRow, purpose: Purpose): Promise<void> {
    const decision = entry.decisions.find((one) => one.purpose === purpose.id)
    const text = decision && purpose.texts.get(decision.locale)
    if (decision === undefined || text === undefined) return
    const mail = mailOf(row._id, purpose.id, entry.at)
    if ((await jobs.stateOf('mail', mail, tx)) !== null) throw new EntenteError('RATE_LIMITED', { rate: 'confirmation' }, { retryAfter: spacing / 1000 })
    const { textVersion, locale } = decision
    const url = linkTo({ customer: row._id, purpose: purpose.id, textVersion, locale, client: entry.surface, entry: entry._id, mail, at: entry.at.getTime() })
    const facts = { title: text.title, text: text.text, link: url }
    const usefulUntil = new Date(entry.at.getTime() + confirmableFor)
    await post.toCustomer(tx, row, { kind: 'confirmConsent', facts, id: mail, locale, usefulUntil })
  }

  return {
    addressHash,

    evidenceOfAsking: (row: CustomerRow, receipt: string): LedgerEvidence => ({ by: 'mail asked', address: addressHash(row), asked: receipt }),

    /** Writes for each yes that waits since this entry. RATE_LIMITED */
    async follow(tx: Tx, { entry, row, after }: Recorded): Promise<void> {
      for (const { purpose: id, state } of entry.decisions) {
        const purpose = policy.purpose(id)
        // One that was waited for before keeps its letter.
        if (state === 'pending' && purpose && after[id]?.at.getTime() === entry.at.getTime()) await ask(tx, row, entry, purpose)
      }
    },

    /** What a link says, within its seven days. */
    open(token: string, now: Date): Link | null {
      const plain = token.length > 2000 ? null : unseal(linkKey, token, label)
      const content = plain === null ? null : link.parse(JSON.parse(plain.toString()))
      return content !== null && now.getTime() < content.at + confirmableFor ? content : null
    },
  }
}

export type Confirmations = ReturnType<typeof confirmations>

export interface ConfirmationDoor {
  /** The purpose that such a link would confirm; null when it works no longer. Changes nothing: mail programs look into links. */
  asked(token: string): Promise<Purpose | null>
  /** Makes the yes count, once. False when the link works no longer: used, taken back, too old, another text or address since. */
  confirm(token: string): Promise<boolean>
}

/** What the page behind the link calls. Nobody need be signed in: who has the mail has the address, and that is what is proved. */
export function confirmationDoor(parts: RecordParts, { open, addressHash }: Pick<Confirmations, 'open' | 'addressHash'>): ConfirmationDoor {
  async function waiting(found: Link, tx?: Tx): Promise<{ row: CustomerRow; purpose: Purpose } | null> {
    const row = await parts.customers.read(found.customer, tx)
    const purpose = parts.policy.purpose(found.purpose)
    const decision = row?.decisions[found.purpose]
    if (row?.state !== 'active' || purpose?.textVersion !== found.textVersion || decision?.state !== 'pending') return null
    return decision.at.getTime() === found.at && decision.textVersion === found.textVersion ? { row, purpose } : null
  }

  return {
    async asked(token) {
      const found = open(token, parts.now())
      return found && ((await waiting(found))?.purpose ?? null)
    },

    async confirm(token) {
      const at = parts.now()
      const found = open(token, at)
      if (found === null) return false
      const receipt = newReceipt()
      return parts.transaction(found.customer, async (tx) => {
        const known = await waiting(found, tx)
        if (known === null) return false
        const asking = (await parts.ledger.read(found.customer, tx)).find(({ _id }) => _id === found.entry)
        const address = addressHash(known.row)
        if (asking?.evidence?.['address'] !== address) return false
        const evidence: LedgerEvidence = { by: 'mail', address, asked: found.entry, mail: found.mail }
        const choices = [{ purpose: known.purpose, granted: true, textVersion: found.textVersion, state: 'granted' as const }]
        await record(parts, tx, known.row, { clientId: found.client, choices, locale: found.locale, receipt, at, evidence })
        return true
      })
    },
  }
}
