import { randomUUID } from 'node:crypto'
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider'
import { z } from 'zod'
import type { Client } from '../config/clients.ts'
import { EntenteError } from '../errors.ts'
import type { CustomerKey } from '../operation.ts'
import { accountOf, type LoginFacts, type StandingAfter } from './account.ts'
import { accessTokenSeconds, apiResource, type ApiParts } from './api-resource.ts'
import { loadGrant } from './grants.ts'
import { asking, type AskingParts } from './interaction-policy.ts'
import { loginFacts } from './interactions.ts'
import { openIdAdapter, type AdapterParts } from './openid-adapter.ts'
import { interactionSeconds } from './openid-interactions.ts'
import { signingKeysFor, type CookieKeys } from './openid-keys.ts'
import { openIdPages } from './openid-pages.ts'
import { acrs, claimsOfMarks, readMarks } from './session-marks.ts'
import { refreshTokenSeconds, sessionSeconds } from './session-life.ts'
import { assertClientAssertion, boundedState, knownProvider, registeredMode } from './request-checks.ts'
import { signingAlgorithm, type KeySet } from './signing-keys.ts'
import type { Subjects } from './subjects.ts'

/** What happens at the OpenID provider and somebody else should know; no token, no address. */
export type OpenIdEvent =
  | { readonly type: 'token.reused'; readonly client: string | null; readonly customer: CustomerKey | null }
  | { readonly type: 'client.refused'; readonly client: string | null }
  | { readonly type: 'client.guessed'; readonly client: string }
  | { readonly type: 'request.refused'; readonly code: string; readonly reference: string }
  | { readonly type: 'client.not_told'; readonly client: string }
  | { readonly type: 'failed'; readonly error: unknown }

export interface ConfigurationParts extends ApiParts, AskingParts, AdapterParts {
  readonly subjects: Subjects
  readonly clients: { find(id: string): Client | undefined }
  readonly standingAfter: StandingAfter
  readonly knowsProvider: (id: string) => boolean
  readonly noticed: (event: OpenIdEvent) => void
  /** Tells clients of a logout: bounded in time, never to an address inside. */
  readonly fetch: typeof fetch
  readonly cookieKeys: CookieKeys
  /** Path of the style sheet that the pages link. */
  readonly stylesheet: string
}

const minute = 60
const day = 86_400

const off = { enabled: false } as const
const on = { enabled: true } as const

/** oidc-provider as it is run here. What is not named has the library's default; what a default leaves open is closed. */
export function configurationOf(parts: ConfigurationParts, keys: KeySet): Configuration {
  const pages = openIdPages(parts.stylesheet)
  return {
    adapter: openIdAdapter(parts),
    jwks: signingKeysFor(keys.jwks.keys),
    enabledJWA: { idTokenSigningAlgValues: [signingAlgorithm] },
    features: features(parts, pages),
    cookies: cookies(parts.cookieKeys),
    ...requests(parts),
    ...people(parts),
    ...tokens(parts),
    renderError: (ctx, out, error) => {
      const reference = randomUUID()
      parts.noticed(out.error === 'server_error' ? { type: 'failed', error } : { type: 'request.refused', code: out.error, reference })
      if (isOverloaded(error)) pages.overloaded(ctx, reference)
      else pages.refused(ctx, reference)
    },
    fetch: parts.fetch,
  }
}

function features(parts: ConfigurationParts, { askLogout, loggedOut }: ReturnType<typeof openIdPages>): NonNullable<Configuration['features']> {
  const trusted = (id: string) => parts.clients.find(id)?.trustedForIntrospection ?? false
  return {
    devInteractions: off,
    externalSigningSupport: { enabled: true, ack: 'experimental-01' },
    dPoP: off,
    // Our own at the same address: claims pass the gate.
    userinfo: off,
    clientCredentials: on,
    pushedAuthorizationRequests: on,
    revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
    introspection: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId || trusted(client.clientId) },
    backchannelLogout: on,
    rpInitiatedLogout: { enabled: true, logoutSource: askLogout, postLogoutSuccessSource: loggedOut },
    resourceIndicators: { enabled: true, defaultResource: () => parts.api, useGrantedResource: () => true, getResourceServerInfo: apiResource(parts) },
  }
}

function cookies(keys: CookieKeys): NonNullable<Configuration['cookies']> {
  const attributes = { httpOnly: true, sameSite: 'lax', secure: true, path: '/', signed: true } as const
  return {
    names: { session: '__Host-entente-session', interaction: '__Host-entente-interaction', resume: '__Host-entente-resume' },
    long: attributes,
    short: attributes,
    keys,
  }
}

/** Which requests are taken: codes only, by the registered way only, with PKCE from everybody. */
function requests(parts: ConfigurationParts): Configuration {
  return {
    scopes: ['openid', 'offline_access'],
    responseTypes: ['code'],
    allowOmittingSingleRegisteredRedirectUri: false,
    pkce: { required: () => true },
    extraParams: {
      provider: (_ctx, id) => knownProvider(parts, id),
      state: (_ctx, state) => boundedState(state),
      response_mode: (ctx, mode, client) => registeredMode(ctx, mode, parts.clients.find(client.clientId)?.responseMode ?? 'query'),
    },
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    assertJwtClientAuthClaimsAndHeader: (ctx, claims) => assertClientAssertion(ctx, claims, parts.now()),
    clientBasedCORS: (_ctx, origin, client) => parts.clients.find(client.clientId)?.origins.includes(origin) ?? false,
    interactions: { policy: asking(parts), url: (_ctx, { prompt, uid }) => `/${prompt.name}?uid=${uid}` },
  }
}

/** Who is behind a session or a token, and as whom a client knows them. */
function people(parts: ConfigurationParts): Configuration {
  return {
    subjectTypes: ['pairwise', 'public'],
    pairwiseIdentifier: async (_ctx, customer, client) => parts.subjects.outwardOne(parts.clients.find(client.clientId)?.sector ?? client.clientId, customer),
    sectorIdentifierUriValidate: () => false,
    // ID tokens say who and when; personal claims have one road, which is gated.
    acrValues: Object.values(acrs),
    claims: { acr: null, auth_time: null, iss: null, sid: null, openid: ['sub', 'amr'] },
    findAccount: async (ctx, customer, source) => {
      const standing = await parts.standingAfter(customer, loginOf(ctx, source))
      return standing === null ? undefined : accountOf(customer, standing)
    },
  }
}

function tokens(parts: ConfigurationParts): Configuration {
  return {
    ttl: {
      AccessToken: accessTokenSeconds,
      AuthorizationCode: minute,
      ClientCredentials: accessTokenSeconds,
      Grant: 365 * day,
      IdToken: 60 * minute,
      Interaction: interactionSeconds,
      RefreshToken: (_ctx, { amr }) => refreshTokenSeconds(parts.policy, amr, parts.now()),
      Session: (_ctx, { amr }) => sessionSeconds(parts.policy, amr, parts.now()),
    },
    loadExistingGrant: (ctx) => loadGrant(ctx, parts.api),
    issueRefreshToken: (_ctx, client, source) => client.grantTypeAllowed('refresh_token') && source.scopes.has('offline_access'),
    rotateRefreshToken: true,
    // Tokens end with their grant; a sign-out ends the session's grants.
    expiresWithSession: () => false,
    revokeGrantPolicy: () => true,
    extraTokenClaims: (ctx, token) => {
      const now = parts.now().getTime()
      return { issued_ms: now, ...('grantId' in token && { grant: token.grantId, ...personClaims(ctx, now) }) }
    },
  }
}

/** When and how the person proved who they are, carried from the code or the refresh token that is redeemed: a refresh renews neither (RFC 9470). */
function personClaims({ oidc }: KoaContextWithOIDC, now: number) {
  const source = oidc.entities.RefreshToken ?? oidc.entities.AuthorizationCode
  return { auth_time: source?.authTime, ...claimsOfMarks(source?.amr, now) }
}

/** What stands behind is away, or too busy: it may be asked again. */
export const isOverloaded = (error: unknown): error is EntenteError => error instanceof EntenteError && error.code === 'OVERLOADED'

const marked = z.object({ amr: z.array(z.string()).optional(), authTime: z.number().optional() })

/** When the login was that a code, a refresh token or this browser's session stands on. */
function loginOf({ oidc }: KoaContextWithOIDC, source: object | undefined): LoginFacts {
  const { amr, authTime } = marked.parse(source ?? { amr: oidc.session?.amr, authTime: oidc.session?.loginTs })
  return loginFacts(readMarks(amr), authTime)
}
