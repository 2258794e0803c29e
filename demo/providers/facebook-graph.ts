import { createHmac } from 'node:crypto'
import { profileAnswer } from './claims.ts'
import { randomText, type Book, type Found, type Grant } from './codes.ts'
import { json, type Exchange, type Reply, type Route, type Simulation } from './dialect.ts'
import { bearerToken } from './discovery.ts'
import { graphError, switchedError } from './facebook-error.ts'
import { subjectOf, type Profile } from './people.ts'
import { presented, type Claims } from './switches.ts'

export interface GraphGrant extends Grant {
  readonly issuedAt: number
}
interface Graph {
  readonly sim: Simulation
  readonly apps: ReadonlyMap<string, string>
  readonly tokens: Book<GraphGrant>
}

/** Profile, permissions and token inspection, with the proof that each call knows the app's secret. */
export function graph(sim: Simulation, apps: ReadonlyMap<string, string>, tokens: Book<GraphGrant>): Readonly<Record<string, Route>> {
  const at: Graph = { sim, apps, tokens }
  return {
    'GET /me': { endpoint: 'userinfo', answer: (exchange) => withToken(at, exchange, (grant) => me(sim, grant, exchange)) },
    'GET /me/permissions': { endpoint: 'userinfo', answer: (exchange) => withToken(at, exchange, (grant) => permissions(sim, grant)) },
    'DELETE /me/permissions': { endpoint: 'revocation', answer: (exchange) => withToken(at, exchange, (grant) => uninstall(at, grant)) },
    'GET /debug_token': { endpoint: 'debugToken', answer: (exchange) => debugToken(at, exchange) },
  }
}

/** Claims of Limited Login and of the OIDC variant. Nobody says anywhere that the address was verified. */
export function idTokenClaims(sim: Simulation, person: Profile, app: string, mayHaveEmail: boolean): Claims {
  const shown = presented(person, sim.switches())
  return {
    sub: subjectOf('facebook', shown, app),
    jti: randomText(12),
    email: mayHaveEmail ? emailFor(sim, person) : undefined,
    name: shown.name,
    given_name: shown.given,
    family_name: shown.family,
    picture: shown.picture,
  }
}

function withToken({ sim, apps, tokens }: Graph, exchange: Exchange, answer: (grant: GraphGrant) => Reply): Reply {
  const failure = switchedError(sim)
  if (failure !== undefined) return failure
  const token = callersToken(exchange)
  if (token === undefined) return graphError(2500, 'An active access token must be used to query information about the current user.')
  const found = tokens.read(token)
  if (found.state !== 'live') return graphError(190, 'Invalid OAuth access token - Cannot parse access token', { header: 'invalid_token' })
  const proof = exchange.query.get('appsecret_proof') ?? exchange.form.get('appsecret_proof')
  const right = createHmac('sha256', apps.get(found.value.client) ?? '')
    .update(token)
    .digest('hex')
  if (proof === null && sim.switches().requireProof !== false)
    return graphError(100, 'API calls from the server require an appsecret_proof argument', { type: 'GraphMethodException' })
  if (proof !== null && proof !== right) return graphError(100, 'Invalid appsecret_proof provided in the API argument', { type: 'GraphMethodException' })
  return answer(found.value)
}

function me(sim: Simulation, grant: GraphGrant, { query }: Exchange): Reply {
  const shown = presented(grant.person, sim.switches())
  const picture = { data: { height: 50, width: 50, is_silhouette: false, url: shown.picture } }
  const email = grant.scope.includes('email') ? emailFor(sim, grant.person) : undefined
  const all: Readonly<Record<string, unknown>> = { name: shown.name, first_name: shown.given, last_name: shown.family, email, picture }
  const fields = ['id', ...(query.get('fields') ?? 'id,name').replaceAll(/\.\w+\([^)]*\)|\{[^}]*\}/g, '').split(',')]
  const id = subjectOf('facebook', shown, grant.client)
  return profileAnswer(sim, 'id', { ...Object.fromEntries(fields.map((field) => [field, all[field]])), id })
}

function permissions(sim: Simulation, { scope, person }: GraphGrant): Reply {
  const email = scope.includes('email')
    ? [{ permission: 'email', status: person.declinesEmail || sim.switches().noAdvancedAccess ? 'declined' : 'granted' }]
    : []
  return json(200, { data: [{ permission: 'public_profile', status: 'granted' }, ...email] })
}

function uninstall({ tokens }: Graph, { person, client }: GraphGrant): Reply {
  tokens.drop((other) => other.person.hint === person.hint && other.client === client)
  return json(200, { success: true })
}

function debugToken({ sim, apps, tokens }: Graph, exchange: Exchange): Reply {
  const failure = switchedError(sim)
  if (failure !== undefined) return failure
  const [app = '', secret] = (callersToken(exchange) ?? '').split('|')
  if (apps.get(app) !== secret || secret === undefined) return graphError(190, 'Invalid OAuth access token signature.', { header: 'invalid_token' })
  return json(200, { data: inspected(sim, tokens.read(exchange.query.get('input_token') ?? undefined)) })
}

function inspected(sim: Simulation, found: Found<GraphGrant>): Claims {
  const oddity = sim.switches().debugToken
  if (found.state !== 'live' || oddity === 'invalid') return { error: { code: 190, message: 'Malformed access token' }, is_valid: false, scopes: [] }
  const { client, person, issuedAt, scope } = found.value
  const granted = ['public_profile', ...(scope.includes('email') && !person.declinesEmail ? ['email'] : [])]
  return {
    app_id: client,
    type: 'USER',
    application: 'Entente Demo',
    is_valid: true,
    issued_at: issuedAt,
    expires_at: issuedAt + 5_183_944,
    data_access_expires_at: issuedAt + 7_776_000,
    scopes: granted,
    user_id: subjectOf('facebook', presented(person, sim.switches()), client),
    ...(oddity !== undefined && oddities[oddity]),
  }
}

const oddities = {
  wrongApp: { app_id: '200000000000002' },
  expired: { is_valid: false, expires_at: 1_700_000_000, error: { code: 190, subcode: 463, message: 'Session has expired' } },
  page: { type: 'PAGE', profile_id: '300000000000003' },
  otherUser: { user_id: '10150000000000000' },
  noScopes: { scopes: [] },
} as const

function emailFor(sim: Simulation, person: Profile): string | undefined {
  const switches = sim.switches()
  return person.declinesEmail || switches.noAdvancedAccess ? undefined : presented(person, switches).email
}

const callersToken = (exchange: Exchange): string | undefined =>
  bearerToken(exchange) ?? exchange.query.get('access_token') ?? exchange.form.get('access_token') ?? undefined
