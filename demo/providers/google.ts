import { randomBytes } from 'node:crypto'
import { idToken, profileAnswer, standardClaims } from './claims.ts'
import { challengeOf, checkVerifier, clientCredentials, isRegistered, openBook, randomText, type Book, type Grant } from './codes.ts'
import { json, redirect, type Dialect, type Exchange, type Reply, type Service, type Simulation } from './dialect.ts'
import { bearerToken, discoveryAnswer, issuerMember, keysAnswer } from './discovery.ts'
import { googleNotice } from './notices.ts'
import { choose, errorPage } from './pages.ts'
import type { Profile } from './people.ts'

interface GoogleGrant extends Grant {
  readonly offline: boolean
}
interface Google {
  readonly sim: Simulation
  readonly codes: Book<GoogleGrant>
  readonly accessTokens: Book<Grant>
  readonly refreshTokens: Book<GoogleGrant>
}

const clients: ReadonlyMap<string, string> = new Map([['entente-demo.apps.example', 'google-demo-secret']])
const scopePrefix = 'https://www.googleapis.com/auth/userinfo.'

/** Google as of 2026: OpenID Connect, with extra members in the callback and scopes that come back in other words. */
export const google: Dialect = { keys: { alg: 'RS256', count: 2, kid: () => randomBytes(20).toString('hex') }, open }

function open(sim: Simulation): Service {
  const at: Google = { sim, codes: openBook(sim.now), accessTokens: openBook(sim.now), refreshTokens: openBook(sim.now) }
  return {
    routes: {
      'GET /.well-known/openid-configuration': { endpoint: 'discovery', answer: () => discovery(sim) },
      'GET /.well-known/risc-configuration': {
        endpoint: 'discovery',
        answer: () => json(200, { issuer: `${sim.url}/`, jwks_uri: `${sim.url}/oauth2/v3/certs` }),
      },
      'GET /oauth2/v3/certs': { endpoint: 'jwks', answer: () => keysAnswer(sim) },
      'GET /o/oauth2/v2/auth': { endpoint: 'authorization', answer: (exchange) => authorize(at, exchange) },
      'POST /token': { endpoint: 'token', answer: (exchange) => token(at, exchange) },
      'GET /v1/userinfo': { endpoint: 'userinfo', answer: (exchange) => userinfo(at, exchange) },
      'POST /v1/userinfo': { endpoint: 'userinfo', answer: (exchange) => userinfo(at, exchange) },
      'POST /revoke': { endpoint: 'revocation', answer: (exchange) => revoke(at, exchange) },
    },
    nativeClaims: (person, audience) => ({ azp: audience, ...claimsOf(sim, person), nbf: sim.now() - 300, jti: randomBytes(20).toString('hex') }),
    notice: (person, facts) => googleNotice(sim, [...clients.keys()][0] ?? '', person, facts),
  }
}

function authorize({ sim, codes }: Google, exchange: Exchange): Reply {
  const { query } = exchange
  const problem = requestProblem(query)
  if (problem !== undefined) return errorPage(sim, problem)
  const redirectUri = query.get('redirect_uri') ?? ''
  const state = query.get('state') ?? undefined
  const choice = choose(sim, exchange)
  if (choice.is === 'cancelled') return redirect(redirectUri, { error: 'access_denied', state, ...sim.switches().callback })
  if (choice.is === 'undecided') return query.get('prompt') === 'none' ? redirect(redirectUri, { error: 'interaction_required', state }) : choice.page
  const { person } = choice
  const consented = query.get('prompt')?.includes('consent') === true
  const scope = (query.get('scope') ?? '').split(' ')
  const code = codes.put(
    `4/0A${randomText(48)}`,
    {
      person,
      client: query.get('client_id') ?? '',
      redirectUri,
      scope,
      nonce: query.get('nonce') ?? undefined,
      challenge: challengeOf(query),
      authTime: sim.now(),
      offline: consented && query.get('access_type') === 'offline',
    },
    600,
  )
  return redirect(redirectUri, {
    state,
    iss: issuerMember(sim, 'absent'),
    code,
    scope: inFull(scope),
    authuser: '0',
    hd: person.hd,
    prompt: consented ? 'consent' : 'none',
    ...sim.switches().callback,
  })
}

function requestProblem(query: URLSearchParams): string | undefined {
  if (!clients.has(query.get('client_id') ?? '')) return 'Error 401: invalid_client. The OAuth client was not found.'
  if (!isRegistered(query.get('redirect_uri'), 'google')) return 'Error 400: redirect_uri_mismatch'
  if (query.get('response_type') !== 'code') return 'Error 400: unsupported_response_type'
  if (!(query.get('scope') ?? '').split(' ').includes('openid')) return 'Error 400: invalid_scope'
  return undefined
}

function token(at: Google, { form, headers }: Exchange): Reply {
  const { id, secret } = clientCredentials(form, headers)
  if (!clients.has(id)) return refused(401, 'invalid_client', 'The OAuth client was not found.')
  if (clients.get(id) !== secret) return refused(401, 'invalid_client', 'The provided client secret is invalid.')
  const grantType = form.get('grant_type')
  if (grantType === 'authorization_code') return redeem(at, form, id)
  if (grantType !== 'refresh_token') return refused(400, 'unsupported_grant_type', `Invalid grant_type: ${grantType}`)
  const found = at.refreshTokens.read(form.get('refresh_token') ?? undefined)
  return found.state === 'live' ? json(200, tokens(at, found.value)) : refused(400, 'invalid_grant', 'Token has been expired or revoked.')
}

function redeem(at: Google, form: URLSearchParams, client: string): Reply {
  const found = at.codes.take(form.get('code') ?? undefined, at.sim.switches().replayCode)
  if (found.state !== 'live' || found.value.client !== client) return refused(400, 'invalid_grant', 'Malformed auth code.')
  const grant = found.value
  if (grant.redirectUri !== form.get('redirect_uri')) return refused(400, 'redirect_uri_mismatch', 'Bad Request')
  const verifier = checkVerifier(grant.challenge, form.get('code_verifier'))
  if (verifier !== 'fits') return refused(400, 'invalid_grant', verifier === 'missing' ? 'Missing code verifier.' : 'Invalid code verifier.')
  if (!grant.offline) return json(200, tokens(at, grant))
  return json(200, { ...tokens(at, grant), refresh_token: at.refreshTokens.put(`1//0${randomText(48)}`, { ...grant, nonce: undefined }, 15_000_000) })
}

function tokens({ sim, accessTokens }: Google, grant: Grant) {
  const { client, nonce, person, scope } = grant
  const accessToken = accessTokens.put(`ya29.${randomText()}`, grant, 3599)
  return {
    access_token: accessToken,
    expires_in: 3599,
    scope: inFull(scope),
    token_type: 'Bearer',
    id_token: idToken(sim, { azp: client, ...claimsOf(sim, person, scope) }, { audience: client, lifetime: 3600, nonce, accessToken }),
  }
}

function userinfo({ sim, accessTokens }: Google, exchange: Exchange): Reply {
  const found = accessTokens.read(bearerToken(exchange))
  if (found.state === 'live') return profileAnswer(sim, 'sub', claimsOf(sim, found.value.person, found.value.scope))
  return json(
    401,
    { error: 'invalid_request', error_description: 'Invalid Credentials' },
    { 'www-authenticate': 'Bearer realm="https://accounts.google.com/", error="invalid_token"' },
  )
}

/** Revoking either token ends the whole grant. */
function revoke({ accessTokens, refreshTokens }: Google, { form, query }: Exchange): Reply {
  const handle = form.get('token') ?? query.get('token') ?? undefined
  const [found] = [accessTokens.read(handle), refreshTokens.read(handle)].filter((entry) => entry.state === 'live')
  if (found === undefined) return refused(400, 'invalid_token', 'Token expired or revoked')
  const { person, client } = found.value
  const ended = (grant: Grant) => grant.person.hint === person.hint && grant.client === client
  accessTokens.drop(ended)
  refreshTokens.drop(ended)
  return json(200, {})
}

const claimsOf = (sim: Simulation, person: Profile, scope?: readonly string[]) => ({ ...standardClaims(sim, person, scope), hd: person.hd })

const discovery = (sim: Simulation) =>
  discoveryAnswer(sim, 'absent', {
    authorization_endpoint: `${sim.url}/o/oauth2/v2/auth`,
    token_endpoint: `${sim.url}/token`,
    userinfo_endpoint: `${sim.url}/v1/userinfo`,
    revocation_endpoint: `${sim.url}/revoke`,
    jwks_uri: `${sim.url}/oauth2/v3/certs`,
    response_types_supported: ['code', 'token', 'id_token', 'code token', 'code id_token', 'token id_token', 'code token id_token', 'none'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid', 'email', 'profile'],
    token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
    claims_supported: ['aud', 'email', 'email_verified', 'exp', 'family_name', 'given_name', 'iat', 'iss', 'name', 'picture', 'sub'],
    code_challenge_methods_supported: ['plain', 'S256'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
  })

const inFull = (scope: readonly string[]) =>
  scope
    .map((word) => (word === 'email' || word === 'profile' ? scopePrefix + word : word))
    .toReversed()
    .join(' ')

const refused = (status: number, error: string, description: string) => json(status, { error, error_description: description })
