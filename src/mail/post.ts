import type { JobQueue } from '../jobs/queue.ts'
import type { CustomerKey } from '../operation.ts'
import type { CustomerRow } from '../storage/customers.ts'
import type { Tx } from '../storage/transaction.ts'
import type { House, Letter } from './letter.ts'
import { letterFor } from './letters.ts'

export interface PostParts {
  readonly jobs: Pick<JobQueue, 'put' | 'wake'>
  readonly house: House
  /** What people call a provider; its id where nobody knows. */
  readonly providerName: (id: string) => string
  /** False when no mail server is configured: then nothing is written. */
  readonly available: boolean
}

interface Posted {
  /** The same id twice is one letter. */
  readonly id: string
  /** A letter that could not be delivered by then is thrown away. */
  readonly usefulUntil?: Date
}

export type LetterTo = Letter & Posted & { readonly to: string; readonly locale: string | null; readonly customer?: CustomerKey }
export type LetterToCustomer = Letter & Posted & { readonly locale?: string | null }

/** Letters on their way: each a job, put inside the transaction of the change that it tells of, so that it goes out if and only if that is committed. */
export function post({ jobs, house, providerName, available }: PostParts) {
  async function send(tx: Tx | null, { to, locale, customer, id, usefulUntil, ...letter }: LetterTo): Promise<void> {
    if (!available) return
    const payload = { to, ...letterFor({ ...withNames(letter, providerName), locale, house }), ...(usefulUntil && { usefulUntil: usefulUntil.toISOString() }) }
    await jobs.put({ kind: 'mail', id, payload, ...(customer !== undefined && { customer }) }, tx ?? undefined)
    if (tx === null) jobs.wake()
  }

  return {
    available,
    /** To a plain address. With a transaction the letter waits for its commit; `jobs.wake()` after it saves up to a second. */
    send,
    /** To the customer's address if it is proved and takes mail; else nothing happens. */
    async toCustomer(tx: Tx | null, row: CustomerRow, { locale = row.locale ?? null, ...letter }: LetterToCustomer): Promise<void> {
      const { email, emailProof = 'none', emailUndeliverable = false } = row
      if (email === undefined || emailProof === 'none' || emailUndeliverable) return
      await send(tx, { ...letter, to: email, locale, customer: row._id })
    },
  }
}

export type Post = ReturnType<typeof post>

function withNames(letter: Letter, nameOf: (id: string) => string): Letter {
  switch (letter.kind) {
    case 'identityLinked':
    case 'identityUnlinked':
      return { kind: letter.kind, facts: { provider: nameOf(letter.facts.provider) } }
    case 'providerLost':
      return { kind: letter.kind, facts: { ...letter.facts, provider: nameOf(letter.facts.provider) } }
    default:
      return letter
  }
}
