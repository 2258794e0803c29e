import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { formsOf } from '../support/browser.ts'
import { openAttackedShop, type AttackedShop, type Standing } from '../support/callback.ts'
import { onward, redirectUri } from '../support/shop.ts'

// Codes that end where they do not belong: in another login, or at another provider.
const stack = new AsyncDisposableStack()
let shop: AttackedShop
/** Codes that came to the token endpoints of the provider below. */
const caught: string[] = []
beforeAll(async () => {
  const evil = await listen()
  const folder = stack.adopt(await mkdtemp(join(tmpdir(), 'entente-mix-up-')), (one) => rm(one, { recursive: true, force: true }))
  const file = join(folder, 'providers.yaml')
  // Both are registered at Entente under the id that Entente has at Google.
  const provider = (id: string) => ({ id, name: id, issuer: `${evil}/${id}`, clientId: 'entente-demo.apps.example', clientSecret: 'any' })
  await writeFile(file, JSON.stringify([provider('straight'), provider('rewriting')]))
  shop = stack.use(await openAttackedShop({ PROVIDERS_FILE: file }))
})
afterAll(() => stack.disposeAsync())

/** Two providers of the attacker's making: one sends people straight to Google, the other by way of a page that changes where Google answers to. */
async function listen(): Promise<string> {
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://evil')
    const [, id = '', place = ''] = pathname.split('/')
    const own = `http://${request.headers.host}/${id}`
    const google = `${shop.providers.google.url}/o/oauth2/v2/auth`
    if (place === '.well-known') {
      const authorization_endpoint = id === 'straight' ? google : `${own}/authorize`
      response.end(JSON.stringify({ issuer: own, authorization_endpoint, token_endpoint: `${own}/token`, jwks_uri: `${own}/jwks` }))
    } else if (place === 'authorize') {
      searchParams.set('redirect_uri', `${shop.url}/login/google/callback`)
      response.writeHead(302, { location: `${google}?${searchParams}` }).end()
    } else {
      let body = ''
      for await (const chunk of request) body += String(chunk)
      if (place === 'token') caught.push(body)
      response.writeHead(400).end('{"error":"invalid_grant"}')
    }
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  stack.defer(async () => void (server.closeAllConnections(), await once(server.close(), 'close')))
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
}

const sessions = () => shop.db.collection('openid').countDocuments({ _id: /^Session:/ as never, customer: { $exists: true } })

async function goesThrough({ browser, callback, verifier }: Standing): Promise<void> {
  const page = await onward(browser, await browser.open(callback.href), {})
  expect(page.url).toMatch(`${redirectUri}?code=`)
  expect((await shop.complete(page, verifier)).errors).toBeUndefined()
}

test.for(['google', 'facebook'] as const)('A10 the stolen code of somebody else, put into one’s own callback (%s)', async (provider) => {
  const victim = await shop.stand({ provider, as: 'person-1001' })
  const thief = await shop.stand({ provider, as: 'person-1002' })
  const injected = new URL(thief.callback)
  injected.searchParams.set('code', victim.callback.searchParams.get('code') ?? '')
  const before = { kept: await shop.db.collection('customers').countDocuments(), sessions: await sessions(), denials: await shop.denials() }
  const page = await thief.browser.open(injected.href)
  expect([new URL(page.url).host, page.text.includes('LOGIN_DENIED') || page.text.includes('PROVIDER_UNAVAILABLE')]).toEqual([new URL(shop.url).host, true])
  expect({ kept: await shop.db.collection('customers').countDocuments(), sessions: await sessions() }).toEqual({ kept: before.kept, sessions: before.sessions })
  expect(await shop.denials()).toBe(before.denials + 1)
  // The transaction is spent: the thief's own code comes too late.
  expect((await thief.browser.open(thief.callback.href)).status).toBe(400)
  await goesThrough(await shop.stand({ provider, as: 'person-1002' }))
})

test('A10 the same at Apple, whose answer is posted', async () => {
  const posted = async (as: string) => {
    const { data, verifier } = await shop.begin({ provider: 'apple', as })
    const browser = shop.newBrowser()
    const page = await browser.open(data.startLogin.url)
    const [form = { action: '', method: '', fields: {} }] = formsOf(page)
    return {
      browser,
      verifier,
      post: (fields = {}) => browser.open(form.action, { method: 'POST', form: { ...form.fields, ...fields }, from: page.url }),
      form,
    }
  }
  const [victim, thief] = [await posted('person-1003'), await posted('person-1004')]
  const before = await sessions()
  const page = await thief.post({ code: victim.form.fields['code'] })
  expect([page.url.startsWith(shop.url), page.text.includes('LOGIN_DENIED'), await sessions()]).toEqual([true, true, before])
  const own = await posted('person-1004')
  expect((await shop.complete(await onward(own.browser, await own.post(), {}), own.verifier)).errors).toBeUndefined()
})

test('A14 a provider that sends people to Google’s door: Google answers to nobody but Google’s callback', async () => {
  const { data } = await shop.begin({ provider: 'straight', as: 'person-1005' })
  const browser = shop.newBrowser()
  const page = await browser.open(data.startLogin.url)
  const asked = new URL(page.url)
  expect([asked.origin, asked.searchParams.get('redirect_uri')]).toEqual([shop.providers.google.url, `${shop.url}/login/straight/callback`])
  expect([page.status, page.text.includes('redirect_uri')]).toEqual([400, true])
  expect(caught).toEqual([])
})

test('A14 a provider that has Google answer at Google’s callback: the code goes to neither token endpoint, and the login is spent', async () => {
  const before = { redeemed: shop.redeemed(), sessions: await sessions() }
  const { data } = await shop.begin({ provider: 'rewriting', as: 'person-1006' })
  const browser = shop.newBrowser()
  const page = await browser.open(data.startLogin.url)
  expect(browser.visited.some((url) => url.startsWith(`${shop.url}/login/google/callback?`) && url.includes('code='))).toBe(true)
  expect([page.status, page.text.includes('LOGIN_EXPIRED')]).toEqual([400, true])
  const callback = browser.visited.find((url) => url.includes('/login/google/callback?')) ?? ''
  expect((await browser.open(callback.replace('/google/', '/rewriting/'))).status).toBe(400)
  expect([caught, shop.redeemed(), await sessions()]).toEqual([[], before.redeemed, before.sessions])
  await goesThrough(await shop.stand({ provider: 'google', as: 'person-1006' }))
})
