import type { Connection } from 'mongoose'
import type { AuditLog } from '../audit/log.ts'
import { EntenteError } from '../errors.ts'
import type { JobQueue } from '../jobs/queue.ts'
import { endSessionsBefore } from '../linking/ended-sessions.ts'
import { personOf, type Caller } from '../operation.ts'
import type { CustomerStore } from '../storage/customers.ts'
import { inTransaction } from '../storage/transaction.ts'
import type { Endings } from './endings.ts'

export interface SignOutParts {
  readonly db: Connection
  readonly customers: Pick<CustomerStore, 'read' | 'update'>
  readonly audit: Pick<AuditLog, 'inCustomerChain' | 'note'>
  readonly jobs: Pick<JobQueue, 'put'>
  readonly endings: Pick<Endings, 'endEverywhere' | 'endLogin'>
}

/** Ends the login that a token stands on, or all of the customer's; both hold for the next request on every process. UNAUTHENTICATED FORBIDDEN */
export function signOut(parts: SignOutParts) {
  return async (caller: Caller, everywhere: boolean): Promise<void> => {
    const customer = personOf(caller)
    if (!everywhere) {
      if (caller.grant !== null) await parts.endings.endLogin(customer, caller.grant)
      return parts.audit.note({ type: 'session.ended', client: caller.clientId, actor: 'customer', subjects: [customer] })
    }
    await inTransaction(parts.db, customer, async (tx) => {
      const row = await parts.customers.read(customer, tx)
      if (row === null || row.state !== 'active') throw new EntenteError('UNAUTHENTICATED')
      // After the read: a sign-in that was committed before it lies before this moment.
      const at = new Date()
      const event = { type: 'session.ended_everywhere', client: caller.clientId, actor: 'customer' } as const
      const audit = await parts.audit.inCustomerChain(tx, customer, row.audit, event, at)
      await parts.customers.update(tx, customer, { $set: { tokensValidFrom: at, audit } })
      await endSessionsBefore(parts.jobs, tx, customer, at)
    })
    await parts.endings.endEverywhere(customer)
  }
}
