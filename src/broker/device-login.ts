import type { DeviceLoginEnd } from '../audit/device-logins.ts'
import { EntenteError } from '../errors.ts'
import type { Claims } from '../linking/claims.ts'
import type { Resolution, SignIn } from '../linking/resolve.ts'
import type { CustomerKey } from '../operation.ts'
import type { LoginStep } from './login-pipeline.ts'
import type { Provider, ProviderId } from './provider.ts'

export interface DeviceLoginParts {
  readonly providers: ReadonlyMap<ProviderId, Provider>
  readonly resolve: (signIn: SignIn) => Promise<Resolution>
  /** Remembers a nonce longer than a token with it can live; false when it was there already. */
  readonly spend: (provider: ProviderId, nonce: string) => Promise<boolean>
  /** STEP_UP_REQUIRED for whom a page would ask for more: there is none here. */
  readonly admit: (customer: CustomerKey) => Promise<void>
  /** Counts how it ended for somebody whom the provider knows. */
  readonly counted: (end: DeviceLoginEnd) => Promise<void>
  readonly reached: (step: LoginStep, provider: ProviderId, outcome: string) => void
}

/**
 * A login that the device's own dialog did: the provider's ID token for one of the client's own apps, with a nonce that serves once.
 * The same verifier and the same linking rules as through the browser. PROVIDER_UNKNOWN LOGIN_DENIED LINK_REQUIRED STEP_UP_REQUIRED PROVIDER_UNAVAILABLE BAD_USER_INPUT
 */
export function signInWithIdToken(parts: DeviceLoginParts) {
  return async (login: {
    readonly client: { readonly id: string; readonly nativeAudiences: Readonly<Record<string, readonly string[]>> }
    readonly provider: ProviderId
    readonly idToken: string
    readonly nonce: string
  }): Promise<CustomerKey> => {
    const provider = parts.providers.get(login.provider)
    if (provider?.idToken === undefined) throw new EntenteError('PROVIDER_UNKNOWN')
    // A client without apps at this provider has nothing that a token could be meant for.
    const audiences = login.client.nativeAudiences[provider.id] ?? []
    if (audiences.length === 0) throw new EntenteError('LOGIN_DENIED', { client: login.client.id, why: 'no app at this provider' })
    const claims = await provider.idToken.verify(login.idToken, { nonce: login.nonce, audiences })
    if (!(await parts.spend(provider.id, login.nonce))) throw new EntenteError('LOGIN_DENIED', { provider: provider.id, why: 'nonce used before' })
    const ended = (code: string) => parts.counted({ client: login.client.id, provider: provider.id, who: `${claims.issuer} ${claims.subject}`, code })
    try {
      const customer = await admitted(parts, claims, login.client.id)
      await ended('')
      return customer
    } catch (error) {
      if (error instanceof EntenteError) await ended(error.code)
      throw error
    }
  }
}

async function admitted(parts: DeviceLoginParts, claims: Claims, clientId: string): Promise<CustomerKey> {
  const resolution = await parts.resolve({ claims, clientId, asking: null, waiting: null })
  parts.reached('decision', claims.provider, resolution.do === 'refused' ? resolution.code : 'ok')
  if (resolution.do === 'refused') throw new EntenteError(resolution.code, { provider: claims.provider })
  await parts.admit(resolution.customer)
  return resolution.customer
}
