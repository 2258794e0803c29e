import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { MongoClient, type Db } from 'mongodb'
import { pino } from 'pino'
import { inject, vi } from 'vitest'
import { startMailCatcher } from '../../demo/mail-catcher/main.ts'
import { startProviders } from '../../demo/providers/start.ts'
import { start, type OtherParts } from '../../src/main.ts'
import { Browser, formsOf, newPkce, type Page } from './browser.ts'
import { heard } from './canary-watch.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  // Tests read answers of many shapes.
  // oxlint-disable-next-line no-explicit-any
  readonly data: any
  readonly errors: readonly { readonly message: string; readonly extensions: { readonly code: string } & Record<string, unknown> }[] | undefined
  readonly extensions:
    | { readonly withheld?: readonly Withheld[]; readonly reduced?: readonly { field: string; category: string; form: string; count: number }[] }
    | undefined
}

export interface Withheld {
  readonly field: string
  readonly category: string
  readonly reason: string
  readonly count: number
}

export interface Tokens {
  readonly accessToken: string
  readonly refreshToken?: string
  readonly idToken?: string
  readonly scope: string
}

export const redirectUri = 'http://127.0.0.1:5555/callback'

/** What a gateway needs around it: simulated providers, a mail server, a database of its own, and the variables that name them. */
export async function openSurroundings(given: Readonly<Record<string, string>> = {}) {
  await using stack = new AsyncDisposableStack()
  const name = `t${randomBytes(6).toString('hex')}`
  const apple = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const providers = stack.use(await startProviders({ appleClientPublicKey: apple.publicKey.export({ type: 'spki', format: 'pem' }).toString() }))
  const mailbox = stack.use(await startMailCatcher())
  const mongoUri = (given['MONGODB_URI'] ?? inject('mongodbUri')).replace(/\/(\?|$)/, `/${name}$1`)
  const providersFile = await writeProvidersFile(providers.haus.url, name)
  const client = stack.adopt(await MongoClient.connect(mongoUri), (one) => one.close())
  const env = {
    PORT: '0',
    HOST: '127.0.0.1',
    REDIS_URL: inject('redisUrl'),
    REDIS_PREFIX: `${name}:`,
    ENTENTE_SECRET: 'a secret for tests only, long enough to pass',
    LOG_LEVEL: 'silent',
    GOOGLE_CLIENT_ID: 'entente-demo.apps.example',
    GOOGLE_CLIENT_SECRET: 'google-demo-secret',
    GOOGLE_BASE_URL: providers.google.url,
    APPLE_CLIENT_ID: 'example.entente.web',
    APPLE_TEAM_ID: 'DEMOTEAM01',
    APPLE_KEY_ID: 'DEMOKEY001',
    APPLE_PRIVATE_KEY: apple.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    APPLE_BASE_URL: providers.apple.url,
    FACEBOOK_CLIENT_ID: '100000000000001',
    FACEBOOK_CLIENT_SECRET: 'demo-app-secret',
    FACEBOOK_BASE_URL: providers.facebook.url,
    PROVIDERS_FILE: providersFile,
    SMTP_URL: mailbox.smtpUrl,
    MAIL_FROM: 'Entente <no-reply@entente.example>',
    ...given,
    MONGODB_URI: mongoUri,
  }
  const db: Db = client.db(name)
  stack.defer(() => db.dropDatabase().then(() => undefined))
  const opened = stack.move()
  const mails = (to?: string) => mailbox.mails(to)
  /** The newest mail to this address that says so, as soon as it has come. */
  const mailFor = (to: string, saying: RegExp) =>
    vi.waitFor(
      () => {
        const found = mails(to).findLast((mail) => saying.test(`${mail.subject}\n${mail.text}`))
        if (found === undefined)
          throw new Error(
            `no mail to ${to} that says ${saying.source}; there are: ${mails()
              .map(({ subject }) => subject)
              .join('; ')}`,
          )
        return found
      },
      { timeout: 5_000, interval: 20 },
    )
  return { providers, db, env, mailbox, mails, mailFor, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

/** One house: simulated providers, a gateway (or several) on a database of its own, and what clients do to it. */
export async function startShop(options: { readonly gateways?: number; readonly env?: Record<string, string>; readonly other?: OtherParts } = {}) {
  await using stack = new AsyncDisposableStack()
  const around = stack.use(await openSurroundings(options.env))
  const other = { log: loggedAloud(), ...options.other }
  const first = stack.use(await start(around.env, other))
  const more = []
  for (let n = 1; n < (options.gateways ?? 1); n++) more.push(stack.use(await start({ ...around.env, PUBLIC_URL: first.url }, other)))
  stack.defer(() => keepMetrics(first.address))
  const running = stack.move()
  const shop = { ...around, url: first.url, urls: [first.url, ...more.map((one) => one.url)], ...clientSide(first.url) }
  return Object.assign(shop, { [Symbol.asyncDispose]: () => running.disposeAsync() })
}

export type Shop = Awaited<ReturnType<typeof startShop>>

/** What a gateway logs at its most verbose, for whoever looks through it in the end. */
function loggedAloud() {
  const folder = inject('heard')
  return pino({ level: 'trace' }, { write: (line: string) => heard(folder, 'log', line) })
}

/** What was counted until the end. A test may have stopped the gateway itself. */
async function keepMetrics(address: string): Promise<void> {
  const answer = await fetch(`${address}/metrics`).catch(() => null)
  for (const line of (await answer?.text())?.split('\n') ?? []) heard(inject('heard'), 'metric', line)
}

async function writeProvidersFile(hausUrl: string, name: string): Promise<string> {
  const { mkdtemp, writeFile } = await import('node:fs/promises')
  const { tmpdir } = await import('node:os')
  const { join } = await import('node:path')
  const file = join(await mkdtemp(join(tmpdir(), `${name}-`)), 'providers.yaml')
  const haus = { id: 'haus', name: 'Haus', issuer: hausUrl, clientId: 'entente', clientSecret: 'haus-demo-secret', authoritativeFor: ['haus.example'] }
  await writeFile(file, JSON.stringify([haus]))
  return file
}

/** What shops and tools do at a gateway's address. */
export function clientSide(url: string) {
  async function graphql(query: string, variables: Record<string, unknown> = {}, token?: string, at = url): Promise<Answer> {
    const headers: Record<string, string> = { 'content-type': 'application/json' }
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`
    const response = await fetch(`${at}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query, variables }) })
    const body = (await response.json()) as Omit<Answer, 'status' | 'headers'>
    return { ...body, status: response.status, headers: response.headers }
  }

  async function tool(clientId: string, scope?: string): Promise<string> {
    const response = await fetch(`${url}/oidc/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientId}-demo-secret`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', ...(scope !== undefined && { scope }) }),
    })
    const body = (await response.json()) as { access_token?: string; error?: string }
    if (body.access_token === undefined) throw new Error(`no token for ${clientId}: ${body.error}`)
    return body.access_token
  }

  const newBrowser = () => new Browser([redirectUri])

  interface SignInOptions {
    readonly as: string
    readonly client?: string
    readonly scope?: string
    readonly browser?: Browser
    /** What is answered on the consent page; purposes left out stay open. */
    readonly consent?: Record<string, boolean>
    readonly at?: string
  }

  /** As far as the browser comes: the shop's redirect URI, or a page that stays. */
  async function walk(provider: string, options: SignInOptions): Promise<{ page: Page; verifier: string; browser: Browser; client: string }> {
    const browser = options.browser ?? newBrowser()
    const client = options.client ?? 'storefront'
    const pkce = newPkce()
    const input = {
      clientId: client,
      provider,
      redirectUri,
      codeChallenge: pkce.challenge,
      loginHint: options.as,
      scope: options.scope ?? defaultScope[client],
      state: 'shop-state',
    }
    const started = await graphql(
      `
        mutation ($input: StartLoginInput!) {
          startLogin(input: $input) {
            url
            expiresAt
          }
        }
      `,
      { input },
      undefined,
      options.at,
    )
    if (started.errors) throw new Error(`startLogin: ${JSON.stringify(started.errors)}`)
    const page = await onward(browser, await browser.open(started.data.startLogin.url), options.consent ?? {})
    return { page, verifier: pkce.verifier, browser, client }
  }

  async function signIn(provider: string, options: SignInOptions): Promise<Tokens & { browser: Browser }> {
    const { page, verifier, browser, client } = await walk(provider, options)
    const code = new URL(page.url).searchParams.get('code')
    if (!page.url.startsWith(redirectUri) || code === null)
      throw new Error(`login ended at ${page.url} (${page.status}): ${/[A-Z_]{6,}/.exec(page.text)?.[0] ?? ''}`)
    const input = { clientId: client, code, codeVerifier: verifier, redirectUri }
    const done = await graphql(
      `
        mutation ($input: CompleteLoginInput!) {
          completeLogin(input: $input) {
            accessToken
            refreshToken
            idToken
            scope
          }
        }
      `,
      { input },
      undefined,
      options.at,
    )
    if (done.errors) throw new Error(`completeLogin: ${JSON.stringify(done.errors)}`)
    return { ...done.data.completeLogin, browser }
  }

  return { graphql, tool, newBrowser, walk, signIn }
}

const defaultScope: Readonly<Record<string, string>> = {
  storefront: 'openid offline_access purpose:order_processing purpose:personalised_shop',
  'storefront-b': 'openid purpose:order_processing purpose:personalised_shop',
  account: 'openid purpose:data_subject_access',
}

/** Does what a person does on the pages in between: Apple's form that posts itself, and the consent page. */
export async function onward(browser: Browser, page: Page, consent: Record<string, boolean>): Promise<Page> {
  let at = page
  for (let step = 0; step < 6; step++) {
    const forms = formsOf(at)
    const formPost = forms.find((form) => form.action.includes('/login/apple/callback'))
    if (formPost) at = await browser.open(formPost.action, { method: 'POST', form: formPost.fields, from: at.url })
    else if (new URL(at.url).pathname === '/consent') at = await browser.submit(at, answersOf(consent), (form) => form.method === 'POST')
    else return at
  }
  return at
}

const answersOf = (consent: Record<string, boolean>): Record<string, string> =>
  Object.fromEntries(Object.entries(consent).map(([purpose, granted]) => [`decision:${purpose}`, granted ? 'yes' : 'no']))
