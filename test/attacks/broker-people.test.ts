import { createHmac } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Switches } from '../../demo/providers/switches.ts'
import { cleanLocale, cleanName, cleanPicture } from '../../src/broker/claims.ts'
import { openProviders } from '../../src/broker/providers.ts'
import { Broker, clientIds, codeOf, configFor, outcome } from '../broker/dialects.ts'

let broker: Broker
beforeAll(async () => {
  broker = await Broker.start()
})
beforeEach(() => broker.restart())
afterAll(() => broker[Symbol.asyncDispose]())

const withUser = (user: string) => broker.signIn('apple', 'ben', (callback) => ({ ...callback, parameters: { ...callback.parameters, user } }))

describe('what people call themselves', () => {
  test('A54 markup stays text, as it was written', () => {
    for (const name of ['<img src=x onerror=alert(1)>', '{{7*7}}', '"><script>alert(1)</script>', "O'Brien & Söhne"]) expect(cleanName(name)).toBe(name)
  })

  test.each([
    ['NUL and CR LF', 'Eva\0\r\nSet-Cookie: a=b', 'Eva Set-Cookie: a=b'],
    ['ANSI escapes', '\u001b[31mEva', '[31mEva'],
    ['bidi overrides and isolates', '\u202egnp.avE\u2066\u200f', 'gnp.avE'],
    ['zero width, soft hyphen, byte order mark', 'E\u200bv\u00ada\ufeff', 'Eva'],
    ['lone surrogates', 'E\ud800va\udc00', 'Eva'],
    ['line separators', 'Eva\u2028Eva', 'Eva Eva'],
    ['composed', 'Zoe\u0308', 'Zoë'],
    ['a pair of surrogates', 'Eva 🎈', 'Eva 🎈'],
    ['nothing left', '\u200b\u0000 ', undefined],
    ['no text', ['Eva'], undefined],
    ['no text', { toString: 'Eva' }, undefined],
  ])('A55 %s', (_, said, kept) => {
    expect(cleanName(said)).toBe(kept)
  })

  test('A55 cut to 200 characters, well-formed, within milliseconds', () => {
    const started = performance.now()
    expect(cleanName('a\u0301'.repeat(500_000))).toHaveLength(200)
    expect(cleanName('🎈'.repeat(300))).toBe('🎈'.repeat(200))
    expect(cleanName(`${'x'.repeat(3999)}🎈`)?.isWellFormed()).toBe(true)
    expect(performance.now() - started).toBeLessThan(50)
  })

  test.each([
    'javascript:alert(1)',
    'data:text/html,x',
    'http://pictures.example/a.png',
    'file:///etc/passwd',
    'https://169.254.169.254/a',
    'https://localhost/a',
    'https://[::1]/a',
    'https://2130706433/a',
    'https://me:pw@pictures.example/a',
    `https://pictures.example/${'a'.repeat(2048)}`,
    'https:',
    '',
    7,
    null,
  ])('A53 A56 no picture from %s', (url) => {
    expect(cleanPicture(url)).toBeUndefined()
  })

  test('a picture and a locale as they should be', () => {
    expect(cleanPicture('https://pictures.example/a.png?s=96')).toBe('https://pictures.example/a.png?s=96')
    expect([cleanLocale('de_DE'), cleanLocale('EN-gb'), cleanLocale('zh-Hant-TW')]).toEqual(['de-DE', 'en-GB', 'zh-Hant-TW'])
    for (const odd of ['d', 'de\r\n', 'x'.repeat(50), '../etc', 'de-x', 7]) expect(cleanLocale(odd)).toBeUndefined()
  })
})

describe('Apple', () => {
  test('A65 the address in the unsigned form is never read', async () => {
    const claims = await withUser(JSON.stringify({ name: { firstName: 'Ben' }, email: 'victim@shop.example' }))
    expect(claims.address?.value).toMatch(/@privaterelay\.appleid\.com$/)
    expect(claims).toMatchObject({ givenName: 'Ben' })
    expect(claims).not.toHaveProperty('familyName')
  })

  test.each([
    '{',
    '[]',
    '"x"',
    'null',
    '{"name":7}',
    '{"name":{"firstName":["Ben"]}}',
    `{"name":{"firstName":"${'x'.repeat(1_000_000)}"}}`,
    '{"__proto__":{"name":{"firstName":"x"}}}',
  ])('A66 an odd name is no name: %.40s', async (user) => {
    const claims = await withUser(user)
    expect(claims).not.toHaveProperty('givenName')
    expect('name' in {}).toBe(false)
  })

  test('A66 first and last name end where they belong, as text', async () => {
    const claims = await withUser(JSON.stringify({ name: { firstName: '<b>Ben</b>\u202e', lastName: 'Fischer' } }))
    expect(claims).toMatchObject({ givenName: '<b>Ben</b>', familyName: 'Fischer' })
  })

  test('A67 the name comes once, and its absence is absence', async () => {
    broker.sims.apple.misbehave({ forgetUser: true })
    expect(await broker.signIn('apple', 'anna')).toMatchObject({ givenName: 'Anna' })
    broker.sims.apple.behave()
    const again = await broker.signIn('apple', 'anna')
    expect(again).not.toHaveProperty('givenName')
    expect(again).not.toHaveProperty('familyName')
  })

  test('A69 a relay is flagged, be it said as text or not', async () => {
    for (const strings of [false, true]) {
      broker.sims.apple.misbehave({ strings })
      expect((await broker.signIn('apple', 'ben')).address).toMatchObject({ relay: true, proof: 'authoritative' })
      expect((await broker.signIn('apple', 'anna')).address).not.toHaveProperty('relay')
    }
  })

  test('an iCloud address is Apple’s to vouch for; a relay flag on a foreign domain does not make it so', async () => {
    broker.sims.apple.misbehave({ email: 'ada@icloud.com' })
    expect((await broker.signIn('apple', 'anna')).address).toEqual({ value: 'ada@icloud.com', proof: 'authoritative' })
    broker.sims.apple.misbehave({ email: 'victim@shop.example' })
    expect((await broker.signIn('apple', 'ben')).address).toEqual({ value: 'victim@shop.example', proof: 'verified', relay: true })
  })

  test('A70 a client secret of its own for each request, by post, minutes long', async () => {
    await broker.signIn('apple')
    await broker.signIn('apple')
    const secrets = broker.sims.apple.requests.flatMap(({ form }) => form.client_secret ?? [])
    expect(secrets).toHaveLength(2)
    const [secret = ''] = secrets
    const { iss, sub, aud, iat = 0, exp = 0 } = decodeJwt(secret)
    expect(decodeProtectedHeader(secret)).toEqual({ alg: 'ES256', kid: 'DEMOKEY001' })
    expect({ iss, sub, aud }).toEqual({ iss: 'DEMOTEAM01', sub: clientIds.apple, aud: broker.sims.apple.url })
    expect(exp - iat).toBeLessThanOrEqual(600)
    expect(iat).toBeLessThanOrEqual(Math.floor(Date.now() / 1000) - 29)
    expect(JSON.stringify(broker.sims.apple.requests.map(({ query }) => query))).not.toContain(secret)
    broker.ahead = 30 * 86_400_000
    broker.sims.apple.misbehave({ clock: 30 * 86_400 })
    expect(await outcome(broker.signIn('apple'))).toBe('ok')
  })
})

test.each([
  ['google', true, 'authoritative'],
  ['google', 'true', 'authoritative'],
  ['google', 'false', 'none'],
  ['google', false, 'none'],
  ['google', 'FALSE', 'none'],
  ['google', 'True', 'none'],
  ['google', 1, 'none'],
  ['google', undefined, 'none'],
  ['google', {}, 'none'],
  ['apple', true, 'verified'],
  ['apple', 'true', 'verified'],
  ['apple', 'false', 'none'],
  ['apple', 1, 'none'],
  ['apple', undefined, 'none'],
  ['haus', true, 'authoritative'],
  ['haus', 'true', 'none'],
  ['haus', 'false', 'none'],
  ['haus', undefined, 'none'],
] as const)('A68 %s says email_verified: %j', async (provider, emailVerified, proof) => {
  broker.sims[provider].misbehave({ emailVerified })
  // Haus is believed for its own domain alone.
  expect((await broker.signIn(provider, provider === 'haus' ? 'cem' : 'anna')).address?.proof).toBe(proof)
})

test('A68 a provider that writes its flags as text, where that is configured', async () => {
  broker.restart((config) => ({ ...config, further: config.further.map((one) => ({ ...one, textFlags: true })) }))
  broker.sims.haus.misbehave({ emailVerified: 'true' })
  expect((await broker.signIn('haus', 'cem')).address?.proof).toBe('authoritative')
  broker.sims.haus.misbehave({ emailVerified: 'false' })
  expect((await broker.signIn('haus', 'cem')).address?.proof).toBe('none')
})

test('A83 an address that merely looks like one of Google’s', async () => {
  for (const email of ['a@gmail.com.evil.example', 'a@notgmail.com', 'a@g-mail.com']) {
    broker.sims.google.misbehave({ email, claims: { hd: '' } })
    expect((await broker.signIn('google')).address).toEqual({ value: email, proof: 'verified' })
  }
  broker.sims.google.misbehave({ email: 'a@\uff47mail.com' })
  expect(await broker.signIn('google')).not.toHaveProperty('address')
})

describe('Facebook', () => {
  test('A74 no address: declined, never had, or withheld by Facebook', async () => {
    for (const person of ['cem', 'finn']) expect(await broker.signIn('facebook', person)).not.toHaveProperty('address')
    broker.sims.facebook.misbehave({ noAdvancedAccess: true })
    expect(await broker.signIn('facebook', 'anna')).not.toHaveProperty('address')
    for (const email of ['', 'undefined', 'null']) {
      broker.sims.facebook.misbehave({ noAdvancedAccess: false, email })
      expect(await broker.signIn('facebook', 'anna')).not.toHaveProperty('address')
    }
  })

  test('A75 an address is never proven, whatever flag comes with it', async () => {
    broker.sims.facebook.misbehave({ userinfo: { email_verified: true, verified: true }, claims: { email_verified: true } })
    expect((await broker.signIn('facebook', 'mallory')).address).toEqual({ value: 'anna.demo@gmail.com', proof: 'none' })
    const token = await broker.sims.facebook.idToken('mallory', { audience: clientIds.facebook, nonce: 'the-nonce' })
    expect((await broker.verify('facebook', token)).address?.proof).toBe('none')
  })

  test.each(['wrongApp', 'invalid', 'expired', 'page', 'otherUser', 'noScopes'] as const)('A76 A77 debug_token says %s', async (debugToken) => {
    broker.sims.facebook.misbehave({ debugToken })
    expect(await outcome(broker.signIn('facebook'))).toBe('LOGIN_DENIED debug_token')
  })

  test('A78 every Graph call is proven, and the secret is in no address', async () => {
    broker.sims.facebook.misbehave({ requireProof: true })
    expect(await outcome(broker.signIn('facebook'))).toBe('ok')
    const calls = broker.sims.facebook.requests.filter(({ path }) => /\/me$|debug_token/.test(path))
    expect(calls).toHaveLength(2)
    for (const { query, headers } of calls) {
      const token = headers.authorization?.replace('Bearer ', '') ?? ''
      expect(query.appsecret_proof).toBe(createHmac('sha256', 'demo-app-secret').update(token).digest('hex'))
    }
    expect(JSON.stringify(broker.sims.facebook.requests.map(({ query, path }) => [path, query]))).not.toContain('demo-app-secret')
    expect(broker.sims.facebook.requests.find(({ path }) => path.endsWith('/access_token'))?.method).toBe('POST')
  })

  test.each<[NonNullable<Switches['graphError']>, string]>([
    [{ code: 1 }, 'PROVIDER_UNAVAILABLE'],
    [{ code: 2, status: 500 }, 'PROVIDER_UNAVAILABLE'],
    [{ code: 4 }, 'PROVIDER_UNAVAILABLE'],
    [{ code: 101 }, 'PROVIDER_UNAVAILABLE'],
    [{ code: 100 }, 'LOGIN_DENIED'],
    [{ code: 100, subcode: 36009 }, 'LOGIN_EXPIRED'],
    [{ code: 190, subcode: 460, status: 401 }, 'LOGIN_DENIED'],
    [{ code: 191 }, 'PROVIDER_UNAVAILABLE'],
  ])('error %j', async (graphError, code) => {
    broker.sims.facebook.misbehave({ graphError })
    expect(await codeOf(broker.signIn('facebook'))).toBe(code)
  })

  test('the placeholder picture is not taken, nor one at a private address', async () => {
    broker.sims.facebook.misbehave({ userinfo: { picture: { data: { url: 'https://pictures.example/a.png', is_silhouette: true } } } })
    expect(await broker.signIn('facebook')).not.toHaveProperty('pictureUrl')
    broker.sims.facebook.misbehave({ userinfo: { picture: 'https://pictures.example/a.png' } })
    expect(await broker.signIn('facebook')).not.toHaveProperty('pictureUrl')
    broker.sims.facebook.misbehave({ userinfo: {} })
    expect(await broker.signIn('facebook')).toHaveProperty('pictureUrl')
  })
})

describe('A29 an empty configuration starts nothing', () => {
  test.each([
    ['GOOGLE_CLIENT_ID', { google: { clientId: '', clientSecret: 's' } }],
    ['GOOGLE_CLIENT_SECRET', { google: { clientId: 'c', clientSecret: ' ' } }],
    ['APPLE_KEY_ID', { apple: { clientId: 'c', teamId: 't', keyId: '', privateKey: 'k' } }],
    ['APPLE_PRIVATE_KEY', { apple: { clientId: 'c', teamId: 't', keyId: 'k', privateKey: 'no key' } }],
    ['FACEBOOK_CLIENT_SECRET', { facebook: { clientId: 'c', clientSecret: '', graphVersion: 'v26.0' } }],
  ])('%s', (name, config) => {
    expect(() => openProviders({ further: [], allowLoopback: false, ...config })).toThrow(name)
  })

  test('an absent provider is simply not there, and the order is the one of the buttons', () => {
    const { google, apple, facebook, further } = configFor(broker.sims)
    expect([...openProviders({ allowLoopback: true, facebook, further, apple, google }).keys()]).toEqual(['google', 'apple', 'facebook', 'haus'])
    expect([...openProviders({ allowLoopback: true, further: [], google }).keys()]).toEqual(['google'])
  })
})
