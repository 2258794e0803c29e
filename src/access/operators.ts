import { isOperatorRole, type Operator, type OperatorRole } from '../config/operators.ts'
import { tokenLives } from '../consent/live-token.ts'
import { normaliseAddress } from '../linking/address.ts'
import { addressKey, identityKey, type LinkingKeys } from '../linking/keys.ts'
import type { Caller, CustomerKey } from '../operation.ts'
import type { CustomerStore, IdentitySummary } from '../storage/customers.ts'
import type { EmailStore } from '../storage/emails.ts'

export interface OperatorParts {
  readonly list: readonly Operator[]
  readonly customers: Pick<CustomerStore, 'readMany'>
  readonly emails: Pick<EmailStore, 'ofCustomer'>
  readonly keys: LinkingKeys
}

const facts = { state: 1, tokensValidFrom: 1, endedGrants: 1, identities: 1, factors: 1 } as const

/**
 * Who of the customers is an operator. A person's token may name roles; what they have of them is looked up at every request, in the list and
 * among their logins, so that a name taken out of the list, a login that was unlinked or blocked, a factor that was removed and a token that
 * was ended all hold at once. Tools have their scopes by registration.
 */
export function operators({ list, customers, emails, keys }: OperatorParts) {
  const byLogin = new Map(list.flatMap((one) => ('subject' in one ? [[identityKey(keys, one.issuer, one.subject), one] as const] : [])))
  const byAddress = new Map(list.flatMap((one) => ('address' in one ? [[addressKey(keys, normaliseAddress(one.address) ?? ''), one] as const] : [])))

  async function entriesOf(customer: CustomerKey, identities: readonly IdentitySummary[]): Promise<Operator[]> {
    const active = identities.filter(({ state }) => state === undefined)
    const logins = active.flatMap(({ key }) => byLogin.get(key) ?? [])
    if (byAddress.size === 0) return logins
    const proved = (await emails.ofCustomer(customer)).flatMap(({ _id, by, proof }) => {
      const one = byAddress.get(_id)
      const isTheirs = one !== undefined && 'provider' in one && one.provider === by && active.some(({ provider }) => provider === by)
      return isTheirs && proof === 'authoritative' ? [one] : []
    })
    return [...logins, ...proved]
  }

  return {
    /** Names of all who stand in the list with this role. */
    withRole: (role: OperatorRole): ReadonlySet<string> => new Set(list.filter(({ roles }) => roles.includes(role)).map(({ name }) => name)),

    /** The caller with the roles of this moment. */
    async asOfNow(caller: Caller): Promise<Caller> {
      const { customer } = caller
      if (customer === null || ![...caller.scopes].some(isOperatorRole)) return caller
      const [row] = await customers.readMany([customer], facts)
      const isThere = row !== undefined && tokenLives(row, caller) && (row.factors ?? []).some(({ kind }) => kind !== 'recoveryCodes')
      const entries = isThere ? await entriesOf(customer, row.identities ?? []) : []
      const roles = new Set(entries.flatMap((one) => one.roles))
      const scopes = new Set([...caller.scopes].filter((scope) => !isOperatorRole(scope) || roles.has(scope)))
      return { ...caller, scopes, operator: entries.map(({ name }) => name).sort() }
    },
  }
}

export type Operators = ReturnType<typeof operators>
