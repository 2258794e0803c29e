import { afterAll, beforeAll, expect } from 'vitest'
import { formsOf, type Browser, type Page } from '../support/browser.ts'
import { testPlan, type Module } from './plan.ts'
import { openRelyingParty, type Parameters, type RelyingParty } from './relying-party.ts'

let rp: RelyingParty
beforeAll(async () => {
  rp = await openRelyingParty('query')
})
afterAll(() => rp[Symbol.asyncDispose]())

const state = 'logout state'

/** Sends the browser to the logout endpoint and says yes where it is asked. `method` POST as the specification allows it. */
async function logOut(browser: Browser, change: Parameters, method: 'GET' | 'POST' = 'GET'): Promise<Page> {
  const form = Object.fromEntries(Object.entries(change).filter((pair): pair is [string, string] => pair[1] !== undefined))
  const url = rp.metadata.end_session_endpoint
  const page =
    method === 'POST' ? await browser.open(url, { method, form, from: 'https://rp.example/' }) : await browser.open(`${url}?${new URLSearchParams(form)}`)
  return formsOf(page).length > 0 ? browser.submit(page, { logout: 'yes' }) : page
}

const isSignedIn = async (browser: Browser): Promise<boolean> => (await rp.authorize({ prompt: 'none' }, browser)).parameters.has('code')

/** Signed in, then signed out with these parameters: back at the shop with `query`, or on a page of ours. */
function endsSession(parametersOf: (idToken: string) => Parameters, query: string | null, method?: 'POST') {
  return async (): Promise<void> => {
    const { browser, rawIdToken } = await rp.complete()
    const page = await logOut(browser, parametersOf(rawIdToken), method)
    expect(page.url).toBe(query === null ? `${rp.metadata.issuer}/session/end/success` : rp.client.postLogoutRedirectUri + query)
    expect(await isSignedIn(browser)).toBe(false)
  }
}

/** An error page, no way back to the shop, and the session stands. */
function isRefused(parametersOf: (idToken: string) => Parameters) {
  return async (): Promise<void> => {
    const { browser, rawIdToken } = await rp.complete()
    const page = await logOut(browser, parametersOf(rawIdToken))
    expect([page.status, page.url.startsWith(rp.metadata.end_session_endpoint)]).toEqual([400, true])
    expect(await isSignedIn(browser)).toBe(true)
  }
}

const back = () => rp.client.postLogoutRedirectUri
const name = (module: string) => `oidcc-rp-initiated-logout${module}`

const modules: readonly Module<RelyingParty>[] = [
  {
    name: name('-discovery-endpoint-verification'),
    run: async ({ metadata }) => expect(metadata.end_session_endpoint).toBe(`${metadata.issuer}/session/end`),
  },
  {
    name: name(''),
    async run() {
      const all = (id_token_hint: string) => ({ id_token_hint, post_logout_redirect_uri: back(), state })
      await endsSession(all, '?state=logout+state')()
      await endsSession(all, '?state=logout+state', 'POST')()
    },
  },
  {
    name: name('-bad-post-logout-redirect-uri'),
    run: isRefused((id_token_hint) => ({ id_token_hint, post_logout_redirect_uri: `${back()}/unregistered`, state })),
  },
  {
    name: name('-modified-id-token-hint'),
    run: isRefused((token) => ({ id_token_hint: withOtherSubject(token), post_logout_redirect_uri: back(), state })),
  },
  // Without a hint nobody says whose address it is: it is passed over.
  { name: name('-no-id-token-hint'), run: endsSession(() => ({ post_logout_redirect_uri: back(), state }), null) },
  { name: name('-no-params'), run: endsSession(() => ({}), null) },
  { name: name('-no-post-logout-redirect-uri'), run: endsSession((id_token_hint) => ({ id_token_hint, state }), null) },
  { name: name('-no-state'), run: endsSession((id_token_hint) => ({ id_token_hint, post_logout_redirect_uri: back() }), '') },
  { name: name('-only-state'), run: endsSession(() => ({ state }), null) },
  {
    name: name('-query-added-to-post-logout-redirect-uri'),
    run: isRefused((id_token_hint) => ({ id_token_hint, post_logout_redirect_uri: `${back()}?foo=bar`, state })),
  },
  { name: name('-bad-id-token-hint'), run: isRefused(() => ({ id_token_hint: 'not.a.token', post_logout_redirect_uri: back(), state })) },
]

function withOtherSubject(token: string): string {
  const [header, payload = '', signature] = token.split('.')
  const claims: Readonly<Record<string, unknown>> = JSON.parse(Buffer.from(payload, 'base64url').toString())
  return [header, Buffer.from(JSON.stringify({ ...claims, sub: 'somebody else' })).toString('base64url'), signature].join('.')
}

testPlan('oidcc-rp-initiated-logout-certification-test-plan', modules, () => rp)
