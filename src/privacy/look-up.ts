import type { Connection } from 'mongoose'
import type { AuditLog } from '../audit/log.ts'
import { EntenteError } from '../errors.ts'
import { normaliseAddress } from '../linking/address.ts'
import { addressKey, type LinkingKeys } from '../linking/keys.ts'
import { byOperator, type Caller, type CustomerKey } from '../operation.ts'
import type { CustomerRow, CustomerStore } from '../storage/customers.ts'
import type { EmailStore } from '../storage/emails.ts'
import { inTransaction } from '../storage/transaction.ts'
import type { LookUpDoor, LookUpInput } from './look-up-resolver.ts'

export interface LookUpParts {
  readonly db: Connection
  readonly customers: Pick<CustomerStore, 'read' | 'update'>
  readonly emails: Pick<EmailStore, 'read'>
  readonly keys: LinkingKeys
  readonly audit: Pick<AuditLog, 'inCustomerChain' | 'note'>
  readonly subjects: { outwardOne(sector: string, customer: CustomerKey): string; inward(sector: string, id: string): CustomerKey | null }
  readonly now: () => Date
}

/** Shortest and longest, in characters. */
const reasonLength = { least: 10, most: 200 } as const
const shown = ['user.contact.email', 'user.demographic.language', 'user.name']

/**
 * The only place where an operator sees values of a person: with a reason, which is written into the person's own chain before anything is
 * shown, and which the person reads in their access log. It stays there for good, so it must not name the person.
 */
export function lookUpDoor(parts: LookUpParts): Pick<LookUpDoor, 'lookUp'> {
  const { db, customers, audit, subjects } = parts

  async function keyOf(caller: Caller, { customerId, email }: LookUpInput): Promise<CustomerKey | null> {
    if ((customerId == null) === (email == null)) throw new EntenteError('BAD_USER_INPUT', { why: 'an id or an address' }, { field: 'customerId' })
    if (customerId != null) return subjects.inward(caller.sector, customerId)
    const address = normaliseAddress(email ?? '')
    return address === null ? null : ((await parts.emails.read(addressKey(parts.keys, address)))?.customer ?? null)
  }

  async function opened(caller: Caller, key: CustomerKey, reason: string): Promise<CustomerRow | null> {
    const at = parts.now()
    return inTransaction(db, key, async (tx) => {
      const row = await customers.read(key, tx)
      if (row?.state !== 'active') return null
      if (namesOneOf(reason, row)) throw new EntenteError('BAD_USER_INPUT', { why: 'the reason names the person' }, { field: 'reason' })
      const detail = { reason, ...byOperator(caller) }
      const event = { type: 'customer.looked_up', client: caller.clientId, actor: 'client', categories: shown, detail } as const
      const head = await audit.inCustomerChain(tx, key, row.audit, event, at)
      return (await customers.update(tx, key, { $set: { audit: head } })) ? row : null
    })
  }

  return {
    async lookUp(caller, input) {
      handlerOf(caller)
      const reason = reasonIn(input.reason)
      const key = await keyOf(caller, input)
      const row = key === null ? null : await opened(caller, key, reason)
      if (row === null) {
        await audit.note({ type: 'customer.not_found', client: caller.clientId, actor: 'client', detail: { times: 1, ...byOperator(caller) } })
        return null
      }
      const { email, givenName, familyName, locale, createdAt, restricted, identities } = row
      return {
        id: subjects.outwardOne(caller.sector, row._id),
        since: createdAt,
        email: email ?? null,
        givenName: givenName ?? null,
        familyName: familyName ?? null,
        locale: locale ?? null,
        restricted,
        providers: [...new Set(identities.map(({ provider }) => provider))].sort(),
      }
    },
  }
}

/** An operator who handles requests under privacy law. FORBIDDEN */
export function handlerOf(caller: Caller): Caller {
  if (!caller.scopes.has('privacy:handle')) throw new EntenteError('FORBIDDEN', { scope: 'privacy:handle' })
  return caller
}

/** BAD_USER_INPUT where it is none, with the name of the field that it was given in. */
export function reasonIn(text: string, field: 'reason' | 'answer' = 'reason'): string {
  const reason = text.trim()
  if (reason.length < reasonLength.least || reason.length > reasonLength.most || reason.includes('@'))
    throw new EntenteError('BAD_USER_INPUT', { why: 'no reason' }, { field })
  return reason
}

/** Whether a word of the reason is what somebody with these values is called. */
export function namesOneOf(
  reason: string,
  { email, givenName, familyName }: { readonly email?: unknown; readonly givenName?: unknown; readonly familyName?: unknown },
): boolean {
  const words = new Set(reason.toLowerCase().split(/[^\p{L}\p{N}]+/u))
  const called = [typeof email === 'string' ? email.split('@')[0] : undefined, givenName, familyName]
  return called.some((value) => typeof value === 'string' && words.has(value.toLowerCase()))
}
