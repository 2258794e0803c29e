import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { inject } from 'vitest'
import { openOpenIdProvider, type OpenIdParts } from '../../src/access/openid-provider.ts'
import type { OpenIdEvent } from '../../src/access/openid-configuration.ts'
import type { CustomerStanding } from '../../src/access/confirmation.ts'
import type { Confirmed, PendingQuestion } from '../../src/access/interactions.ts'
import { interactionStorage } from '../../src/access/openid-interactions.ts'
import { acrs } from '../../src/access/session-marks.ts'
import { subjects } from '../../src/access/subjects.ts'
import { readClients, type Client } from '../../src/config/clients.ts'
import { readPolicy } from '../../src/config/policy.ts'
import { EntenteError } from '../../src/errors.ts'
import { jobQueue } from '../../src/jobs/queue.ts'
import { jobStore } from '../../src/storage/jobs.ts'
import { keyStore } from '../../src/storage/keys.ts'
import { openMongo, prepareCollections } from '../../src/storage/mongo.ts'
import { openIdRecords } from '../../src/storage/openid-records.ts'
import { onceStore, openRedis } from '../../src/storage/redis.ts'
import { Browser, newPkce } from '../support/browser.ts'

const read = (path: string) => readFile(new URL(path, import.meta.url), 'utf8')
const policyText = (await read('../../demo/policy.yaml')).replaceAll('[storefront, storefront-b]', '[storefront, storefront-b, webshop]')
export const policy = readPolicy(policyText, 'policy.yaml')
const furtherClients = `
  - { id: webshop, name: Web shop, authentication: secret, secret: webshop-test-secret, redirectUris: ['https://shop.example/callback', 'https://other.example/callback'], postLogoutRedirectUris: ['https://shop.example/bye'], grants: [authorization_code, refresh_token], purposes: [order_processing], sector: web }
  - { id: one-address, name: One address, authentication: none, redirectUris: ['https://one.example/callback'], grants: [authorization_code] }
  - { id: gateway, name: API gateway, authentication: secret, secret: gateway-test-secret, grants: [client_credentials], scopes: [audit:read], trustedForIntrospection: true }
`

export const redirectUri = 'http://127.0.0.1:9/callback'
const uidOf = (request: IncomingMessage): string => new URL(request.url ?? '', 'http://here').searchParams.get('uid') ?? ''
export const newCustomer = (): string => randomBytes(16).toString('base64url')

/** The OpenID provider on a bare server, with stand-ins for what the gateway hands in. `behind` steers and watches them. */
export async function openStage(change: { readonly clients?: string; readonly now?: () => Date } = {}) {
  const opened = new AsyncDisposableStack()
  const db = opened.adopt(await openMongo(`${inject('mongodbUri').replace(/\/(\?|$)/, `/access-${randomBytes(6).toString('hex')}$1`)}`), async (connection) => {
    await connection.dropDatabase()
    await connection.close()
  })
  const redis = opened.adopt(await openRedis(inject('redisUrl'), `access-${randomBytes(6).toString('hex')}:`), (one) => one.disconnect())
  const now = change.now ?? (() => new Date())
  const keys = keyStore(db, { current: 'a secret that is long enough for tests' })
  const records = openIdRecords(db, await keys.obtain('openid/1'), now)
  const jobs = jobQueue({ store: jobStore(db), key: await keys.obtain('jobs/1'), now: () => Date.now() })
  await prepareCollections(db)

  const clients = new Map(
    readClients((await read('../../demo/clients.yaml')) + furtherClients + (change.clients ?? ''), 'clients.yaml', policy).map((client): [string, Client] => [
      client.id,
      client,
    ]),
  )
  const behind = {
    /** Who signs in at the login page; null shows the page. */
    person: null as string | null,
    /** Answers the consent page at once. */
    answers: true,
    undecided: [] as string[],
    standing: { hasFactor: false, alertSince: null } as CustomerStanding,
    /** How the confirm page is answered; null shows it. */
    proof: null as Confirmed | null,
    dead: new Set<string>(),
    /** When everybody's sign-ins were ended; logins from before no longer count. */
    endedAt: new Date(0),
    /** When the customer at the login page was found; null: just now. */
    foundAt: null as Date | null,
    ended: [] as string[],
    events: [] as OpenIdEvent[],
    asked: [] as PendingQuestion[],
    /** Sends logout tokens out for real, as the library guards them. */
    reallyTell: false,
    told: [] as { url: string; body: string }[],
    /** How clients answer to logout tokens. */
    toldStatus: 200,
    device: (): Promise<string> => Promise.reject(new EntenteError('LOGIN_DENIED')),
  }
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  opened.defer(
    () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  )
  const address = server.address()
  const publicUrl = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
  const parts: OpenIdParts = {
    publicUrl,
    policy,
    clients: { find: (id) => clients.get(id) },
    records,
    keys,
    operators: { asOfNow: async (caller) => caller },
    subjects: subjects(await keys.obtain('subjects/1')),
    pending: interactionStorage(onceStore(redis, 'interaction'), await keys.obtain('interaction/1')),
    standingAfter: async (customer, { at }) => (!behind.dead.has(customer) && (at === null || at >= behind.endedAt.getTime()) ? behind.standing : null),
    alertAnswered: async () => void (behind.standing = { ...behind.standing, alertSince: null }),
    hear: async () => {},
    undecided: async (_customer, purposes) => purposes.filter((id) => behind.undecided.includes(id)),
    grantEnded: async (_customer, grant) => void behind.ended.push(grant),
    claimsFor: async () => ({ given_name: 'Ada' }),
    signInWithIdToken: () => behind.device(),
    knowsProvider: (id) => ['google', 'apple', 'facebook'].includes(id),
    noticed: (event) => behind.events.push(event),
    jobs,
    secretGuesses: { wait: () => 0, wrong: async () => false },
    stylesheet: '/assets/look.css',
    fetch: async (url, init) => {
      behind.told.push({ url: String(url), body: String(init?.body) })
      return behind.reallyTell ? fetch(url, init) : new Response(null, { status: behind.toldStatus })
    },
    now,
  }
  const openid = opened.use(await openOpenIdProvider(parts))
  const second = opened.use(await openOpenIdProvider(parts))
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.url?.startsWith('/oidc/')) return (request.headers['x-process'] === '2' ? second : openid).handler(request, response)
    if (request.url === '/whose-session') return void response.end((await openid.interactions.sessionCustomer(request, response)) ?? 'nobody')
    const question = await openid.interactions.read(request, response, uidOf(request))
    if (question === null) return void response.writeHead(400).end('nothing waits')
    behind.asked.push(question)
    const next =
      question.prompt === 'login'
        ? behind.person !== null &&
          (await openid.interactions.signedIn(request, response, question.uid, {
            customer: behind.person,
            way: question.provider ?? 'google',
            device: null,
            amr: [],
            acr: acrs.oneWay,
            authTime: behind.foundAt ?? now(),
          }))
        : question.prompt === 'confirm'
          ? behind.proof !== null && (await openid.interactions.confirmed(request, response, question.uid, behind.proof))
          : behind.answers && (await openid.interactions.answered(request, response, question.uid))
    if (next === false) response.writeHead(200).end(question.prompt)
    else response.writeHead(303, { location: next }).end()
  }
  server.on('request', (request, response) => {
    answer(request, response).catch((error: unknown) => response.writeHead(500).end(error instanceof EntenteError ? error.code : 'failed'))
  })

  const stage = opened.move()
  return {
    url: publicUrl,
    db,
    redis,
    parts,
    openid,
    clients,
    behind,
    /** Tells clients of what ended, once each; what fails is put off. */
    async tellClients() {
      for (let job = await jobs.take(['logoutToken']); job !== null; job = await jobs.take(['logoutToken'])) {
        const one = job
        await openid.tellOfLogout(one, new AbortController().signal).then(
          () => jobs.done(one),
          () => jobs.putOff(one, 60_000),
        )
      }
    },
    browser: () => new Browser(['http://127.0.0.1:9/', 'https://']),
    [Symbol.asyncDispose]: () => stage.disposeAsync(),
  }
}

export type Stage = Awaited<ReturnType<typeof openStage>>

export interface Authorization {
  readonly code: string | null
  readonly error: string | null
  readonly parameters: URLSearchParams
  readonly verifier: string
  readonly status: number
  readonly text: string
  readonly url: string
}

/** One run through `/oidc/auth`; `undefined` takes a parameter away. */
export async function authorize(stage: Stage, browser: Browser, change: Readonly<Record<string, string | undefined>> = {}): Promise<Authorization> {
  const pkce = newPkce()
  const parameters = new URLSearchParams()
  const wanted = {
    client_id: 'storefront',
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid offline_access purpose:order_processing',
    state: 'of the shop',
    code_challenge: pkce.challenge,
    code_challenge_method: 'S256',
    ...change,
  }
  for (const [name, value] of Object.entries(wanted)) if (value !== undefined) parameters.set(name, value)
  const page = await browser.open(`${stage.url}/oidc/auth?${parameters}`)
  const back = new URL(page.url).searchParams
  return { code: back.get('code'), error: back.get('error'), parameters: back, verifier: pkce.verifier, status: page.status, text: page.text, url: page.url }
}

export interface Tokens {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  readonly access: string
  readonly refresh: string
}

/** A form to an endpoint of the provider, on either of two processes. */
export async function post(
  stage: Stage,
  path: string,
  form: Readonly<Record<string, string | undefined>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Tokens> {
  const body = new URLSearchParams()
  for (const [name, value] of Object.entries(form)) if (value !== undefined) body.set(name, value)
  const response = await fetch(`${stage.url}/oidc${path}`, { method: 'POST', body, headers })
  const text = await response.text()
  const answer: Record<string, unknown> = text === '' ? {} : JSON.parse(text)
  return { status: response.status, body: answer, access: String(answer['access_token']), refresh: String(answer['refresh_token']) }
}

export const redeem = (
  stage: Stage,
  { code, verifier }: Authorization,
  change: Readonly<Record<string, string | undefined>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Tokens> =>
  post(
    stage,
    '/token',
    { grant_type: 'authorization_code', client_id: 'storefront', redirect_uri: redirectUri, code: code ?? '', code_verifier: verifier, ...change },
    headers,
  )

export const refresh = (
  stage: Stage,
  refreshToken: string,
  change: Readonly<Record<string, string | undefined>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Tokens> => post(stage, '/token', { grant_type: 'refresh_token', client_id: 'storefront', refresh_token: refreshToken, ...change }, headers)

export const basic = (client: string, secret: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${client}:${secret}`).toString('base64')}`,
})

/** A customer who signed in at the storefront, with the tokens of it. */
export async function signedIn(stage: Stage, change: Readonly<Record<string, string | undefined>> = {}) {
  const customer = newCustomer()
  stage.behind.person = customer
  const browser = stage.browser()
  const authorization = await authorize(stage, browser, change)
  const tokens = await redeem(stage, authorization)
  return { customer, browser, authorization, tokens }
}
