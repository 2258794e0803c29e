import type { Connection } from 'mongoose'
import type { AuditEvent } from '../audit/event.ts'
import type { AuditLog } from '../audit/log.ts'
import { EntenteError } from '../errors.ts'
import type { Letter } from '../mail/letter.ts'
import type { Post } from '../mail/post.ts'
import type { CustomerKey } from '../operation.ts'
import type { CustomerRow, CustomerStore, FactorSummary } from '../storage/customers.ts'
import { inTransaction, type Tx } from '../storage/transaction.ts'

/** What a change leaves: the customer's factors, and who is told of it. */
export interface FactorChange {
  readonly factors: readonly FactorSummary[]
  readonly event?: Omit<AuditEvent, 'client' | 'actor'>
  readonly letter?: Letter
}

export interface FactorChangeParts {
  readonly db: Connection
  readonly customers: Pick<CustomerStore, 'read' | 'update'>
  readonly audit: Pick<AuditLog, 'inCustomerChain'>
  readonly post: Pick<Post, 'toCustomer'>
  readonly now: () => number
}

export interface ChangeOf {
  readonly customer: CustomerKey
  /** Null where no client asked for it: at our own pages. */
  readonly client: string | null
  /** Of this change; its letter goes by it, so that a repeated transaction writes one. */
  readonly id: string
}

/**
 * The only way a customer's factors change: credential, summary, audit and letter in one transaction, which writes the customer document,
 * so that two changes at once see one another. UNAUTHENTICATED when the customer is there no more.
 */
export function factorChanges({ db, customers, audit, post, now }: FactorChangeParts) {
  return async function change({ customer, client, id }: ChangeOf, work: (tx: Tx, row: CustomerRow, at: Date) => Promise<FactorChange>): Promise<void> {
    const at = new Date(now())
    await inTransaction(db, customer, async (tx) => {
      const row = await customers.read(customer, tx)
      if (row === null || row.state !== 'active') throw new EntenteError('UNAUTHENTICATED', { why: 'no such customer' })
      const { factors, event, letter } = await work(tx, row, at)
      const head = event && (await audit.inCustomerChain(tx, customer, row.audit, { ...event, client, actor: 'customer' }, at))
      await customers.update(tx, customer, { $set: { factors, ...(head && { audit: head }) } })
      if (letter) await post.toCustomer(tx, row, { ...letter, id: `factor:${id}` })
    })
  }
}

export type ChangeFactors = ReturnType<typeof factorChanges>

export const factorsOf = (row: Pick<CustomerRow, 'factors'>): readonly FactorSummary[] => row.factors ?? []

/** The list with that factor as just used. */
export const usedNow = (factors: readonly FactorSummary[], id: string, at: Date): FactorSummary[] =>
  factors.map((one) => (one.id === id ? { ...one, lastUsedAt: at } : one))
