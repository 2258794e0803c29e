import { EntenteError } from '../errors.ts'
import { endSessionsBefore } from './ended-sessions.ts'
import type { CustomerKey } from '../operation.ts'
import type { CustomerRow } from '../storage/customers.ts'
import { inTransaction } from '../storage/transaction.ts'
import type { LinkingParts } from './resolve.ts'
import { hasWayIn } from './ways-in.ts'

/**
 * Takes a login away from its customer, with the values that its provider brought, ends every token issued so far, and tells the provider. Fails with
 * LAST_IDENTITY for the last way in: the customer document is written too, so two requests at once cannot both succeed. An id that is
 * not the customer's own is BAD_USER_INPUT, whoever else's it may be.
 */
export async function unlinkIdentity(parts: LinkingParts, customer: CustomerKey, id: string, clientId: string): Promise<void> {
  await inTransaction(parts.db, customer, async (tx) => {
    const row = await parts.customers.read(customer, tx)
    if (row === null || row.state !== 'active') throw new EntenteError('UNAUTHENTICATED')
    // After the read: a sign-in that was committed before it lies before this moment.
    const at = new Date()
    const gone = row.identities.find((one) => one.id === id)
    if (gone === undefined) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'id' })
    const rest = row.identities.filter((one) => one.id !== id)
    if (!hasWayIn({ ...row, identities: rest })) throw new EntenteError('LAST_IDENTITY')
    const removed = await parts.identities.remove(tx, gone.key, customer)
    if (removed !== null) await parts.grants.revoke(tx, removed)
    const event = { type: 'identity.unlinked', client: clientId, actor: 'customer', detail: { provider: gone.provider } } as const
    const head = await parts.audit.inCustomerChain(tx, customer, row.audit, event, at)
    await parts.post.toCustomer(tx, row, { kind: 'identityUnlinked', facts: { provider: gone.provider }, id: `unlinked:${id}` })
    const lost = rest.some((one) => one.provider === gone.provider) ? {} : broughtBy(row, gone.provider)
    await parts.customers.update(tx, customer, {
      $set: { identities: rest, audit: head, tokensValidFrom: at },
      ...(Object.keys(lost).length > 0 && { $unset: lost }),
    })
    await endSessionsBefore(parts.jobs, tx, customer, at)
  })
}

/** Values that only this provider said, as an update takes them away; what the customer wrote stays. */
export function broughtBy(row: CustomerRow, provider: string): Record<string, ''> {
  const gone: Record<string, ''> = {}
  for (const [field, source] of Object.entries(row.sources)) {
    if (source.from !== provider) continue
    gone[field] = ''
    gone[`sources.${field}`] = ''
    if (field === 'email') gone['emailProof'] = ''
  }
  return gone
}
