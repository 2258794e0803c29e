import type { Connection } from 'mongoose'
import type { AuditLog } from '../audit/log.ts'
import type { Policy } from '../config/policy.ts'
import { EntenteError } from '../errors.ts'
import { byOperator, type Caller, type CustomerKey } from '../operation.ts'
import type { CustomerStore } from '../storage/customers.ts'
import type { HeldDataStore } from '../storage/held-data.ts'
import { inTransaction } from '../storage/transaction.ts'
import { handlerOf, namesOneOf, reasonIn } from './look-up.ts'
import type { HeldLookUpInput, HeldValue } from './look-up-resolver.ts'

export interface HeldLookUpParts {
  readonly db: Connection
  readonly customers: Pick<CustomerStore, 'read' | 'update'>
  readonly held: Pick<HeldDataStore, 'read'>
  readonly audit: Pick<AuditLog, 'inCustomerChain' | 'note'>
  readonly subjects: { inward(sector: string, id: string): CustomerKey | null }
  readonly policy: Policy
  readonly now: () => Date
}

/**
 * What a law or a contract keeps of somebody who was erased, for the one purpose that keeps it: with a reason, which is written into the chain
 * that is left of the person before anything is shown. Null where nothing is kept, or no longer.
 */
export function heldLookUp({ db, customers, held, audit, subjects, policy, now }: HeldLookUpParts) {
  async function noted(caller: Caller, key: CustomerKey, purpose: string, reason: string, at: Date): Promise<boolean> {
    const categories = policy.purpose(purpose)?.coverage.map(({ category }) => category) ?? []
    const detail = { reason, ...byOperator(caller) }
    const event = { type: 'customer.looked_up', client: caller.clientId, actor: 'client', purposes: [purpose], categories, detail } as const
    return inTransaction(db, key, async (tx) => {
      const row = await customers.read(key, tx)
      if (row?.state !== 'erased') return false
      return customers.update(tx, key, { $set: { audit: await audit.inCustomerChain(tx, key, row.audit, event, at) } }, 'erased')
    })
  }

  return async (caller: Caller, input: HeldLookUpInput): Promise<HeldValue[] | null> => {
    const handler = handlerOf(caller)
    const reason = reasonIn(input.reason)
    const at = now()
    const key = subjects.inward(caller.sector, input.customerId)
    const values = key === null ? null : await held.read(key, input.purpose, at)
    if (values !== null && namesOneOf(reason, values)) throw new EntenteError('BAD_USER_INPUT', { why: 'the reason names the person' }, { field: 'reason' })
    if (key === null || values === null || !(await noted(handler, key, input.purpose, reason, at))) {
      await audit.note({ type: 'customer.not_found', client: caller.clientId, actor: 'client', detail: { times: 1, ...byOperator(caller) } })
      return null
    }
    return Object.entries(values).map(([field, value]) => ({ field, value: typeof value === 'string' ? value : JSON.stringify(value) }))
  }
}
