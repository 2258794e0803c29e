import { dataSubjectAccess, type Policy } from '../config/policy.ts'
import { EntenteError } from '../errors.ts'
import { personOf, type Caller, type CustomerKey } from '../operation.ts'
import type { CustomerStore } from '../storage/customers.ts'
import type { ErasureRow } from '../storage/erasures.ts'
import type { ErasureDoor, ErasureReceipt } from './erasure-resolver.ts'
import type { Erasures } from './erasure.ts'

export interface ErasureDoorParts {
  readonly erasures: Erasures
  readonly customers: Pick<CustomerStore, 'read'>
  readonly policy: Pick<Policy, 'erasure'>
  readonly requireStepUp: (caller: Caller, action: 'eraseMe') => Promise<CustomerKey>
}

/** What the GraphQL fields about erasing call. */
export function erasureDoor({ erasures, customers, policy, requireStepUp }: ErasureDoorParts): ErasureDoor {
  return {
    async erase(caller) {
      const customer = await requireStepUp(caller, 'eraseMe')
      return receiptOf(await erasures.ask(customer, { client: caller.clientId, actor: 'customer' }, policy.erasure.grace))
    },
    async cancel(caller) {
      const customer = personOf(caller)
      if ((caller.purposes & dataSubjectAccess) === 0) throw new EntenteError('FORBIDDEN', { why: 'not the account centre' })
      await erasures.cancel(customer, { client: caller.clientId, actor: 'customer' })
    },
    async receipt(id) {
      const row = await erasures.read(id)
      return row === null ? null : receiptOf(row)
    },
    async waitingFor(customer) {
      const waiting = (await customers.read(customer))?.erasure
      const row = waiting ? await erasures.read(waiting.id) : null
      return row?.state === 'waiting' ? receiptOf(row) : null
    },
  }
}

const receiptOf = ({ _id, requestedAt, dueAt, completedAt, certificate, kept }: ErasureRow): ErasureReceipt => ({
  id: _id,
  requestedAt,
  dueAt,
  completedAt: completedAt ?? null,
  certificate: certificate ?? null,
  kept: kept ?? [],
})
