import { EntenteError } from '../errors.ts'
import type { CustomerKey } from '../operation.ts'
import { inTransaction } from '../storage/transaction.ts'
import { noteDevice, type SeenDevice } from './note-device.ts'
import type { LinkingParts } from './resolve.ts'

export interface KnownSignIn {
  readonly customer: CustomerKey
  /** `mail` or `passkey`. */
  readonly way: string
  readonly clientId: string
  readonly device: SeenDevice
}

/** A sign-in by a way in that belongs to a customer already: noted with its device in one transaction. LOGIN_DENIED when the customer is not active. */
export async function signInKnown(
  parts: LinkingParts,
  { customer, way, clientId, device }: KnownSignIn,
): Promise<{ readonly device: string | null; readonly newDevice: boolean; readonly at: Date }> {
  const at = new Date()
  return inTransaction(parts.db, customer, async (tx) => {
    const row = await parts.customers.read(customer, tx)
    if (row === null || row.state !== 'active') throw new EntenteError('LOGIN_DENIED', { why: 'customer is not active' })
    const used = await noteDevice(parts, tx, row, device, at)
    const event = { type: 'login.succeeded', client: clientId, actor: 'customer', detail: { provider: way, newDevice: used.isNew } } as const
    const audit = await parts.audit.inCustomerChain(tx, customer, row.audit, event, at)
    await parts.customers.update(tx, customer, { $set: { ...used.$set, audit } })
    return { device: used.device, newDevice: used.isNew, at }
  })
}
