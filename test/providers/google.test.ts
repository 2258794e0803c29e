import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose'
import * as openid from 'openid-client'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startProviders, type SimulatedProviders } from '../../demo/providers/start.ts'
import type { Switches } from '../../demo/providers/switches.ts'
import { authorize, callbackOf, challenge, post, verifier } from './authorize.ts'

let providers: SimulatedProviders
beforeAll(async () => {
  providers = await startProviders()
})
afterEach(() => {
  providers.google.behave()
  providers.haus.behave()
})
afterAll(() => providers[Symbol.asyncDispose]())

const redirectUri = 'http://localhost:4000/login/google/callback'
const client = { client_id: 'entente-demo.apps.example', redirect_uri: redirectUri }
const asked = { ...client, scope: 'openid email profile', nonce: 'the-nonce', code_challenge: challenge, code_challenge_method: 'S256' }
const ask = (members: Readonly<Record<string, string>> = {}) =>
  authorize(`${providers.google.url}/o/oauth2/v2/auth`, { ...asked, login_hint: 'anna', ...members })
const redeem = (code: string | null, members: Readonly<Record<string, string>> = {}) =>
  post(`${providers.google.url}/token`, {
    ...client,
    client_secret: 'google-demo-secret',
    grant_type: 'authorization_code',
    code: code ?? '',
    code_verifier: verifier,
    ...members,
  })

const native = async () => providers.google.idToken('anna', { audience: 'app', nonce: 'n' })
const keys = () => createRemoteJWKSet(new URL(`${providers.google.url}/oauth2/v3/certs`))
const subject = async (at: SimulatedProviders, person: string) => decodeJwt(await at.google.idToken(person, { audience: 'app' }))

async function walk(base: string, id: string, secret: string, callback: string, hint: string) {
  const config = await openid.discovery(new URL(base), id, secret, undefined, { execute: [openid.allowInsecureRequests, openid.enableNonRepudiationChecks] })
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: callback,
    scope: 'openid email profile',
    state: 's',
    nonce: 'n',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    login_hint: hint,
  })
  const back = callbackOf(await fetch(url, { redirect: 'manual' }))
  const tokens = await openid.authorizationCodeGrant(config, back, {
    expectedState: 's',
    expectedNonce: 'n',
    pkceCodeVerifier: verifier,
    idTokenExpected: true,
  })
  const claims = tokens.claims()
  return { back, claims, userinfo: await openid.fetchUserInfo(config, tokens.access_token, claims?.sub ?? '') }
}

describe('a client with a certified library signs people in', () => {
  test('at Google, with its further members in the callback', async () => {
    const { back, claims, userinfo } = await walk(providers.google.url, client.client_id, 'google-demo-secret', redirectUri, 'cem')
    expect(claims).toMatchObject({ email: 'cem@haus.example', email_verified: true, hd: 'haus.example', azp: client.client_id, family_name: 'Yılmaz' })
    expect(userinfo).toMatchObject({ email: 'cem@haus.example', hd: 'haus.example' })
    expect(claims?.sub).toMatch(/^1\d{20}$/)
    expect(back.searchParams.get('code')).toMatch(/^4\/0A/)
    expect(back.searchParams.get('scope')).toContain('https://www.googleapis.com/auth/userinfo.email')
  })

  test('at Haus, with ES256 and an announced iss', async () => {
    const { back, claims } = await walk(providers.haus.url, 'entente', 'haus-demo-secret', 'http://127.0.0.1:4000/login/haus/callback', 'cem@haus.example')
    expect(back.searchParams.get('iss')).toBe(providers.haus.url)
    expect(claims).toMatchObject({ email: 'cem@haus.example', email_verified: true, locale: 'de-DE' })
  })
})

test('people are who they were after a restart, and the crowd is endless', async () => {
  await using again = await startProviders()
  expect((await subject(again, 'anna')).sub).toBe((await subject(providers, 'anna')).sub)
  expect(await subject(providers, 'person-17')).toMatchObject({ email: 'person-17@people.example', email_verified: true })
  expect(await subject(providers, 'gmail.person.17@gmail.com')).toMatchObject({ email: 'gmail.person.17@gmail.com' })
  expect((await subject(providers, 'person-17')).sub).not.toBe((await subject(providers, 'person-18')).sub)
})

test('a port that is taken stops the start, and all that was started', async () => {
  const taken = Number(new URL(providers.google.url).port)
  await expect(startProviders({ ports: { apple: taken } })).rejects.toMatchObject({ code: 'EADDRINUSE' })
})

test('without a hint people are picked on a page, and dora cancels', async () => {
  const page = await ask({ login_hint: '' })
  expect(page.headers.get('content-security-policy')).not.toContain('unsafe-inline')
  expect(await page.text()).toContain('<button name="login_hint" value="anna">')
  const back = callbackOf(await ask({ login_hint: 'dora' }))
  expect(Object.fromEntries(back.searchParams)).toEqual({ error: 'access_denied', state: 'the-state' })
})

describe('Google refuses', () => {
  test.for([
    ['an unregistered redirect URI', { redirect_uri: 'https://evil.example/login/google/callback' }],
    ['a redirect URI with something behind it', { redirect_uri: `${redirectUri}/more` }],
    ['another provider’s redirect URI', { redirect_uri: 'http://localhost:4000/login/apple/callback' }],
    ['an unknown client', { client_id: 'unknown' }],
    ['a scope without openid', { scope: 'email' }],
  ] as const)('%s, on a page of its own', async ([, members]) => {
    const answer = await ask(members)
    expect(answer.status).toBe(400)
    expect(answer.headers.get('location')).toBeNull()
  })

  test.for([
    ['a wrong secret', { client_secret: 'guessed' }, 401, { error: 'invalid_client' }],
    ['another redirect URI', { redirect_uri: redirectUri.replace('localhost', '127.0.0.1') }, 400, { error: 'redirect_uri_mismatch' }],
    ['a wrong verifier', { code_verifier: 'x'.repeat(43) }, 400, { error: 'invalid_grant', error_description: 'Invalid code verifier.' }],
  ] as const)('a code with %s', async ([, members, status, body]) => {
    const code = callbackOf(await ask()).searchParams.get('code')
    expect(await redeem(code, members)).toMatchObject({ status, body })
  })

  test('a code for the second time, unless a switch says otherwise', async () => {
    const code = callbackOf(await ask()).searchParams.get('code')
    expect(await redeem(code)).toMatchObject({ status: 200, body: { expires_in: 3599 } })
    expect(await redeem(code)).toMatchObject({ status: 400, body: { error: 'invalid_grant', error_description: 'Malformed auth code.' } })
    providers.google.misbehave({ replayCode: true })
    const another = callbackOf(await ask()).searchParams.get('code')
    expect([await redeem(another), await redeem(another)]).toMatchObject([{ status: 200 }, { status: 200 }])
  })
})

describe('a switch', () => {
  test('is off by default: the token holds', async () => {
    const { payload } = await jwtVerify(await native(), keys(), { issuer: providers.google.url, audience: 'app', maxTokenAge: 60 })
    expect(payload).toMatchObject({ nonce: 'n', email: 'anna.demo@gmail.com' })
  })

  const falsehoods: [Switches, Record<string, unknown>][] = [
    [{ wrongIssuer: true }, { iss: 'https://issuer.evil.example' }],
    [{ wrongAudience: 'other' }, { aud: 'other', azp: 'other' }],
    [{ extraAudience: true }, { aud: ['app', 'somebody-else'], azp: 'app' }],
    [{ wrongAzp: true }, { aud: 'app', azp: 'somebody-else' }],
    [{ wrongNonce: true }, { nonce: 'of-another-login' }],
    [
      { email: 'a@b.example', emailVerified: 'FALSE' },
      { email: 'a@b.example', email_verified: 'FALSE' },
    ],
    [{ subject: '' }, { sub: '' }],
    [{ claims: { aud: [] } }, { aud: [] }],
  ]
  test.for(falsehoods)('%j falsifies the claims', async ([switches, claims]) => {
    providers.google.misbehave(switches)
    expect(decodeJwt(await native())).toMatchObject(claims)
  })

  test.for([{ badSignature: true }, { algNone: true }, { hs256: true }, { unknownKid: true }, { expired: 31 }, { header: { crit: ['exp2'], exp2: 1 } }])(
    '%j spoils the token',
    async (switches) => {
      providers.google.misbehave(switches)
      await expect(jwtVerify(await native(), keys())).rejects.toBeInstanceOf(errors.JOSEError)
    },
  )

  test('rotates keys at once', async () => {
    const old = await native()
    await providers.google.rotateKeys()
    await expect(jwtVerify(old, keys())).rejects.toThrow(/no applicable key/)
    await expect(jwtVerify(await native(), keys())).resolves.toBeDefined()
  })

  test('makes profiles hostile, huge and deep', async () => {
    providers.google.misbehave({ hostileProfile: true, hugeProfile: true, deepProfile: true })
    const [, payload = ''] = (await native()).split('.')
    const text = Buffer.from(payload, 'base64url').toString()
    expect(text.length).toBeGreaterThan(500_000)
    expect(text).toContain('"__proto__":{"polluted":true}')
    expect(text).toContain('[[[[')
  })

  test('spoils keys, discovery and the connection', async () => {
    const { google } = providers
    const get = (path: string) => fetch(`${google.url}${path}`)
    google.misbehave({ extraJwksKeys: true, lieDiscovery: true, issParam: 'present', status: { userinfo: 503 } })
    expect(await (await get('/oauth2/v3/certs')).json()).toMatchObject({ keys: expect.arrayContaining([expect.objectContaining({ kty: 'oct' })]) })
    expect(await (await get('/.well-known/openid-configuration')).json()).toMatchObject({
      issuer: 'https://endpoints.evil.example',
      authorization_response_iss_parameter_supported: true,
    })
    expect((await get('/v1/userinfo')).headers.get('retry-after')).toBe('30')
    google.misbehave({ status: {}, gzipBomb: 'userinfo' })
    expect((await (await get('/v1/userinfo')).text()).length).toBeGreaterThan(100_000_000)
    google.misbehave({ slow: 1, slowBytes: 1 })
    expect(await redeem('4/none', { client_id: 'unknown' })).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
    google.misbehave({ down: ['jwks'] })
    await expect(get('/oauth2/v3/certs')).rejects.toThrow('fetch failed')
    expect((await get('/.well-known/openid-configuration')).status).toBe(200)
  })

  test('is set, read and reset over HTTP', async () => {
    const { google } = providers
    const steer = (path: string, body?: unknown) =>
      fetch(`${google.url}/__sim/${path}`, { method: 'POST', ...(body !== undefined && { body: JSON.stringify(body) }) })
    expect((await steer('set', { algNone: 'nOnE' })).status).toBe(200)
    expect((await steer('set', { algNoone: true })).status).toBe(400)
    const token = await (await fetch(`${google.url}/__sim/id-token?person=ben&audience=app&nonce=n`)).text()
    expect(decodeProtectedHeader(token).alg).toBe('nOnE')
    google.forgetRequests()
    await redeem('4/none')
    expect(google.requests).toMatchObject([{ method: 'POST', path: '/token', form: { code: '4/none' } }])
    await steer('reset')
    expect(google.requests).toEqual([])
    expect(decodeProtectedHeader(await native()).alg).toBe('RS256')
  })
})
