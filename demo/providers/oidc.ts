import { idToken, profileAnswer, standardClaims } from './claims.ts'
import { challengeOf, checkVerifier, clientCredentials, isRegistered, openBook, randomText, type Book, type Grant } from './codes.ts'
import { json, redirect, type Dialect, type Exchange, type Reply, type Service, type Simulation } from './dialect.ts'
import { bearerToken, discoveryAnswer, issuerMember, keysAnswer } from './discovery.ts'
import { choose, errorPage } from './pages.ts'
import type { Profile } from './people.ts'

interface Haus {
  readonly sim: Simulation
  readonly codes: Book<Grant>
  readonly accessTokens: Book<Grant>
}

const clients: ReadonlyMap<string, string> = new Map([['entente', 'haus-demo-secret']])

/** "Haus", a company's own provider: OpenID Connect by the book, ES256, PKCE demanded, `iss` announced (RFC 9207). */
export const haus: Dialect = { keys: { alg: 'ES256', count: 1, kid: () => randomText(8) }, open }

function open(sim: Simulation): Service {
  const at: Haus = { sim, codes: openBook(sim.now), accessTokens: openBook(sim.now) }
  return {
    routes: {
      'GET /.well-known/openid-configuration': { endpoint: 'discovery', answer: () => discovery(sim) },
      'GET /jwks': { endpoint: 'jwks', answer: () => keysAnswer(sim) },
      'GET /authorize': { endpoint: 'authorization', answer: (exchange) => authorize(at, exchange) },
      'POST /token': { endpoint: 'token', answer: (exchange) => token(at, exchange) },
      'GET /userinfo': { endpoint: 'userinfo', answer: (exchange) => userinfo(at, exchange) },
    },
    nativeClaims: (person) => claimsOf(sim, person),
  }
}

function authorize({ sim, codes }: Haus, exchange: Exchange): Reply {
  const { query } = exchange
  const redirectUri = query.get('redirect_uri')
  if (!clients.has(query.get('client_id') ?? '')) return errorPage(sim, 'unauthorized_client: unknown client')
  if (!isRegistered(redirectUri, 'haus')) return errorPage(sim, 'invalid_request: redirect_uri is not registered')
  const state = query.get('state') ?? undefined
  const back = (members: Record<string, string>) => redirect(redirectUri, { ...members, state, iss: issuerMember(sim, 'present'), ...sim.switches().callback })
  if (query.get('response_type') !== 'code') return back({ error: 'unsupported_response_type' })
  if (!(query.get('scope') ?? '').split(' ').includes('openid')) return back({ error: 'invalid_scope' })
  const challenge = challengeOf(query)
  if (challenge?.method !== 'S256') return back({ error: 'invalid_request', error_description: 'PKCE with S256 is required' })
  const choice = choose(sim, exchange)
  if (choice.is === 'cancelled') return back({ error: 'access_denied', error_description: 'The person said no.' })
  if (choice.is === 'undecided') return query.get('prompt') === 'none' ? back({ error: 'login_required' }) : choice.page
  const code = codes.put(
    randomText(),
    {
      person: choice.person,
      client: query.get('client_id') ?? '',
      redirectUri,
      challenge,
      authTime: sim.now(),
      scope: (query.get('scope') ?? '').split(' '),
      nonce: query.get('nonce') ?? undefined,
    },
    60,
  )
  return back({ code })
}

function token({ sim, codes, accessTokens }: Haus, { form, headers }: Exchange): Reply {
  const { id, secret } = clientCredentials(form, headers)
  if (clients.get(id) !== secret) return json(401, { error: 'invalid_client' }, { 'www-authenticate': 'Basic realm="haus"' })
  if (form.get('grant_type') !== 'authorization_code') return json(400, { error: 'unsupported_grant_type' })
  const found = codes.take(form.get('code') ?? undefined, sim.switches().replayCode)
  if (found.state !== 'live') return json(400, { error: 'invalid_grant', error_description: `code is ${found.state}` })
  const grant = found.value
  const fits = grant.client === id && grant.redirectUri === form.get('redirect_uri') && checkVerifier(grant.challenge, form.get('code_verifier')) === 'fits'
  if (!fits) return json(400, { error: 'invalid_grant' })
  const accessToken = accessTokens.put(randomText(), grant, 600)
  const claims = { ...claimsOf(sim, grant.person, grant.scope), auth_time: grant.authTime }
  return json(200, {
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: 600,
    scope: grant.scope.join(' '),
    id_token: idToken(sim, claims, { audience: id, lifetime: 600, nonce: grant.nonce, accessToken }),
  })
}

function userinfo({ sim, accessTokens }: Haus, exchange: Exchange): Reply {
  const found = accessTokens.read(bearerToken(exchange))
  if (found.state === 'live') return profileAnswer(sim, 'sub', claimsOf(sim, found.value.person, found.value.scope))
  return json(401, { error: 'invalid_token' }, { 'www-authenticate': 'Bearer error="invalid_token"' })
}

const claimsOf = (sim: Simulation, person: Profile, scope?: readonly string[]) => ({ ...standardClaims(sim, person, scope), locale: 'de-DE' })

const discovery = (sim: Simulation) =>
  discoveryAnswer(sim, 'present', {
    authorization_endpoint: `${sim.url}/authorize`,
    token_endpoint: `${sim.url}/token`,
    userinfo_endpoint: `${sim.url}/userinfo`,
    jwks_uri: `${sim.url}/jwks`,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code'],
    scopes_supported: ['openid', 'email', 'profile'],
    id_token_signing_alg_values_supported: ['ES256'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    code_challenge_methods_supported: ['S256'],
    claims_supported: ['sub', 'email', 'email_verified', 'name', 'given_name', 'family_name', 'picture', 'locale', 'auth_time'],
  })
