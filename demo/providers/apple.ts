import { createPublicKey, type KeyObject } from 'node:crypto'
import { checkClientSecret, registration } from './apple-secret.ts'
import { idToken } from './claims.ts'
import { challengeOf, checkVerifier, isRegistered, openBook, randomText, type Book, type Grant } from './codes.ts'
import { json, redirect, type Dialect, type Exchange, type Reply, type Service, type Simulation } from './dialect.ts'
import { discoveryAnswer, keysAnswer } from './discovery.ts'
import { halfHash } from './keys.ts'
import { appleNotice } from './notices.ts'
import { choose, errorPage, formPost } from './pages.ts'
import { subjectOf, type Profile } from './people.ts'
import { presented } from './switches.ts'

interface Apple {
  readonly sim: Simulation
  readonly codes: Book<Grant>
  readonly refreshTokens: Book<Grant>
  /** Who has authorized which client before: only the first time brings `user`. */
  readonly known: Set<string>
  readonly secretKey: KeyObject | undefined
}

/** Apple: form_post, a signed client secret, PKCE enforced though never announced, the name once and unsigned, no userinfo. */
export function apple(clientPublicKey?: string): Dialect {
  const secretKey = clientPublicKey === undefined ? undefined : createPublicKey(clientPublicKey)
  return { keys: { alg: 'RS256', count: 3, kid: () => randomText(8).slice(0, 10) }, open: (sim) => open(sim, secretKey) }
}

function open(sim: Simulation, secretKey: KeyObject | undefined): Service {
  const at: Apple = { sim, codes: openBook(sim.now), refreshTokens: openBook(sim.now), known: new Set(), secretKey }
  return {
    routes: {
      'GET /.well-known/openid-configuration': { endpoint: 'discovery', answer: () => discovery(sim, sim.switches().issuerFlip) },
      'GET /account/.well-known/openid-configuration': { endpoint: 'discovery', answer: () => metadata(sim, `${sim.url}/account`) },
      'GET /auth/keys': { endpoint: 'jwks', answer: () => keysAnswer(sim) },
      'GET /auth/authorize': { endpoint: 'authorization', answer: (exchange) => authorize(at, exchange) },
      'POST /auth/token': { endpoint: 'token', answer: (exchange) => token(at, exchange) },
      'POST /auth/revoke': { endpoint: 'revocation', answer: (exchange) => revoke(at, exchange) },
    },
    nativeClaims: (person) => ({ ...claimsOf(sim, person), auth_time: sim.now(), real_user_status: 2 }),
    notice: (person, facts) => appleNotice(sim, registration, person, facts),
  }
}

function authorize(at: Apple, exchange: Exchange): Reply {
  const { sim } = at
  const { query } = exchange
  const problem = requestProblem(query)
  if (problem !== undefined) return errorPage(sim, problem)
  const redirectUri = query.get('redirect_uri') ?? ''
  const state = query.get('state') ?? undefined
  const back = (members: Record<string, string | undefined>) =>
    (query.get('response_mode') === 'form_post' ? formPost : redirect)(redirectUri, { state, ...members, ...sim.switches().callback })
  const choice = choose(sim, exchange)
  if (choice.is === 'cancelled') return back({ error: 'user_cancelled_authorize' })
  if (choice.is === 'undecided') return choice.page
  const grant = {
    person: choice.person,
    client: registration.client,
    redirectUri,
    scope: (query.get('scope') ?? '').split(' '),
    nonce: query.get('nonce') ?? undefined,
    challenge: challengeOf(query),
    authTime: sim.now(),
  }
  const code = at.codes.put(`c${randomText(16)}.0.mxzs.${randomText(12)}`, grant, 300)
  const wantsToken = query.get('response_type')?.includes('id_token') === true
  return back({ code, id_token: wantsToken ? signedFor(sim, grant, { c_hash: halfHash(code) }) : undefined, user: firstTimeUser(at, grant) })
}

function requestProblem(query: URLSearchParams): string | undefined {
  const mode = query.get('response_mode') ?? 'query'
  const responseType = query.get('response_type')
  const asksForData = /\b(name|email)\b/.test(query.get('scope') ?? '')
  if (query.get('client_id') !== registration.client) return 'invalid_client'
  if (!isRegistered(query.get('redirect_uri'), 'apple')) return 'invalid_request: Invalid web redirect url.'
  if (responseType !== 'code' && responseType !== 'code id_token') return 'unsupported_response_type'
  if (mode !== 'query' && mode !== 'form_post') return 'invalid_request: Invalid response mode'
  if (responseType !== 'code' && mode === 'query') return 'invalid_request: Invalid response mode'
  if (asksForData && mode !== 'form_post') return 'invalid_request: response_mode must be form_post when name or email scope is requested.'
  return undefined
}

/** Unsigned, beside the token, and only at the first authorization of this client. */
function firstTimeUser({ sim, known }: Apple, { person, client, scope }: Grant): string | undefined {
  const key = `${client} ${person.hint}`
  const switches = sim.switches()
  if (known.has(key) && !switches.forgetUser) return undefined
  known.add(key)
  const { given, family, email } = presented(person, switches)
  const name = scope.includes('name') && !person.nameless ? { firstName: given, lastName: family ?? '' } : undefined
  const user = { ...(name && { name }), ...(scope.includes('email') && email !== undefined && { email }) }
  return Object.keys(user).length === 0 ? undefined : JSON.stringify(user)
}

async function token(at: Apple, { form }: Exchange): Promise<Reply> {
  if (!(await isOurClient(at, form))) return refused('invalid_client')
  const grantType = form.get('grant_type')
  if (grantType === 'authorization_code') return redeem(at, form)
  if (grantType !== 'refresh_token') return refused('unsupported_grant_type')
  const found = at.refreshTokens.read(form.get('refresh_token') ?? undefined)
  if (found.state !== 'live') return refused('invalid_grant', 'The token has expired or has been revoked.')
  return json(200, { access_token: newHandle('a'), token_type: 'Bearer', expires_in: 3600, id_token: signedFor(at.sim, found.value) })
}

function redeem({ sim, codes, refreshTokens }: Apple, form: URLSearchParams): Reply {
  const found = codes.take(form.get('code') ?? undefined, sim.switches().replayCode)
  if (found.state === 'used') return refused('invalid_grant', 'The code has already been used.')
  if (found.state !== 'live') return refused('invalid_grant', 'The code has expired or has been revoked.')
  const grant = found.value
  if (grant.redirectUri !== form.get('redirect_uri')) return refused('invalid_grant', 'redirect_uri mismatch')
  if (checkVerifier(grant.challenge, form.get('code_verifier')) !== 'fits') return refused('invalid_grant')
  const accessToken = newHandle('a')
  return json(200, {
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: 3600,
    refresh_token: refreshTokens.put(newHandle('r'), { ...grant, nonce: undefined }, 1e9),
    id_token: signedFor(sim, grant, {}, accessToken),
  })
}

async function revoke(at: Apple, { form }: Exchange): Promise<Reply> {
  if (!(await isOurClient(at, form))) return refused('invalid_client')
  const found = at.refreshTokens.take(form.get('token') ?? undefined)
  // Whoever takes the app out of the account is new to it afterwards.
  if (found.state === 'live') at.known.delete(`${found.value.client} ${found.value.person.hint}`)
  return { ...json(200, ''), body: '' }
}

const isOurClient = ({ sim, secretKey }: Apple, form: URLSearchParams) =>
  checkClientSecret(form.get('client_secret') ?? '', form.get('client_id') ?? '', { audience: sim.url, key: secretKey, now: sim.now() })

const signedFor = (sim: Simulation, { person, client, nonce, authTime, scope }: Grant, further: object = {}, accessToken?: string) =>
  idToken(
    sim,
    { ...claimsOf(sim, person, scope), auth_time: authTime, ...further },
    { audience: client, lifetime: 86_400, nonce, ...(accessToken !== undefined && { accessToken }) },
  )

function claimsOf(sim: Simulation, person: Profile, scope: readonly string[] = ['email']) {
  const shown = presented(person, sim.switches())
  return {
    sub: subjectOf('apple', shown, registration.team),
    nonce_supported: true,
    ...(scope.includes('email') && { email: shown.email, email_verified: shown.emailVerified, is_private_email: person.relay }),
    transfer_sub: person.transferred ? subjectOf('apple', shown, 'transfer') : undefined,
  }
}

const discovery = (sim: Simulation, flipped = false): Reply =>
  flipped ? redirect(`${sim.url}/account/.well-known/openid-configuration`, {}) : metadata(sim, sim.url)

const metadata = (sim: Simulation, issuer: string) =>
  discoveryAnswer(sim, 'absent', {
    issuer,
    authorization_endpoint: `${issuer}/auth/authorize`,
    token_endpoint: `${issuer}/auth/token`,
    revocation_endpoint: `${issuer}/auth/revoke`,
    jwks_uri: `${issuer}/auth/keys`,
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'fragment', 'form_post'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid', 'email', 'name'],
    token_endpoint_auth_methods_supported: ['client_secret_post'],
    claims_supported: [
      'aud',
      'email',
      'email_verified',
      'exp',
      'iat',
      'is_private_email',
      'iss',
      'nonce',
      'nonce_supported',
      'real_user_status',
      'sub',
      'transfer_sub',
    ],
  })

const newHandle = (kind: 'a' | 'r') => `${kind}${randomText(16)}.0.mxzs.${randomText(12)}`
const refused = (error: string, description?: string) => json(400, { error, ...(description !== undefined && { error_description: description }) })
