import type { Connection } from 'mongoose'
import type { AuditLog } from '../audit/log.ts'
import { dataSubjectAccess } from '../config/policy.ts'
import { EntenteError } from '../errors.ts'
import { personOf, type Caller } from '../operation.ts'
import type { CustomerStore } from '../storage/customers.ts'
import { inTransaction } from '../storage/transaction.ts'

export interface RestrictionParts {
  readonly db: Connection
  readonly customers: Pick<CustomerStore, 'read' | 'update'>
  readonly audit: Pick<AuditLog, 'inCustomerChain'>
}

/** Stops all processing that stands on a purpose, or lets it go on (Art. 18 GDPR). For the person alone. FORBIDDEN UNAUTHENTICATED */
export function restrictProcessing(parts: RestrictionParts) {
  return async (caller: Caller, restricted: boolean): Promise<void> => {
    const customer = personOf(caller)
    if ((caller.purposes & dataSubjectAccess) === 0) throw new EntenteError('FORBIDDEN', { why: 'not the person' })
    const at = new Date()
    await inTransaction(parts.db, customer, async (tx) => {
      const row = await parts.customers.read(customer, tx)
      if (row === null || row.state !== 'active') throw new EntenteError('UNAUTHENTICATED')
      const event = { type: 'processing.restricted', client: caller.clientId, actor: 'customer', detail: { restricted } } as const
      const audit = await parts.audit.inCustomerChain(tx, customer, row.audit, event, at)
      await parts.customers.update(tx, customer, { $set: { restricted, audit }, $inc: { consentVersion: 1 } })
    })
  }
}
