import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { authorize, newCustomer, openStage, post, redirectUri, signedIn, type Stage } from '../access/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage[Symbol.asyncDispose]())
beforeEach(() => {
  stage.behind.person = newCustomer()
  stage.behind.undecided = []
})

describe('C01 redirect_uri forms', () => {
  const web = { client_id: 'webshop', scope: 'openid' }
  test('C01 the registered one is followed', async () => {
    expect((await authorize(stage, stage.browser(), { ...web, redirect_uri: 'https://shop.example/callback' })).code).not.toBeNull()
  })
  test.for([
    'https://shop.example/callback/',
    'https://shop.example/callback?x=1',
    'https://shop.example/callback#x',
    'https://shop.example/x/../callback',
    'https://shop.example/%2e%2e/callback',
    'https://shop.example/callback..;/',
    'https://shop.example:8443/callback',
    'http://shop.example/callback',
    'https://evil@shop.example/callback',
    'https://shop.example@evil.example/callback',
    'https://ѕhop.example/callback',
    'https://SHOP.example/callback',
    'https://shop.example/Callback',
    'javascript:alert(1)',
    '//shop.example/callback',
  ])('C01 %s is not', async (uri) => {
    const page = await authorize(stage, stage.browser(), { ...web, redirect_uri: uri })
    expect(page.status).toBe(400)
    expect(page.url.startsWith(stage.url)).toBe(true)
  })
  test('C01 two values are refused', async () => {
    const page = await stage
      .browser()
      .open(`${stage.url}/oidc/auth?client_id=webshop&response_type=code&redirect_uri=https://shop.example/callback&redirect_uri=https://evil.example/`)
    expect(page.status).toBe(400)
    expect(page.url.startsWith(stage.url)).toBe(true)
  })
})

test.for([
  ['webshop', 'http://127.0.0.1:9/callback', false],
  ['storefront', 'http://127.0.0.1:9/callback', true],
  ['storefront', 'http://127.0.0.1:9/other', false],
  ['storefront', 'http://localhost:9/callback', false],
  ['storefront', 'http://127.0.0.1.evil.example:9/callback', false],
  ['storefront', 'http://evil@127.0.0.1:9/callback', false],
] as const)('C02 loopback: %s to %s: %s', async ([client, uri, allowed]) => {
  const page = await authorize(stage, stage.browser(), { client_id: client, redirect_uri: uri, scope: 'openid' })
  expect(page.code !== null).toBe(allowed)
  if (!allowed) expect(page.status).toBe(400)
})

test.for(['fragment', 'form_post', 'web_message', 'jwt', 'query.jwt'])('C05 response mode %s gives no code', async (mode) => {
  const page = await authorize(stage, stage.browser(), { response_mode: mode })
  expect(page.code).toBeNull()
  expect(page.text + page.url).not.toContain('code=')
  expect(page.text).not.toContain('name="code"')
})

test.for(['token', 'id_token', 'code token', 'code id_token', 'none'])('C06 response type %s is not there', async (type) => {
  expect((await authorize(stage, stage.browser(), { response_type: type, nonce: 'n' })).url).toContain('unsupported_response_type')
})

describe('C07 C08 PKCE', () => {
  test.for(['storefront', 'webshop'])('C07 %s without a challenge', async (client) => {
    const redirect = client === 'webshop' ? 'https://shop.example/callback' : redirectUri
    const change = { client_id: client, redirect_uri: redirect, scope: 'openid' }
    expect((await authorize(stage, stage.browser(), { ...change, code_challenge: undefined, code_challenge_method: undefined })).error).toBe('invalid_request')
    expect((await authorize(stage, stage.browser(), change)).code).not.toBeNull()
  })
  test.for([
    ['plain', { code_challenge_method: 'plain' }],
    ['no method', { code_challenge_method: undefined }],
    ['s256', { code_challenge_method: 's256' }],
    ['20 characters', { code_challenge: 'x'.repeat(20) }],
  ] as const)('C08 %s', async ([, change]) => {
    expect((await authorize(stage, stage.browser(), change)).error).toBe('invalid_request')
  })
})

describe('C29 C30 scopes are exact', () => {
  test.for([
    'purpose:email_marketing',
    'data_subject_access',
    'purpose:data_subject_access',
    'purpose:consent_record',
    'audit:read',
    'purpose:*',
    'PURPOSE:order_processing',
    'purpose:Order_processing',
    'purpose:',
    'email',
    'profile',
    'openid purpose:nothing',
    'purpose:order_processing%20audit:read',
    'purpose:order_processing  openid',
    'purpose:оrder_processing',
    Array.from({ length: 1000 }, (_, i) => `x${i}`).join(' '),
  ])('C30 %s', async (scope) => {
    expect((await authorize(stage, stage.browser(), { scope })).error).toBe('invalid_scope')
    expect(
      (
        await post(stage, '/request', {
          client_id: 'storefront',
          response_type: 'code',
          redirect_uri: redirectUri,
          scope,
          code_challenge: 'x'.repeat(43),
          code_challenge_method: 'S256',
        })
      ).body,
    ).toMatchObject({ error: 'invalid_scope' })
  })
  test.for(['purpose:order_processing', 'purpose:data_subject_access', 'audit:read', 'openid', 'offline_access'])(
    'C29 a tool is not given %s',
    async (scope) => {
      expect(
        (await post(stage, '/token', { grant_type: 'client_credentials', client_id: 'marketing', client_secret: 'marketing-demo-secret', scope })).body,
      ).toMatchObject({ error: 'invalid_scope' })
    },
  )
})

describe('C42 C43 C44 C47 cookies and pages', () => {
  test('C42 a planted session is worth nothing after the login', async () => {
    const host = new URL(stage.url).host
    const { browser } = await signedIn(stage)
    const known = browser.cookie(host, '__Host-entente-session')
    const victim = stage.browser()
    const attacker = stage.browser()
    stage.behind.person = null
    await authorize(stage, attacker)
    for (const name of attacker.cookieNames(host)) if (name.includes('session')) victim.setCookie(host, name, attacker.cookie(host, name) ?? '')
    stage.behind.person = newCustomer()
    expect((await authorize(stage, victim)).code).not.toBeNull()
    expect(victim.cookie(host, '__Host-entente-session')).not.toBe(attacker.cookie(host, '__Host-entente-session'))
    stage.behind.person = null
    expect((await authorize(stage, attacker)).code).toBeNull()
    expect(known).toBeDefined()
  })
  test('C43 the address of a waiting login is worth nothing in another browser', async () => {
    stage.behind.person = null
    const attacker = stage.browser()
    await authorize(stage, attacker)
    const waiting = attacker.visited.at(-1) ?? ''
    expect(waiting).toContain('/login?uid=')
    expect((await stage.browser().open(waiting)).status).toBe(400)
    const uid = new URL(waiting).searchParams.get('uid') ?? ''
    expect((await stage.browser().open(`${stage.url}/oidc/auth/${uid}`)).status).toBe(400)
    expect((await attacker.open(waiting)).status).toBe(200)
  })
  test('C44 every cookie has the prefix and its conditions', async () => {
    const { browser } = await signedIn(stage)
    expect(browser.setCookies.length).toBeGreaterThan(5)
    for (const line of browser.setCookies) {
      expect(line).toMatch(/^__Host-entente-/)
      expect(line.toLowerCase()).toContain('; path=/;')
      expect(line.toLowerCase()).toMatch(/; secure/)
      expect(line.toLowerCase()).toMatch(/; httponly/)
      expect(line.toLowerCase()).toMatch(/; samesite=lax/)
      expect(line.toLowerCase()).not.toContain('domain=')
    }
    expect(browser.setCookies.some((line) => line.startsWith('__Host-entente-session.sig='))).toBe(true)
  })
  test('C45 a cookie with a wrong signature, doubled or huge, is passed over', async () => {
    const { browser } = await signedIn(stage)
    const host = new URL(stage.url).host
    const cookie = (name: string) => `${name}=${browser.cookie(host, name)}`
    stage.behind.person = null
    for (const header of [
      `__Host-entente-session=tossed; ${cookie('__Host-entente-session.sig')}`,
      `__Host-entente-session=${'x'.repeat(8000)}`,
      '__Host-entente-session=a; __Host-entente-session=b',
      `_session=${browser.cookie(host, '__Host-entente-session')}`,
    ]) {
      const answer = await fetch(
        `${stage.url}/oidc/auth?client_id=storefront&response_type=code&redirect_uri=${redirectUri}&scope=openid&code_challenge=${'x'.repeat(43)}&code_challenge_method=S256`,
        { headers: { cookie: header }, redirect: 'manual' },
      )
      expect(answer.status).toBe(303)
      expect(answer.headers.get('location')).toContain('/login?uid=')
    }
  })
  test('C47 pages are in no frame', async () => {
    const { browser } = await signedIn(stage)
    for (const path of ['/oidc/auth?client_id=nobody', '/oidc/session/end', '/oidc/session/end/success']) {
      const page = await browser.open(stage.url + path)
      expect(page.headers.get('content-type')).toContain('text/html')
      expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
      expect(page.headers.get('x-frame-options')).toBe('DENY')
      expect(page.headers.get('cache-control')).toContain('no-store')
    }
  })
})

describe('C48 C49 C50 G13 prompts', () => {
  test('C48 prompt=none asks nobody and gives nothing', async () => {
    expect((await authorize(stage, stage.browser(), { prompt: 'none' })).error).toBe('login_required')
    const { browser } = await signedIn(stage)
    stage.behind.undecided = ['personalised_shop']
    expect((await authorize(stage, browser, { prompt: 'none', scope: 'openid purpose:personalised_shop' })).error).toBe('consent_required')
    stage.behind.undecided = []
    expect((await authorize(stage, browser, { prompt: 'none', scope: 'openid purpose:personalised_shop' })).code).not.toBeNull()
  })
  test('G13 a shop the person never came to cannot tell that there is a session', async () => {
    const { browser } = await signedIn(stage)
    const stranger = await authorize(stage, stage.browser(), { client_id: 'storefront-b', prompt: 'none' })
    const known = await authorize(stage, browser, { client_id: 'storefront-b', prompt: 'none' })
    expect(known.url).toBe(stranger.url)
    expect(known.error).toBe('login_required')
    expect((await authorize(stage, browser, { client_id: 'storefront-b' })).code).not.toBeNull()
    expect((await authorize(stage, browser, { client_id: 'storefront-b', prompt: 'none' })).code).not.toBeNull()
  })
  test.for([{ prompt: 'login' }, { max_age: '0' }])('C49 %j signs in afresh', async (change) => {
    const { browser } = await signedIn(stage)
    stage.behind.asked.length = 0
    expect((await authorize(stage, browser, change)).code).not.toBeNull()
    expect(stage.behind.asked).toMatchObject([{ prompt: 'login' }])
  })
  test('C48 prompt=consent asks about every purpose with that basis, and no other', async () => {
    const { browser } = await signedIn(stage)
    stage.behind.asked.length = 0
    expect((await authorize(stage, browser, { prompt: 'consent', scope: 'openid purpose:personalised_shop purpose:order_processing' })).code).not.toBeNull()
    expect(stage.behind.asked).toMatchObject([{ prompt: 'consent', purposes: ['personalised_shop'] }])
  })
  test('C50 the ID token of another customer is no way in', async () => {
    const other = await signedIn(stage)
    const { browser } = await signedIn(stage)
    const hinted = { id_token_hint: String(other.tokens.body['id_token']), prompt: 'none' }
    expect((await authorize(stage, browser, hinted)).error).toBe('login_required')
    expect((await authorize(stage, other.browser, hinted)).code).not.toBeNull()
  })
})

test('C58 what is not used is not there', async () => {
  for (const path of ['/reg', '/device', '/device/auth', '/backchannel', '/challenge', '/credential'])
    expect((await fetch(`${stage.url}/oidc${path}`, { method: 'POST' })).status).toBe(404)
  expect((await authorize(stage, stage.browser(), { request: 'e30.e30.' })).url).toContain('request_not_supported')
  expect((await authorize(stage, stage.browser(), { request_uri: 'https://evil.example/' })).url).toContain('request_uri_not_supported')
  expect((await authorize(stage, stage.browser(), { registration: '{}' })).url).toContain('registration_not_supported')
})

test('C59 C63 URLs come from PUBLIC_URL, and every answer names the issuer', async () => {
  // `fetch` would not send another host.
  const described = await new Promise<string>((resolve, reject) => {
    const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' }
    request(`${stage.url}/oidc/.well-known/openid-configuration`, { headers }, (response) => text(response).then(resolve, reject))
      .on('error', reject)
      .end()
  })
  expect(described).not.toContain('evil.example')
  expect(described).toContain(`"authorization_endpoint":"${stage.url}/oidc/auth"`)
  const refused = await authorize(stage, stage.browser(), { scope: 'purpose:nothing' })
  expect(refused.parameters.get('iss')).toBe(`${stage.url}/oidc`)
  expect(refused.parameters.get('state')).toBe('of the shop')
})

test('C61 an error page says nothing of what was sent', async () => {
  const page = await stage
    .browser()
    .open(`${stage.url}/oidc/auth?client_id=${encodeURIComponent('<script>alert(1)</script>')}&state=stately&ui_locales=%3Cb%3E&login_hint=hinted`)
  expect(page.status).toBe(400)
  for (const sent of ['<script>', 'stately', '<b>', 'hinted', 'invalid_client']) expect(page.text).not.toContain(sent)
})

test('C64 the shop’s state comes back as it was, up to 4 kB', async () => {
  const odd = 'ä"&=+%00\u2028 \\'.repeat(400).slice(0, 4096)
  expect((await authorize(stage, stage.browser(), { state: odd })).parameters.get('state')).toBe(odd)
  expect((await authorize(stage, stage.browser(), { state: 'x'.repeat(4097) })).error).toBe('invalid_request')
})

test('an unknown provider is refused, and a customer who is gone signs in anew instead of failing', async () => {
  expect((await authorize(stage, stage.browser(), { provider: 'nobody' })).error).toBe('invalid_request')
  const { browser, customer } = await signedIn(stage)
  stage.behind.dead.add(customer)
  expect((await authorize(stage, browser, { prompt: 'none' })).error).toBe('login_required')
  stage.behind.person = null
  expect((await authorize(stage, browser)).text).toBe('login')
})
