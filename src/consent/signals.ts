import { consentTypes } from '../config/policy-file.ts'
import { builtInPurposes, dataSubjectAccess, type Policy } from '../config/policy.ts'
import { EntenteError } from '../errors.ts'
import { personOf, tokenOf, type Caller } from '../operation.ts'
import type { CustomerStore } from '../storage/customers.ts'
import { basisOf } from './gate.ts'
import { tokenLives } from './live-token.ts'
import type { ReadingClient } from './receipt.ts'

export type ConsentType = (typeof consentTypes)[number]

/** One state of Google Consent Mode v2, as `gtag('consent', 'update', …)` takes it. */
export interface ConsentSignal {
  readonly type: ConsentType
  readonly state: 'granted' | 'denied'
}

export interface SignalParts {
  readonly policy: Policy
  readonly customers: Pick<CustomerStore, 'readMany'>
  readonly clients: () => Iterable<ReadingClient>
  readonly now: () => Date
}

/**
 * What tags on a client's page are told about the signed-in customer: granted where a purpose that this client acts for has a basis now and
 * the policy maps it, else denied. The person may ask for any client; a client only for itself, and hears of the purposes in its token alone.
 * UNAUTHENTICATED FORBIDDEN
 */
export function consentSignals({ policy, customers, clients, now }: SignalParts) {
  return async (asking: Caller | null, clientId: string | null): Promise<ConsentSignal[]> => {
    const caller = tokenOf(asking)
    const customer = personOf(caller)
    const isPerson = (caller.purposes & dataSubjectAccess) !== 0
    if (clientId !== null && clientId !== caller.clientId && !isPerson) throw new EntenteError('FORBIDDEN', { why: 'another client' })
    const [row] = await customers.readMany([customer], { state: 1, decisions: 1, restricted: 1, tokensValidFrom: 1, endedGrants: 1 })
    if (row === undefined || !tokenLives(row, caller)) throw new EntenteError('UNAUTHENTICATED', { why: 'token no longer counts' })
    const asked = clientId === null || clientId === caller.clientId ? caller : [...clients()].find(({ id }) => id === clientId)
    const may = basisOf(row, policy, now().getTime()) & (asked?.purposes ?? 0) & ~builtInPurposes
    const granted = new Set(policy.purposes.filter(({ mask }) => (mask & may) !== 0).flatMap(({ signals }) => signals.googleConsentMode))
    return consentTypes.map((type) => ({ type, state: granted.has(type) ? 'granted' : 'denied' }))
  }
}
