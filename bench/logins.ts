import { createHash, randomBytes } from 'node:crypto'
import { Agent, request } from 'undici'
import { startChild } from './child.ts'
import { connections } from './load.ts'
import { startOurs } from './ours.ts'
import { rowOf, type Pair, type Row } from './report.ts'

const seconds = 4
/** Everybody logs in for the first time before the first round: measured is coming back. */
const regulars = 200
const google = { clientId: 'entente-demo.apps.example', secret: 'google-demo-secret' }
const shop = 'http://127.0.0.1:4998/callback'
const codeFlow = { response_type: 'code', state: 'bench', code_challenge_method: 'S256' }

/** One login from the first request to the token, by the number of the person. */
type Login = (person: number) => Promise<void>

/**
 * Whole logins at the gateway, which sends the browser to the simulated Google, against the same browser at that Google alone. Google
 * shares the server's core in both. Reported without a figure to reach: the gateway is an OpenID provider and a relying party on top.
 */
export async function logins(uri: string, rounds: number): Promise<Row> {
  await using provider = await startChild('peers/google.js', {})
  const googleUrl = `http://127.0.0.1:${provider.port}`
  await using gateway = await startOurs(uri, {
    TRUSTED_PROXIES: '127.0.0.1',
    GOOGLE_CLIENT_ID: google.clientId,
    GOOGLE_CLIENT_SECRET: google.secret,
    GOOGLE_BASE_URL: googleUrl,
  })
  const gatewayUrl = `http://localhost:${gateway.port}`
  const agent = new Agent({ connections })
  const ours: Login = (person) => loginAtGateway(agent, gatewayUrl, person)
  const peer: Login = (person) => loginAtGoogle(agent, googleUrl, person)
  await rate(ours, { count: regulars })
  await rate(peer, { count: regulars })
  const pairs: Pair[] = []
  for (let round = 0; round < rounds; round++) pairs.push({ ours: await rate(ours, { deadline: soon() }), peer: await rate(peer, { deadline: soon() }) })
  await agent.close()
  return rowOf('login/baseline', 'logins/s', pairs)
}

const soon = (): number => performance.now() + seconds * 1000

async function rate(login: Login, { count = Infinity, deadline = Infinity }): Promise<number> {
  const start = performance.now()
  let begun = 0
  const again = async (): Promise<void> => {
    while (begun < count && performance.now() < deadline) await login(begun++ % regulars)
  }
  await Promise.all(Array.from({ length: connections }, again))
  return begun / ((performance.now() - start) / 1000)
}

async function loginAtGateway(agent: Agent, gateway: string, person: number): Promise<void> {
  const { verifier, challenge } = proof()
  const url = new URL('/oidc/auth', gateway)
  url.search = new URLSearchParams({
    client_id: 'storefront',
    redirect_uri: shop,
    scope: 'openid purpose:order_processing',
    code_challenge: challenge,
    provider: 'google',
    login_hint: `gmail-${person}`,
    ...codeFlow,
  }).toString()
  const code = await codeFrom(agent, url, shop, gateway, person)
  await redeem(agent, `${gateway}/oidc/token`, { client_id: 'storefront', redirect_uri: shop, code, code_verifier: verifier })
}

async function loginAtGoogle(agent: Agent, provider: string, person: number): Promise<void> {
  const { verifier, challenge } = proof()
  const back = 'http://127.0.0.1:4998/login/google/callback'
  const url = new URL('/o/oauth2/v2/auth', provider)
  url.search = new URLSearchParams({
    client_id: google.clientId,
    redirect_uri: back,
    scope: 'openid email profile',
    nonce: 'bench',
    code_challenge: challenge,
    login_hint: `gmail-${person}`,
    ...codeFlow,
  }).toString()
  const code = await codeFrom(agent, url, back, provider, person)
  await redeem(agent, `${provider}/token`, { client_id: google.clientId, client_secret: google.secret, redirect_uri: back, code, code_verifier: verifier })
}

function proof(): { readonly verifier: string; readonly challenge: string } {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

/** What a browser does: follows redirects, keeps the cookies of one house, and stops where the shop would take over. */
async function codeFrom(agent: Agent, start: URL, end: string, house: string, person: number): Promise<string> {
  const cookies = new Map<string, string>()
  let url = start
  for (let hop = 0; hop < 12; hop++) {
    const own = url.origin === house
    const { statusCode, headers, body } = await request(url, {
      dispatcher: agent,
      // Each person from an address of their own, or the limit on logins of one address would be measured.
      headers: {
        'x-forwarded-for': `10.0.${person >> 8}.${person & 255}`,
        ...(own && cookies.size > 0 && { cookie: [...cookies].map((pair) => pair.join('=')).join('; ') }),
      },
    })
    await body.dump()
    if (own) for (const line of [headers['set-cookie'] ?? []].flat()) keep(cookies, line)
    const location = headers.location
    if (statusCode < 300 || statusCode > 399 || typeof location !== 'string') throw new Error(`a login stopped with ${statusCode} at ${url.pathname}`)
    url = new URL(location, url)
    if (url.href.startsWith(`${end}?`)) return url.searchParams.get('code') ?? failed(url.search)
  }
  return failed('too many redirects')
}

function keep(cookies: Map<string, string>, line: string): void {
  const [pair = ''] = line.split(';')
  const at = pair.indexOf('=')
  const value = pair.slice(at + 1)
  if (value === '') cookies.delete(pair.slice(0, at))
  else cookies.set(pair.slice(0, at), value)
}

async function redeem(agent: Agent, url: string, form: Readonly<Record<string, string>>): Promise<void> {
  const { statusCode, body } = await request(url, {
    dispatcher: agent,
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ grant_type: 'authorization_code', ...form }).toString(),
  })
  const answer: unknown = await body.json()
  if (statusCode !== 200 || typeof answer !== 'object' || answer === null || !('access_token' in answer)) failed(`token endpoint: ${statusCode}`)
}

function failed(why: string): never {
  throw new Error(`a login failed: ${why}`)
}
