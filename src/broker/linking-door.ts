import { EntenteError } from '../errors.ts'
import type { Caller, CustomerKey } from '../operation.ts'
import type { LinkingDoor } from './linking-resolver.ts'
import type { LinkingStart } from './start-linking.ts'

export interface LinkingDoorParts {
  readonly linking: LinkingStart
  readonly unlink: (customer: CustomerKey, id: string, clientId: string) => Promise<void>
  readonly endEverywhere: (customer: CustomerKey) => Promise<void>
  /** Whether the client may have answers sent there; the same rule as for logins. */
  readonly mayReturnTo: (clientId: string, uri: string) => boolean
  /** The person at the account centre who may do this now; STEP_UP_REQUIRED FORBIDDEN */
  readonly requireStepUp: (caller: Caller, action: 'linkIdentity' | 'unlinkIdentity') => Promise<CustomerKey>
}

/** What the linking fields of GraphQL call. Ways in are changed by the person in the account centre only, and after the step-up that the policy asks for. */
export function linkingDoor(parts: LinkingDoorParts): LinkingDoor {
  return {
    async start(caller, provider, redirectUri) {
      const customer = await parts.requireStepUp(caller, 'linkIdentity')
      if (!parts.mayReturnTo(caller.clientId, redirectUri)) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'redirectUri' })
      return parts.linking.ask(provider, { kind: 'link', customer, grant: caller.grant ?? '', clientId: caller.clientId, returnTo: redirectUri })
    },
    async unlink(caller, id) {
      const customer = await parts.requireStepUp(caller, 'unlinkIdentity')
      await parts.unlink(customer, id, caller.clientId)
      await parts.endEverywhere(customer)
    },
  }
}
