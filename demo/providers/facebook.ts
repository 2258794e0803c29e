import { randomBytes } from 'node:crypto'
import { idToken } from './claims.ts'
import { challengeOf, checkVerifier, isRegistered, openBook, randomText, type Book, type Grant } from './codes.ts'
import { json, redirect, type Dialect, type Exchange, type Reply, type Service, type Simulation } from './dialect.ts'
import { keysAnswer } from './discovery.ts'
import { graph, idTokenClaims, type GraphGrant } from './facebook-graph.ts'
import { graphError, switchedError } from './facebook-error.ts'
import { facebookNotice } from './notices.ts'
import { choose, errorPage } from './pages.ts'

interface Facebook {
  readonly sim: Simulation
  readonly codes: Book<Grant>
  readonly tokens: Book<GraphGrant>
}

/** App ids and secrets. The second app is a stranger's, whose tokens must not log anybody in here. */
const apps: ReadonlyMap<string, string> = new Map([
  ['100000000000001', 'demo-app-secret'],
  ['200000000000002', 'other-app-secret'],
])

const sixtyDays = 5_183_944 // seconds, as the server-side flow gives them

/** Facebook: OAuth 2 with its own words, a profile from Graph, and ID tokens for Limited Login. */
export const facebook: Dialect = { keys: { alg: 'RS256', count: 2, kid: () => randomBytes(20).toString('hex') }, open }

function open(sim: Simulation): Service {
  const at: Facebook = { sim, codes: openBook(sim.now), tokens: openBook(sim.now) }
  const exchange = { endpoint: 'token', answer: (request: Exchange) => token(at, request) } as const
  const atLimitedHostOnly = () => (sim.switches().limitedHost ? json(404, {}) : keysAnswer(sim))
  return {
    routed: (path) =>
      path
        .replace(/^\/v\d+\.\d+(?=\/)/, '')
        .replace(/^\/\d+(?=\/permissions$)/, '/me')
        .replace(/\/$/, ''),
    routes: {
      'GET /dialog/oauth': { endpoint: 'authorization', answer: (request) => authorize(at, request) },
      'GET /oauth/access_token': exchange,
      'POST /oauth/access_token': exchange,
      ...graph(sim, apps, at.tokens),
      'GET /.well-known/openid-configuration': { endpoint: 'discovery', answer: () => discovery(sim, '') },
      'GET /limited/.well-known/openid-configuration': { endpoint: 'discovery', answer: () => discovery(sim, '/limited') },
      'GET /.well-known/oauth/openid/jwks': { endpoint: 'jwks', answer: atLimitedHostOnly },
      'GET /limited/.well-known/oauth/openid/jwks': { endpoint: 'jwks', answer: () => keysAnswer(sim) },
    },
    nativeClaims: (person, audience) => idTokenClaims(sim, person, audience, true),
    notice: (person, facts) => facebookNotice(sim, { id: [...apps.keys()][0] ?? '', secret: [...apps.values()][0] ?? '' }, person, facts),
  }
}

function authorize({ sim, codes }: Facebook, exchange: Exchange): Reply {
  const { query } = exchange
  const client = query.get('client_id') ?? ''
  const redirectUri = query.get('redirect_uri')
  if (!apps.has(client)) return errorPage(sim, 'Invalid App ID: The provided app ID does not look like a valid app ID.')
  if (!isRegistered(redirectUri, 'facebook'))
    return errorPage(sim, 'URL blocked: This redirect failed because the redirect URI is not allow-listed in the app’s client OAuth settings.')
  if ((query.get('response_type') ?? 'code') !== 'code') return errorPage(sim, 'Unsupported response_type')
  const choice = choose(sim, exchange)
  if (choice.is === 'undecided') return choice.page
  const state = query.get('state') ?? undefined
  const { callback } = sim.switches()
  if (choice.is === 'cancelled') {
    const denied = { error: 'access_denied', error_code: '200', error_reason: 'user_denied', error_description: 'Permissions error' }
    return redirect(redirectUri, { ...denied, state, ...callback }, '#_=_')
  }
  const code = codes.put(
    `AQ${randomText(96)}`,
    {
      person: choice.person,
      client,
      redirectUri,
      scope: (query.get('scope') ?? '').split(/[ ,]+/),
      nonce: query.get('nonce') ?? undefined,
      challenge: challengeOf(query),
      authTime: sim.now(),
    },
    600,
  )
  return redirect(redirectUri, { code, state, ...callback }, '#_=_')
}

function token(at: Facebook, { method, query, form }: Exchange): Reply {
  const failure = switchedError(at.sim)
  if (failure !== undefined) return failure
  const sent = method === 'GET' ? query : form
  const client = sent.get('client_id') ?? ''
  const secret = apps.get(client)
  if (secret === undefined) return graphError(101, 'Error validating application. Invalid application ID.')
  if (sent.get('client_secret') !== secret) return graphError(1, 'Error validating client secret.')
  switch (sent.get('grant_type') ?? 'authorization_code') {
    case 'authorization_code':
      return redeem(at, sent, client)
    case 'client_credentials':
      return json(200, { access_token: `${client}|${secret}`, token_type: 'bearer' })
    case 'fb_exchange_token':
      return prolong(at, sent)
    default:
      return graphError(100, 'Unsupported grant_type')
  }
}

function redeem({ sim, codes, tokens }: Facebook, sent: URLSearchParams, client: string): Reply {
  const found = codes.take(sent.get('code') ?? undefined, sim.switches().replayCode)
  if (found.state === 'used') return graphError(100, 'This authorization code has been used.', { subcode: 36009, header: 'invalid_code' })
  if (found.state === 'expired') return graphError(100, 'This authorization code has expired.', { subcode: 36007, header: 'invalid_code' })
  if (found.state !== 'live' || found.value.client !== client) return graphError(100, 'Invalid verification code format.', { header: 'invalid_code' })
  const grant = found.value
  const sameUri = grant.redirectUri === sent.get('redirect_uri')
  if (!sameUri)
    return graphError(
      100,
      'Error validating verification code. Please make sure your redirect_uri is identical to the one you used in the OAuth dialog request',
      { subcode: 36008 },
    )
  if (checkVerifier(grant.challenge, sent.get('code_verifier')) !== 'fits') return graphError(100, 'Invalid code_verifier parameter.')
  const accessToken = tokens.put(`EAAB${randomText(96)}`, { ...grant, issuedAt: sim.now() }, sixtyDays)
  const asksForIdToken = grant.scope.includes('openid')
  return json(200, {
    access_token: accessToken,
    token_type: 'bearer',
    expires_in: sixtyDays,
    ...(asksForIdToken && {
      id_token: idToken(sim, idTokenClaims(sim, grant.person, client, grant.scope.includes('email')), {
        audience: client,
        lifetime: 3600,
        nonce: grant.nonce,
        accessToken,
      }),
    }),
  })
}

function prolong({ sim, tokens }: Facebook, sent: URLSearchParams): Reply {
  const found = tokens.read(sent.get('fb_exchange_token') ?? undefined)
  if (found.state !== 'live') return graphError(190, 'Invalid OAuth access token - Cannot parse access token')
  return json(200, {
    access_token: tokens.put(`EAAB${randomText(96)}`, { ...found.value, issuedAt: sim.now() }, sixtyDays),
    token_type: 'bearer',
    expires_in: sixtyDays,
  })
}

/** What Facebook publishes cannot be run from by a generic client: no token endpoint and no `code`. */
const discovery = (sim: Simulation, host: '' | '/limited') =>
  json(200, {
    issuer: sim.url,
    authorization_endpoint: `${sim.url}/dialog/oauth/`,
    jwks_uri: `${sim.url}${host}/.well-known/oauth/openid/jwks/`,
    response_types_supported: ['id_token', 'token id_token'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    claims_supported: ['iss', 'aud', 'sub', 'iat', 'exp', 'jti', 'nonce', 'at_hash', 'name', 'given_name', 'middle_name', 'family_name', 'email', 'picture'],
  })
