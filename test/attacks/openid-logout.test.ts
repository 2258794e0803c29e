import { once } from 'node:events'
import { createServer } from 'node:http'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { openIdAdapter } from '../../src/access/openid-adapter.ts'
import { authorize, newCustomer, openStage, redeem, redirectUri, refresh, signedIn, type Stage } from '../access/stage.ts'
import type { Browser } from '../support/browser.ts'

let stage: Stage
/** A listener inside the network, which no logout token may reach. */
const inside = createServer((_request, response) => void response.end(String(++reached)))
let reached = 0
beforeAll(async () => {
  await once(inside.listen(0, '127.0.0.1'), 'listening')
  const address = inside.address()
  const port = typeof address === 'object' && address ? address.port : 0
  stage = await openStage({
    clients: `  - { id: inward, name: Inward, authentication: none, application: native, redirectUris: ['${redirectUri}'], backchannelLogoutUri: 'http://127.0.0.1:${port}/logout', grants: [authorization_code] }\n  - { id: one-more, name: One more, authentication: none, application: native, redirectUris: ['${redirectUri}'], grants: [authorization_code] }\n  - { id: listening, name: Listening, authentication: none, application: native, redirectUris: ['${redirectUri}'], backchannelLogoutUri: 'https://listening.example/logout', grants: [authorization_code, refresh_token] }\n`,
  })
})
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
  inside.close()
})

const isSignedIn = async (browser: Browser): Promise<boolean> => (await authorize(stage, browser, { prompt: 'none' })).code !== null
const end = (query: Record<string, string>) => `${stage.url}/oidc/session/end?${new URLSearchParams(query)}`

test('C52 coming to the logout page signs nobody out; the button does', async () => {
  const { browser, tokens } = await signedIn(stage)
  const page = await browser.open(end({}))
  expect(page.status).toBe(200)
  expect(await isSignedIn(browser)).toBe(true)
  await browser.open(`${stage.url}/oidc/session/end/confirm`, { method: 'POST', form: { logout: 'yes', xsrf: 'guessed' } })
  await browser.open(`${stage.url}/oidc/session/end/confirm`, { method: 'POST', form: { logout: 'yes' }, from: 'https://evil.example' })
  expect(await isSignedIn(browser)).toBe(true)
  await browser.submit(await browser.open(end({})), { logout: 'yes' })
  expect(await isSignedIn(browser)).toBe(false)
  expect((await refresh(stage, tokens.refresh)).body).toMatchObject({ error: 'invalid_grant' })
})

test('C53 after it a browser goes only where the shop said beforehand', async () => {
  const { browser, tokens } = await signedIn(stage)
  const id_token_hint = String(tokens.body['id_token'])
  for (const uri of ['https://evil.example/', 'javascript:alert(1)', 'http://localhost:9/']) {
    const page = await browser.open(end({ id_token_hint, post_logout_redirect_uri: uri }))
    expect(page.status).toBe(400)
    expect(page.text).not.toContain(uri)
  }
  const ignored = await browser.submit(await browser.open(end({ post_logout_redirect_uri: 'https://evil.example/' })), { logout: 'yes' })
  expect(ignored.url).toBe(`${stage.url}/oidc/session/end/success`)
  const again = await signedIn(stage)
  const page = await again.browser.open(
    end({ id_token_hint: String(again.tokens.body['id_token']), post_logout_redirect_uri: 'http://127.0.0.1:9/', state: 'bye' }),
  )
  expect((await again.browser.submit(page, { logout: 'yes' })).url).toBe('http://127.0.0.1:9/?state=bye')
})

test('C54 a sign-out ends every shop of the session', async () => {
  const { browser, tokens } = await signedIn(stage)
  const second = await redeem(stage, await authorize(stage, browser, { client_id: 'storefront-b' }), { client_id: 'storefront-b' })
  await browser.submit(await browser.open(end({})), { logout: 'yes' })
  for (const { access } of [tokens, second]) expect(stage.behind.ended).toContain(decodeJwt(access)['grant'])
  expect((await refresh(stage, tokens.refresh)).status).toBe(400)
  expect((await refresh(stage, second.refresh, { client_id: 'storefront-b' })).status).toBe(400)
})

test('C54 shops opened in one browser at the same moment: a sign-out ends what came of each', async () => {
  for (let round = 0; round < 3; round++) {
    const { browser, tokens } = await signedIn(stage)
    const clients = ['storefront-b', 'one-more', 'storefront-b', 'listening', 'inward']
    const codes = await Promise.all(clients.map((client_id) => authorize(stage, browser, { client_id, scope: 'openid' })))
    const others = await Promise.all(codes.map((code, n) => redeem(stage, code, { client_id: clients[n] })))
    await browser.submit(await browser.open(end({})), { logout: 'yes' })
    expect(others.map(({ status }) => status)).toEqual(clients.map(() => 200))
    for (const { access } of [tokens, ...others]) expect(stage.behind.ended).toContain(decodeJwt(access)['grant'])
  }
})

test('C54 logins that each read the session before the other wrote it lose nothing, and end with it under whichever id', async () => {
  const { browser, customer } = await signedIn(stage)
  const [one, other] = [openIdAdapter(stage.parts), openIdAdapter(stage.parts)].map((adapter) => adapter('Session'))
  const id = browser.cookie(new URL(stage.url).host, '__Host-entente-session') ?? ''
  const before = await one?.find(id)
  const usedFor = (client: string, grantId: string) => ({ ...before, authorizations: { ...before?.authorizations, [client]: { sid: client, grantId } } })
  await Promise.all([
    one?.upsert(id, usedFor('storefront-b', 'of b'), 60),
    other?.upsert('a fresh id', usedFor('listening', 'of another'), 60),
    other?.upsert(id, usedFor('storefront-b', 'of b, too'), 60),
  ])
  expect(await stage.openid.endings.sessionsOf(customer)).toMatchObject([{ clients: expect.arrayContaining(['storefront', 'storefront-b', 'listening']) }])
  await browser.submit(await browser.open(end({})), { logout: 'yes' })
  expect(stage.behind.ended).toEqual(expect.arrayContaining(['of b', 'of b, too', 'of another']))
  for (const known of [id, 'a fresh id']) expect(await one?.find(known)).toBeUndefined()
})

test('C54 signing out everywhere reaches the other device', async () => {
  const phone = await signedIn(stage)
  stage.behind.person = phone.customer
  const laptop = stage.browser()
  const tokens = await redeem(stage, await authorize(stage, laptop))
  await stage.openid.endings.endEverywhere(phone.customer)
  expect(await isSignedIn(laptop)).toBe(false)
  expect(await isSignedIn(phone.browser)).toBe(false)
  for (const token of [tokens.refresh, phone.tokens.refresh]) expect((await refresh(stage, token)).body).toMatchObject({ error: 'invalid_grant' })
})

test('C51 another customer on the same browser ends the first one’s session', async () => {
  const { browser, tokens, customer } = await signedIn(stage)
  stage.behind.person = newCustomer()
  // Without script the switch is a form with a button.
  const page = await browser.open(
    `${stage.url}/oidc/auth?${new URLSearchParams({ client_id: 'storefront', redirect_uri: redirectUri, response_type: 'code', scope: 'openid', prompt: 'login', code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' })}`,
  )
  expect(page.headers.get('content-security-policy')).toMatch(/script-src 'sha256-[^']+';/)
  expect(new URL((await browser.submit(page)).url).searchParams.get('code')).not.toBeNull()
  expect((await refresh(stage, tokens.refresh)).body).toMatchObject({ error: 'invalid_grant' })
  expect(await stage.openid.endings.sessionsOf(customer)).toEqual([])
})

test('B36 what a change has outdated ends though whoever made the change is gone; what began since stays', async () => {
  const { browser, customer, tokens } = await signedIn(stage)
  expect((await authorize(stage, browser, { client_id: 'listening', scope: 'openid' })).code).not.toBeNull()
  await stage.tellClients()
  stage.behind.told.length = 0
  const [{ signedInAt } = { signedInAt: new Date() }] = await stage.openid.endings.sessionsOf(customer)
  const end = (before: number) => stage.openid.endings.endBefore({ payload: { customer, before } })
  await end(signedInAt.getTime())
  expect(await stage.openid.endings.sessionsOf(customer)).toHaveLength(1)
  for (const _ of [1, 2]) await end(signedInAt.getTime() + 1)
  expect(await stage.openid.endings.sessionsOf(customer)).toEqual([])
  expect((await refresh(stage, tokens.refresh)).body).toMatchObject({ error: 'invalid_grant' })
  await stage.tellClients()
  expect(stage.behind.told).toHaveLength(1)
})

test('C55 a client that listens is told, by a token that is only for that', async () => {
  stage.behind.told.length = 0
  const { browser, customer } = await signedIn(stage)
  expect((await authorize(stage, browser, { client_id: 'listening', scope: 'openid' })).code).not.toBeNull()
  await stage.tellClients()
  stage.behind.told.length = 0
  await stage.openid.endings.endEverywhere(customer)
  await stage.tellClients()
  expect(stage.behind.told).toHaveLength(1)
  const told = stage.behind.told[0]
  expect(told?.url).toBe('https://listening.example/logout')
  const token = new URLSearchParams(told?.body).get('logout_token') ?? ''
  expect(decodeProtectedHeader(token)).toMatchObject({ typ: 'logout+jwt' })
  const claims = decodeJwt(token)
  expect(claims).toMatchObject({
    aud: 'listening',
    sub: stage.parts.subjects.outwardOne('listening', customer),
    jti: expect.any(String),
    sid: expect.any(String),
    events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
  })
  expect(claims).not.toHaveProperty('nonce')
  expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBeLessThanOrEqual(120)
  await expect(stage.openid.callerOf(`Bearer ${token}`)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
})

test('C55 a logout address inside the network is not called, and holds nobody up', async () => {
  const { browser, customer } = await signedIn(stage)
  expect((await authorize(stage, browser, { client_id: 'inward', scope: 'openid' })).code).not.toBeNull()
  await stage.openid.endings.endEverywhere(customer)
  stage.behind.reallyTell = true
  await stage.tellClients()
  stage.behind.reallyTell = false
  expect(stage.behind.told.at(-1)?.url).toContain('http://127.0.0.1:')
  expect(stage.behind.events).toContainEqual({ type: 'client.not_told', client: 'inward' })
  expect(reached).toBe(0)
})

test('C55 a client that fails is told again later, by a fresh token, and once it has heard it never again', async () => {
  await stage.tellClients()
  const { browser, customer } = await signedIn(stage)
  expect((await authorize(stage, browser, { client_id: 'listening', scope: 'openid' })).code).not.toBeNull()
  Object.assign(stage.behind, { told: [], events: [], toldStatus: 500 })
  const begun = Date.now()
  await stage.openid.endings.endEverywhere(customer)
  await stage.openid.endings.endEverywhere(customer)
  expect(Date.now() - begun).toBeLessThan(2_000)
  expect(stage.behind.told).toHaveLength(0)
  await stage.tellClients()
  await stage.tellClients()
  expect(stage.behind.events).toContainEqual({ type: 'client.not_told', client: 'listening' })
  stage.behind.toldStatus = 200
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 })
  await stage.tellClients()
  await stage.tellClients()
  vi.useRealTimers()
  // The address inside, of the test before, is tried again too.
  const listening = stage.behind.told.filter(({ url }) => url.startsWith('https://listening.example'))
  expect(listening).toHaveLength(2)
  const claims = listening.map(({ body }) => decodeJwt(new URLSearchParams(body).get('logout_token') ?? ''))
  expect(claims[1]?.sid).toBe(claims[0]?.sid)
  expect(claims[1]?.jti).not.toBe(claims[0]?.jti)
  expect(claims[1]?.exp).toBeGreaterThan(claims[0]?.exp ?? 0)
  // No token lies in the database, signed or not.
  expect(JSON.stringify(await stage.db.collection('jobs').find().toArray())).not.toContain('eyJ')
})
