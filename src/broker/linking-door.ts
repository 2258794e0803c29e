import { dataSubjectAccess } from '../config/policy.ts'
import { EntenteError } from '../errors.ts'
import { personOf, type Caller, type CustomerKey } from '../operation.ts'
import type { LinkingDoor } from './linking-resolver.ts'
import type { LinkingStart } from './start-linking.ts'

export interface LinkingDoorParts {
  readonly linking: LinkingStart
  readonly unlink: (customer: CustomerKey, id: string, clientId: string) => Promise<void>
  readonly endEverywhere: (customer: CustomerKey) => Promise<void>
  /** Whether the client may have answers sent there; the same rule as for logins. */
  readonly mayReturnTo: (clientId: string, uri: string) => boolean
  readonly now: () => number
}

/** How long ago a person may have signed in for what changes the ways in. Milliseconds. */
const recently = 600_000

/** What the linking fields of GraphQL call. Ways in are changed by the person in the account centre only, and soon after signing in. */
export function linkingDoor(parts: LinkingDoorParts): LinkingDoor {
  function personJustSignedIn(caller: Caller): CustomerKey {
    const customer = personOf(caller)
    if ((caller.purposes & dataSubjectAccess) === 0) throw new EntenteError('FORBIDDEN', { why: 'not the account centre' })
    if (caller.authTime === null || parts.now() - caller.authTime > recently) throw new EntenteError('STEP_UP_REQUIRED')
    return customer
  }
  return {
    async start(caller, provider, redirectUri) {
      const customer = personJustSignedIn(caller)
      if (!parts.mayReturnTo(caller.clientId, redirectUri)) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'redirectUri' })
      return parts.linking.ask(provider, { kind: 'link', customer, grant: caller.grant ?? '', clientId: caller.clientId, returnTo: redirectUri })
    },
    async unlink(caller, id) {
      const customer = personJustSignedIn(caller)
      await parts.unlink(customer, id, caller.clientId)
      await parts.endEverywhere(customer)
    },
  }
}
