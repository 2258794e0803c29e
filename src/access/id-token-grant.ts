import { errors, type Provider } from 'oidc-provider'
import type { Client } from '../config/clients.ts'
import type { Policy } from '../config/policy.ts'
import { EntenteError } from '../errors.ts'
import type { CustomerKey } from '../operation.ts'
import type { StandingAfter } from './account.ts'
import { apiResource } from './api-resource.ts'
import { idTokenGrant } from './client-metadata.ts'
import { widen } from './grants.ts'
import { allowedScopes, settleScopes } from './scopes.ts'
import { writeMarks } from './session-marks.ts'

export interface DeviceLogin {
  readonly client: Client
  readonly provider: string
  readonly idToken: string
  readonly nonce: string
}

export interface IdTokenGrantParts {
  readonly api: string
  readonly policy: Policy
  readonly clients: { find(id: string): Client | undefined }
  readonly now: () => Date
  readonly standingAfter: StandingAfter
  /** From the token of a device's own dialog to a customer, by the same linking rules as every login. */
  readonly signInWithIdToken: (login: DeviceLogin) => Promise<CustomerKey>
}

interface Parameters {
  readonly provider?: string
  readonly id_token?: string
  readonly nonce?: string
  readonly scope?: string
}

/**
 * Our own grant at the token endpoint: an ID token that the device got from the provider, for tokens of ours. Same clients, scopes and
 * tokens as with a code; there is no browser, so no session and no question, and nothing is consented to by it.
 */
export function registerIdTokenGrant(provider: Provider, parts: IdTokenGrantParts): void {
  const resourceFor = apiResource(parts)
  provider.registerGrantType<Parameters>(
    idTokenGrant,
    async (ctx) => {
      const { client: registered, params } = ctx.oidc
      const client = parts.clients.find(registered.clientId)
      if (client === undefined) throw new errors.InvalidClient('client is invalid')
      const { provider: through, id_token: idToken, nonce } = params
      if (!through || !idToken || !nonce) throw new errors.InvalidRequest('missing required parameter(s) provider, id_token, nonce')
      const settled = settleScopes(params.scope, allowedScopes(client, parts.policy, 'person'), client)
      if ('refused' in settled) throw new errors.InvalidScope('requested scope is not allowed', settled.refused)
      const signedInAt = parts.now().getTime()
      const customer = await parts.signInWithIdToken({ client, provider: through, idToken, nonce }).catch(asGrantError)
      // What ended while the token was looked at stays ended.
      if ((await parts.standingAfter(customer, { at: signedInAt, way: through })) === null) throw new errors.InvalidGrant('login ended')
      const amr = writeMarks({ way: through, device: null, signedInAt, provedAt: null, amr: [] })

      const scopes = new Set(settled.scopes)
      const grant = new provider.Grant({ accountId: customer, clientId: client.id })
      widen(grant, parts.api, scopes)
      const grantId = await grant.save()
      const scope = settled.scopes.join(' ')
      const authTime = Math.floor(signedInAt / 1000)
      const login = { accountId: customer, client: registered, grantId, gty: idTokenGrant, scope }

      const refreshToken = new provider.RefreshToken({ ...login, authTime, amr, nonce, resource: parts.api, claims: {}, rotations: 0 })
      ctx.oidc.entity('RefreshToken', refreshToken)
      const accessToken = new provider.AccessToken(login)
      accessToken.resourceServer = new provider.ResourceServer(parts.api, resourceFor(ctx, parts.api))
      ctx.body = {
        access_token: await accessToken.save(),
        token_type: 'Bearer',
        expires_in: accessToken.expiration,
        scope,
        ...(scopes.has('offline_access') && { refresh_token: await refreshToken.save() }),
        ...(scopes.has('openid') && { id_token: await idTokenFor(provider, ctx, customer, { nonce, authTime, amr }) }),
      }
    },
    ['provider', 'id_token', 'nonce', 'scope'],
  )
}

type Context = ConstructorParameters<Provider['IdToken']>[1]

async function idTokenFor(
  provider: Provider,
  ctx: NonNullable<NonNullable<Context>['ctx']>,
  customer: CustomerKey,
  login: { readonly nonce: string; readonly authTime: number; readonly amr: readonly string[] },
): Promise<string> {
  const token = new provider.IdToken({ sub: customer, auth_time: login.authTime, amr: login.amr }, { ctx })
  Object.assign(token, { scope: 'openid', mask: { auth_time: null } })
  token.set('nonce', login.nonce)
  return token.issue({ use: 'idtoken' })
}

/** Our codes travel in the description, where the GraphQL door reads them; they say nothing that the mutation would not. */
function asGrantError(error: unknown): never {
  if (error instanceof EntenteError && error.status < 500) throw new errors.CustomOIDCProviderError('invalid_grant', error.code)
  if (error instanceof EntenteError && error.code === 'PROVIDER_UNAVAILABLE') throw new errors.CustomOIDCProviderError('temporarily_unavailable', error.code)
  throw error
}
