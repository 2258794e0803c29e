import { createHash, randomBytes } from 'node:crypto'
import { Agent, request } from 'undici'
import { connections } from './load.ts'

/** Where somebody logs in, and what the shop asks for. */
export interface House {
  readonly origin: string
  readonly authorize: string
  readonly token: string
  readonly redirectUri: string
  /** Parameters of the authorization request. */
  readonly request: Readonly<Record<string, string>>
  /** Of the token request, the client's authentication among them. */
  readonly redeem: Readonly<Record<string, string>>
  readonly hint: (person: number) => string
}

export interface LoggedIn {
  readonly refreshToken: string | null
}

export interface Until {
  readonly count?: number
  readonly deadline?: number
}

export const shop = 'http://127.0.0.1:4998/callback'
const agent = new Agent({ connections, keepAliveTimeout: 1_000 })

type Work = (run: number, connection: number) => Promise<unknown>

/** So many a second, on as many connections as every other load. `work` is told the number of the run and of the connection. */
export const rateOf = async (work: Work, until: Until): Promise<number> => (await rateAndCpu(work, until, () => Promise.resolve(0))).rate

/** The same, and how much of what `used` counts each run took. */
export async function rateAndCpu(
  work: Work,
  { count = Infinity, deadline = Infinity }: Until,
  used: () => Promise<number>,
): Promise<{ readonly rate: number; readonly cpu: number }> {
  const before = await used()
  const start = performance.now()
  let begun = 0
  const again = async (_: unknown, connection: number): Promise<void> => {
    while (begun < count && performance.now() < deadline) await work(begun++, connection)
  }
  await Promise.all(Array.from({ length: connections }, again))
  const seconds = (performance.now() - start) / 1000
  return { rate: begun / seconds, cpu: ((await used()) - before) / begun }
}

/** One login of that person from the first request to the tokens, by a browser of their own. */
export async function logIn(house: House, person: number): Promise<LoggedIn> {
  const verifier = randomBytes(32).toString('base64url')
  const url = new URL(house.authorize, house.origin)
  url.search = new URLSearchParams({
    response_type: 'code',
    state: 'bench',
    redirect_uri: house.redirectUri,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    login_hint: house.hint(person),
    ...house.request,
  }).toString()
  const code = await codeFrom(house, url, person)
  const form = { grant_type: 'authorization_code', redirect_uri: house.redirectUri, code, code_verifier: verifier, ...house.redeem }
  return { refreshToken: await askTokens(house, form) }
}

/** The next refresh token for this one. */
export async function refresh(house: House, refreshToken: string): Promise<string> {
  return (await askTokens(house, { grant_type: 'refresh_token', refresh_token: refreshToken, ...house.redeem })) ?? failed('no refresh token')
}

/** What a browser does: follows redirects, keeps the cookies of one house, and stops where the shop would take over. */
async function codeFrom(house: House, start: URL, person: number): Promise<string> {
  const cookies = new Map<string, string>()
  let url = start
  for (let hop = 0; hop < 14; hop++) {
    const own = url.origin === house.origin
    const { statusCode, headers, body } = await request(url, {
      dispatcher: agent,
      headers: {
        ...fromAddressOf(person),
        ...(own && cookies.size > 0 && { cookie: [...cookies].map((pair) => pair.join('=')).join('; ') }),
      },
    })
    await body.dump()
    if (own) for (const line of [headers['set-cookie'] ?? []].flat()) keep(cookies, line)
    const location = headers.location
    if (statusCode < 300 || statusCode > 399 || typeof location !== 'string') throw new Error(`a login stopped with ${statusCode} at ${url.pathname}`)
    url = new URL(location, url)
    if (url.href.startsWith(`${house.redirectUri}?`)) return url.searchParams.get('code') ?? failed(url.search)
  }
  return failed('too many redirects')
}

/** Each person comes from an address of their own, or the limit on logins of one address would be measured. */
const fromAddressOf = (person: number) => ({ 'x-forwarded-for': `10.${(person >> 16) & 255}.${(person >> 8) & 255}.${person & 255}` })

function keep(cookies: Map<string, string>, line: string): void {
  const [pair = ''] = line.split(';')
  const at = pair.indexOf('=')
  const value = pair.slice(at + 1)
  if (value === '') cookies.delete(pair.slice(0, at))
  else cookies.set(pair.slice(0, at), value)
}

async function askTokens({ origin, token }: House, form: Readonly<Record<string, string>>): Promise<string | null> {
  const { statusCode, body } = await request(new URL(token, origin), {
    dispatcher: agent,
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
  })
  const answer: unknown = await body.json()
  if (statusCode !== 200 || typeof answer !== 'object' || answer === null || !('access_token' in answer)) failed(`token endpoint: ${statusCode}`)
  return 'refresh_token' in answer && typeof answer.refresh_token === 'string' ? answer.refresh_token : null
}

function failed(why: string): never {
  throw new Error(`a login failed: ${why}`)
}
