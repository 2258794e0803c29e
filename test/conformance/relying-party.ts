import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRemoteJWKSet, jwtVerify, type JWTPayload } from 'jose'
import { Browser, formsOf, linksOf, newPkce, pick, type Page } from '../support/browser.ts'
import { startShop } from '../support/shop.ts'

/** What a plan varies: how the response travels. */
export type ResponseMode = 'query' | 'form_post'
export type Parameters = Readonly<Record<string, string | undefined>>

/** What came back to the redirect URI, or the page of the house that the browser rests on. */
export interface AuthorizationResponse {
  readonly parameters: URLSearchParams
  readonly by: ResponseMode | 'page'
  readonly page: Page
  readonly verifier: string
  readonly nonce: string | undefined
}

export interface TokenResponse {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

export interface Completed {
  readonly browser: Browser
  readonly response: AuthorizationResponse
  readonly tokens: TokenResponse
  readonly accessToken: string
  readonly rawIdToken: string
  readonly idToken: JWTPayload
}

/** As the suite is handed its clients: by static registration, with secrets. The ids are those whom the demo's policy gives purposes. */
const registered = [
  { id: 'storefront', mode: 'query', host: 'rp.example' },
  { id: 'storefront-b', mode: 'form_post', host: 'form-post.example' },
] as const
const secret = 'a secret of the conformance suite'

const clientsFile = JSON.stringify({
  clients: registered.map(({ id, mode, host }) => ({
    id,
    name: `Conformance suite, ${mode}`,
    authentication: 'secret',
    secret,
    responseMode: mode,
    redirectUris: [`https://${host}/callback`],
    postLogoutRedirectUris: [`https://${host}/post_logout_redirect`],
    grants: ['authorization_code', 'refresh_token'],
    purposes: ['order_processing'],
  })),
})

/** The house under test, and the part of the suite: a relying party with the browser of one person. Everything goes over HTTP. */
export async function openRelyingParty(mode: ResponseMode) {
  await using stack = new AsyncDisposableStack()
  const folder = stack.adopt(await mkdtemp(join(tmpdir(), 'entente-suite-')), (one) => rm(one, { recursive: true }))
  const file = join(folder, 'clients.yaml')
  await writeFile(file, clientsFile)
  const house = stack.use(await startShop({ env: { CLIENTS_FILE: file } }))
  const metadata = await discover(house.url)
  const { id, host } = registered.find((one) => one.mode === mode) ?? registered[0]
  const client = { id, secret, redirectUri: `https://${host}/callback`, postLogoutRedirectUri: `https://${host}/post_logout_redirect` }
  const jwks = createRemoteJWKSet(new URL(metadata.jwks_uri))
  const running = stack.move()
  const basic = { authorization: `Basic ${Buffer.from(`${id}:${encodeURIComponent(secret).replaceAll('%20', '+')}`).toString('base64')}` }

  /** Opens an authorization request; what the person does on the pages is done as long as there are any. */
  async function authorize(change: Parameters = {}, browser = new Browser(['https://']), method: 'GET' | 'POST' = 'GET'): Promise<AuthorizationResponse> {
    const pkce = newPkce()
    const nonce = 'nonce' in change ? change['nonce'] : 'n-of-the-suite'
    const wanted = {
      client_id: id,
      redirect_uri: client.redirectUri,
      response_type: 'code',
      scope: 'openid',
      state: 's-of-the-suite',
      code_challenge: pkce.challenge,
      code_challenge_method: 'S256',
      ...(mode === 'form_post' && { response_mode: mode }),
      ...change,
      nonce,
    }
    const form = Object.fromEntries(Object.entries(wanted).filter((pair): pair is [string, string] => pair[1] !== undefined))
    const endpoint = metadata.authorization_endpoint
    const first = method === 'POST' ? await browser.open(endpoint, { method, form }) : await browser.open(`${endpoint}?${new URLSearchParams(form)}`)
    const page = await signInAt(browser, first)
    const arrived = page.url.startsWith(client.redirectUri)
    const posted = formsOf(page).find(({ action }) => action === client.redirectUri)
    return {
      parameters: posted ? new URLSearchParams(posted.fields) : new URLSearchParams(arrived ? new URL(page.url).search : ''),
      by: posted ? 'form_post' : arrived ? 'query' : 'page',
      page,
      verifier: pkce.verifier,
      nonce,
    }
  }

  async function askToken(form: Parameters, headers: Readonly<Record<string, string>> = basic): Promise<TokenResponse> {
    const body = new URLSearchParams(Object.entries(form).filter((pair): pair is [string, string] => pair[1] !== undefined))
    const response = await fetch(metadata.token_endpoint, { method: 'POST', headers, body })
    return { status: response.status, body: (await response.json()) as Readonly<Record<string, unknown>> }
  }

  const redeem = (
    { parameters, verifier }: AuthorizationResponse,
    change: Parameters = {},
    headers?: Readonly<Record<string, string>>,
  ): Promise<TokenResponse> =>
    askToken(
      { grant_type: 'authorization_code', code: parameters.get('code') ?? '', redirect_uri: client.redirectUri, code_verifier: verifier, ...change },
      headers,
    )

  /** The checks of OpenID Connect Core 1.0, 3.1.3.7. */
  async function checkIdToken(token: string, nonce: string | undefined, claims: readonly string[] = []): Promise<JWTPayload> {
    const { payload } = await jwtVerify(token, jwks, {
      issuer: metadata.issuer,
      audience: id,
      algorithms: ['RS256'],
      requiredClaims: ['sub', 'iat', 'exp', ...claims],
    })
    if (payload['nonce'] !== nonce) throw new Error('the nonce is not the one that was sent')
    return payload
  }

  /** A whole code flow that must succeed. */
  async function complete(change: Parameters = {}, browser = new Browser(['https://'])): Promise<Completed> {
    const response = await authorize(change, browser)
    const tokens = await redeem(response)
    const { access_token: accessToken, id_token: rawIdToken } = tokens.body
    if (tokens.status !== 200 || typeof accessToken !== 'string' || typeof rawIdToken !== 'string')
      throw new Error(`no tokens: ${response.page.status} ${response.parameters.get('error')} ${tokens.status} ${JSON.stringify(tokens.body['error'])}`)
    return { browser, response, tokens, accessToken, rawIdToken, idToken: await checkIdToken(rawIdToken, response.nonce) }
  }

  const userinfo = (init: RequestInit): Promise<Response> => fetch(metadata.userinfo_endpoint, init)

  return Object.assign(
    { house, metadata, client, mode, basic, authorize, redeem, askToken, checkIdToken, complete, userinfo },
    { [Symbol.asyncDispose]: () => running.disposeAsync() },
  )
}

export type RelyingParty = Awaited<ReturnType<typeof openRelyingParty>>

async function discover(url: string) {
  const response = await fetch(`${url}/oidc/.well-known/openid-configuration`)
  return (await response.json()) as Metadata
}

interface Metadata extends Readonly<Record<string, unknown>> {
  readonly issuer: string
  readonly authorization_endpoint: string
  readonly token_endpoint: string
  readonly userinfo_endpoint: string
  readonly jwks_uri: string
  readonly end_session_endpoint: string
  readonly scopes_supported: readonly string[]
}

/** The person takes the house's own provider, and is Anna there. */
export async function signInAt(browser: Browser, first: Page): Promise<Page> {
  const way = linksOf(first).find((link) => /\/login\/start\?.*provider=haus/.test(link))
  if (way === undefined) return first
  const page = await browser.open(way)
  return new URL(page.url).pathname === '/authorize' ? pick(browser, page, 'anna') : page
}
