import { randomUUID } from 'node:crypto'
import { errors, type Configuration, type KoaContextWithOIDC } from 'oidc-provider'
import type { Client } from '../config/clients.ts'
import type { CustomerKey } from '../operation.ts'
import { accessTokenSeconds, apiResource, type ApiParts } from './api-resource.ts'
import { loadGrant } from './grants.ts'
import { asking, type AskingParts } from './interaction-policy.ts'
import { endOfSecond } from './interactions.ts'
import { openIdAdapter, type AdapterParts } from './openid-adapter.ts'
import { askLogout, loggedOut, refused } from './openid-pages.ts'
import type { KeySet } from './signing-keys.ts'
import type { Subjects } from './subjects.ts'

/** What happens at the OpenID provider and somebody else should know; no token, no address. */
export type OpenIdEvent =
  | { readonly type: 'token.reused'; readonly client: string | null; readonly customer: CustomerKey | null }
  | { readonly type: 'client.refused'; readonly client: string | null }
  | { readonly type: 'request.refused'; readonly code: string; readonly reference: string }
  | { readonly type: 'client.not_told'; readonly client: string }
  | { readonly type: 'failed'; readonly error: unknown }

export interface ConfigurationParts extends ApiParts, AskingParts, AdapterParts {
  readonly subjects: Subjects
  readonly clients: { find(id: string): Client | undefined }
  /** Whether the customer is there and active, and no sign-out everywhere came after the login (milliseconds, the end of its second). */
  readonly accountExists: (customer: CustomerKey, loggedInAt: number | null) => Promise<boolean>
  readonly knowsProvider: (id: string) => boolean
  readonly noticed: (event: OpenIdEvent) => void
  /** Tells clients of a logout: bounded in time, never to an address inside. */
  readonly fetch: typeof fetch
  readonly cookieKeys: readonly string[]
}

const minute = 60
const day = 86_400
export const refreshTokenSeconds = 30 * day
const longestState = 4_096
const longestAssertion = 3_600

const off = { enabled: false } as const
const on = { enabled: true } as const

/** oidc-provider as it is run here. What is not named has the library's default; what a default leaves open is closed. */
export function configurationOf(parts: ConfigurationParts, keys: KeySet): Configuration {
  return {
    adapter: openIdAdapter(parts),
    jwks: { keys: [...keys.jwks.keys] },
    scopes: ['openid', 'offline_access'],
    // ID tokens say who and when; personal claims have one road, which is gated.
    claims: { acr: null, auth_time: null, iss: null, sid: null, openid: ['sub'] },
    subjectTypes: ['pairwise', 'public'],
    pairwiseIdentifier: async (_ctx, customer, client) => parts.subjects.outwardOne(parts.clients.find(client.clientId)?.sector ?? client.clientId, customer),
    sectorIdentifierUriValidate: () => false,
    responseTypes: ['code'],
    allowOmittingSingleRegisteredRedirectUri: false,
    pkce: { required: () => true },
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    assertJwtClientAuthClaimsAndHeader: (ctx, claims) => assertClientAssertion(ctx, claims, parts.now()),
    clientBasedCORS: (_ctx, origin, client) => parts.clients.find(client.clientId)?.origins.includes(origin) ?? false,
    cookies: cookies(parts.cookieKeys),
    features: features(parts),
    ttl: {
      AccessToken: accessTokenSeconds,
      AuthorizationCode: minute,
      IdToken: 60 * minute,
      Interaction: 60 * minute,
      Session: 14 * day,
      Grant: 365 * day,
      RefreshToken: refreshTokenSeconds,
      ClientCredentials: accessTokenSeconds,
    },
    rotateRefreshToken: true,
    issueRefreshToken: (_ctx, client, source) => client.grantTypeAllowed('refresh_token') && source.scopes.has('offline_access'),
    // Tokens end with their grant; a sign-out ends the session's grants.
    expiresWithSession: () => false,
    revokeGrantPolicy: () => true,
    extraTokenClaims: (ctx, token) => ('grantId' in token ? { issued_ms: parts.now().getTime(), grant: token.grantId, auth_time: authTimeOf(ctx) } : { issued_ms: parts.now().getTime() }),
    loadExistingGrant: (ctx) => loadGrant(ctx, parts.api),
    interactions: { policy: asking(parts), url: (_ctx, { prompt, uid }) => `/${prompt.name}?uid=${uid}` },
    extraParams: {
      provider: (_ctx, id) => knownProvider(parts, id),
      state: (_ctx, state) => boundedState(state),
      response_mode: (ctx, mode) => queryOnly(ctx, mode),
    },
    findAccount: async (ctx, customer, source) => {
      const at = source && 'authTime' in source ? source.authTime : ctx.oidc.session?.loginTs
      const exists = await parts.accountExists(customer, typeof at === 'number' ? endOfSecond(at) : null)
      return exists ? { accountId: customer, claims: () => ({ sub: customer }) } : undefined
    },
    renderError: (ctx, out, error) => {
      const reference = randomUUID()
      parts.noticed(out.error === 'server_error' ? { type: 'failed', error } : { type: 'request.refused', code: out.error, reference })
      refused(ctx, reference)
    },
    fetch: parts.fetch,
  }
}

function features(parts: ConfigurationParts): NonNullable<Configuration['features']> {
  return {
    devInteractions: off,
    dPoP: off,
    // Our own at the same address: claims pass the gate.
    userinfo: off,
    clientCredentials: on,
    pushedAuthorizationRequests: on,
    revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
    introspection: {
      enabled: true,
      allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId || (parts.clients.find(client.clientId)?.trustedForIntrospection ?? false),
    },
    backchannelLogout: on,
    rpInitiatedLogout: { enabled: true, logoutSource: askLogout, postLogoutSuccessSource: loggedOut },
    resourceIndicators: { enabled: true, defaultResource: () => parts.api, useGrantedResource: () => true, getResourceServerInfo: apiResource(parts) },
  }
}

function cookies(keys: readonly string[]): NonNullable<Configuration['cookies']> {
  const attributes = { httpOnly: true, sameSite: 'lax', secure: true, path: '/', signed: true } as const
  return {
    names: { session: '__Host-entente-session', interaction: '__Host-entente-interaction', resume: '__Host-entente-resume' },
    long: attributes,
    short: attributes,
    keys: [...keys],
  }
}

/** When the person proved who they are, in seconds; carried from the code or the refresh token that is redeemed. */
const authTimeOf = ({ oidc }: KoaContextWithOIDC): number | undefined => oidc.entities.RefreshToken?.authTime ?? oidc.entities.AuthorizationCode?.authTime

/** RFC 7523, 3, and stricter: for us alone, and not for long, since its `jti` is remembered until it ends. */
function assertClientAssertion(ctx: KoaContextWithOIDC, claims: Readonly<Record<string, unknown>>, now: Date): void {
  if (typeof claims['aud'] !== 'string') throw new errors.InvalidClientAuth('audience of the client_assertion must be one string')
  if (typeof claims['exp'] !== 'number' || claims['exp'] - now.getTime() / 1000 > longestAssertion) throw new errors.InvalidClientAuth('the client_assertion lives too long')
  if (claims['sub'] !== ctx.oidc.client?.clientId) throw new errors.InvalidClientAuth('sub of the client_assertion must be the client')
}

function knownProvider(parts: ConfigurationParts, id: unknown): void {
  if (id !== undefined && (typeof id !== 'string' || !parts.knowsProvider(id))) throw new errors.InvalidRequest('unknown provider')
}

function boundedState(state: unknown): void {
  if (typeof state === 'string' && state.length > longestState) throw new errors.InvalidRequest('state is too long')
}

/** A code in a fragment or a posted form could be taken over by a script of the page (RFC 9700, 4.17); the refusal comes by query too. */
function queryOnly({ oidc }: KoaContextWithOIDC, mode: unknown): void {
  if (mode === undefined || mode === 'query') return
  if (oidc.params) oidc.params['response_mode'] = undefined
  throw new errors.InvalidRequest('response_mode must be query')
}
