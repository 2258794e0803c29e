import { createHmac, generateKeyPairSync } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Switches } from '../../demo/providers/switches.ts'
import { Broker, clientIds, outcome } from '../broker/dialects.ts'

let broker: Broker
beforeAll(async () => {
  broker = await Broker.start()
})
beforeEach(() => broker.restart())
afterAll(() => broker[Symbol.asyncDispose]())

const native = { audience: clientIds.google, nonce: 'the-nonce' }
const genuine = (facts: object = {}) => broker.sims.google.idToken('anna', { ...native, ...facts })
const encode = (value: string) => Buffer.from(value).toString('base64url')
const decode = (part = '') => Buffer.from(part, 'base64url').toString()

/** The key set as the provider publishes it. */
async function publishedKeys(): Promise<{ keys: { kid: string }[] }> {
  const response = await fetch(`${broker.sims.google.url}/oauth2/v3/certs`)
  return (await response.json()) as { keys: { kid: string }[] }
}

const echoed = async (provider: 'apple' | 'google', nonce: string) =>
  broker.verify(provider, await broker.sims[provider].idToken('anna', { audience: clientIds[provider], nonce }), 'demo-nonce')

/** Each row is guarded by one line of `verifyIdToken` and holds for both ways in: the code flow and the device. */
describe('an ID token that no honest provider sends', () => {
  const rows: readonly [string, Switches, check: string][] = [
    ['A30 bad signature', { badSignature: true }, 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED'],
    ['A30 unknown kid', { unknownKid: true }, 'kid'],
    ['A31 alg none', { algNone: true }, 'shape'],
    ['A31 alg nOnE', { algNone: 'nOnE' }, 'shape'],
    ['A32 HS256 with the public key', { hs256: true }, 'alg'],
    ['A33 an algorithm that this provider does not use', { header: { alg: 'ES256' } }, 'alg'],
    ['A34 aud of another app', { wrongAudience: true }, 'aud'],
    ['A34 aud empty list', { claims: { aud: [] } }, 'aud'],
    ['A34 aud missing', { dropClaims: ['aud'] }, 'aud'],
    ['A34 aud number', { claims: { aud: 7 } }, 'aud'],
    ['A35 further audience', { extraAudience: true }, 'further aud'],
    ['A36 azp of another', { wrongAzp: true }, 'azp'],
    ['A37 issuer with a slash', { wrongIssuer: 'https://accounts.google.com/' }, 'iss'],
    ['A37 issuer in capitals', { wrongIssuer: 'HTTPS://ACCOUNTS.GOOGLE.COM' }, 'iss'],
    ['A37 real issuer where another is configured', { wrongIssuer: 'https://accounts.google.com' }, 'iss'],
    ['A38 expired 31 s ago', { expired: 31 }, 'exp'],
    ['A38 expired an hour ago', { expired: true }, 'exp'],
    ['A39 iat a day ahead', { issuedInFuture: true }, 'iat ahead'],
    ['A39 iat 30 days old', { oldIssuedAt: true }, 'iat old'],
    ['A39 lives ten years', { longLived: true }, 'lifetime'],
    ['A40 nbf ahead', { claims: { nbf: Math.floor(Date.now() / 1000) + 3600 } }, 'nbf'],
    ['A40 exp as text', { claims: { exp: '9999999999' } }, 'exp'],
    ['A40 exp negative', { claims: { exp: -1 } }, 'exp'],
    ['A40 exp missing', { dropClaims: ['exp'] }, 'exp'],
    ['A40 iat missing', { dropClaims: ['iat'] }, 'iat'],
    ['A41 sub missing', { dropClaims: ['sub'] }, 'sub'],
    ...['', 7, ['a'], { a: 1 }, 'x'.repeat(256), 'a\0b', 'a\nb', 'ä'].map((sub): [string, Switches, string] => [
      `A41 sub ${JSON.stringify(sub).slice(0, 12)}`,
      { claims: { sub } },
      'sub',
    ]),
    ['A44 jku in the header', { header: { jku: 'https://keys.evil.example/' } }, 'key in header'],
    ['A44 jwk in the header', { header: { jwk: { kty: 'RSA' } } }, 'key in header'],
    ['A44 x5u in the header', { header: { x5u: 'https://keys.evil.example/' } }, 'key in header'],
    ['A44 x5c in the header', { header: { x5c: ['AA=='] } }, 'key in header'],
    ['A45 crit', { header: { crit: ['exp2'], exp2: 1 } }, 'ERR_JOSE_NOT_SUPPORTED'],
    ['A48 at_hash of another token', { wrongAtHash: true }, 'at_hash'],
    ['A49 logout token', { header: { typ: 'logout+jwt' } }, 'typ'],
    ['A49 access token', { header: { typ: 'at+jwt' } }, 'typ'],
    ['A49 security event', { header: { typ: 'secevent+jwt' } }, 'typ'],
    ['A11 no nonce', { dropNonce: true }, 'nonce'],
    ['A11 nonce of another login', { wrongNonce: true }, 'nonce'],
    ['A11 nonce empty', { claims: { nonce: '' } }, 'nonce'],
  ]

  // A device token has no access token beside it, and what has not even the shape of an ID token is the client's mistake.
  const atTheDevice: Readonly<Record<string, string>> = { at_hash: 'ok', shape: 'BAD_USER_INPUT shape' }

  test.each(rows)('%s', async (_, switches, check) => {
    broker.sims.google.misbehave(switches)
    expect(await outcome(broker.signIn('google'))).toBe(`LOGIN_DENIED ${check}`)
    expect(await outcome(broker.verify('google', await genuine()))).toBe(atTheDevice[check] ?? `LOGIN_DENIED ${check}`)
    broker.sims.google.behave()
    expect(await outcome(broker.signIn('google'))).toBe('ok')
    expect(await outcome(broker.verify('google', await genuine()))).toBe('ok')
  })

  test('the last values that pass: 29 s expired, 29 s ahead, a day of life, 255 characters', async () => {
    const edges: readonly Switches[] = [
      { expired: 25 },
      { issuedInFuture: 25 },
      { longLived: 86_395 },
      { claims: { sub: 'x'.repeat(255) } },
      { header: { typ: undefined } },
      { header: { typ: 'jwt' } },
    ]
    for (const switches of edges) {
      broker.sims.google.behave()
      broker.sims.google.misbehave(switches)
      expect(await outcome(broker.verify('google', await genuine()))).toBe('ok')
    }
  })

  test('A35 a further audience passes where it is configured', async () => {
    broker.restart((config) => ({ ...config, further: config.further.map((one) => ({ ...one, trustedAudiences: ['somebody-else'] })) }))
    broker.sims.haus.misbehave({ extraAudience: true })
    expect(await outcome(broker.signIn('haus'))).toBe('ok')
    broker.sims.haus.misbehave({ extraAudience: 'a-third' })
    expect(await outcome(broker.signIn('haus'))).toBe('LOGIN_DENIED further aud')
  })

  test('A39 a token that is older than the login it answers', async () => {
    const login = broker.begin('google', 'anna')
    const callback = await broker.answer(login)
    broker.sims.google.misbehave({ oldIssuedAt: 120 })
    expect(await outcome(broker.provider('google').exchange(login, callback))).toBe('LOGIN_DENIED iat old')
  })
})

describe('forged by hand', () => {
  test('A32 HMAC with the key set or the client secret as the key', async () => {
    const [, payload = ''] = (await genuine()).split('.')
    const kid = (await publishedKeys()).keys[0]?.kid
    for (const secret of [JSON.stringify(await publishedKeys()), 'google-demo-secret']) {
      const input = `${encode(JSON.stringify({ alg: 'HS256', kid }))}.${payload}`
      expect(await outcome(broker.verify('google', `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`))).toBe('LOGIN_DENIED alg')
    }
  })

  test('A33 A44 a stranger’s key under a known kid, brought along in the header or not', async () => {
    const token = await genuine()
    const { kid = '' } = decodeProtectedHeader(token)
    const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const forged = (header: object) => new SignJWT(decodeJwt(token)).setProtectedHeader({ alg: 'RS256', kid, ...header }).sign(stranger.privateKey)
    expect(await outcome(broker.verify('google', await forged({})))).toBe('LOGIN_DENIED ERR_JWS_SIGNATURE_VERIFICATION_FAILED')
    expect(await outcome(broker.verify('google', await forged({ jwk: stranger.publicKey.export({ format: 'jwk' }) })))).toBe('LOGIN_DENIED key in header')
  })

  test('A50 the payload changed, doubled or no object', async () => {
    const [header, payload, signature] = (await genuine()).split('.')
    const withPayload = (json: string) => broker.verify('google', [header, encode(json), signature].join('.'))
    expect(await outcome(withPayload(decode(payload).replace('anna', 'ben')))).toBe('LOGIN_DENIED ERR_JWS_SIGNATURE_VERIFICATION_FAILED')
    expect(await outcome(withPayload('[]'))).toMatch(/^LOGIN_DENIED /)
    expect(await outcome(broker.verify('google', `${encode('[1]')}.${payload}.${signature}`))).toMatch(/^LOGIN_DENIED /)
    expect(await outcome(broker.verify('google', `${encode('\xff{')}.${payload}.${signature}`))).toMatch(/^LOGIN_DENIED /)
  })

  test('A50 A96 five parts, a thousand dots, a megabyte: refused before anything is decoded or asked', async () => {
    const token = await genuine()
    const oversize = ['a.b.c.d.e', 'a'.repeat(1_000_000), `${token}${'A'.repeat(1_000_000)}`, '.'.repeat(1000), `${token}.`, '', ' ', `${token}\n`]
    for (const text of oversize) expect(await outcome(broker.verify('google', text))).toBe('BAD_USER_INPUT shape')
    expect(broker.requestsTo('google', /./)).toBe(0)
    expect(await outcome(broker.verify('google', token))).toBe('ok')
  })
})

describe('tokens from the device', () => {
  test('A87 a Google access token or the output of tokeninfo', async () => {
    expect(await outcome(broker.verify('google', 'ya29.a0AfH6SMBx'))).toBe('BAD_USER_INPUT shape')
    expect(await outcome(broker.verify('google', '{"aud":"entente-demo.apps.example","sub":"1"}'))).toBe('BAD_USER_INPUT shape')
  })

  test('A79 Limited Login: another issuer, another app, no nonce, or an access token instead', async () => {
    const facts = { audience: clientIds.facebook, nonce: 'the-nonce' }
    const token = (facets: object) => broker.sims.facebook.idToken('anna', { ...facts, ...facets })
    expect(await outcome(broker.verify('facebook', await token({ claims: { iss: 'https://facebook.com' } })))).toBe('LOGIN_DENIED iss')
    expect(await outcome(broker.verify('facebook', await token({ audience: '200000000000002' })))).toBe('LOGIN_DENIED aud')
    expect(await outcome(broker.verify('facebook', await broker.sims.facebook.idToken('anna', { audience: clientIds.facebook })))).toBe('LOGIN_DENIED nonce')
    expect(await outcome(broker.verify('facebook', 'EAABsbCS1iHgBAKz'))).toBe('LOGIN_DENIED not an ID token')
    expect(await outcome(broker.verify('facebook', await token({})))).toBe('ok')
    broker.restart()
    broker.sims.facebook.misbehave({ limitedHost: true })
    expect(await outcome(broker.verify('facebook', await token({})))).toBe('ok')
  })

  test('A88 A92 A73 an audience that is not registered for this client, or no audience at all', async () => {
    const token = await genuine()
    expect(await outcome(broker.verify('google', token, 'the-nonce', ['app-of-storefront-b']))).toBe('LOGIN_DENIED aud')
    expect(await outcome(broker.verify('google', token, 'the-nonce', []))).toBe('LOGIN_DENIED aud')
    const ios = await broker.sims.apple.idToken('anna', { audience: 'example.entente.ios', nonce: 'the-nonce' })
    expect(await outcome(broker.verify('apple', ios))).toBe('LOGIN_DENIED aud')
    expect(await outcome(broker.verify('apple', ios, 'the-nonce', ['example.entente.ios']))).toBe('ok')
  })

  test('A93 a Google token said to be Apple’s', async () => {
    const token = await broker.sims.google.idToken('anna', { audience: clientIds.apple, nonce: 'the-nonce' })
    expect(await outcome(broker.verify('apple', token))).toMatch(/^LOGIN_DENIED /)
  })

  test('A90 Apple echoes the nonce plain or as hex SHA-256, nothing else; the others plain only', async () => {
    const hashed = '0f5a5c0d885588a14ac2ffa84547ee5c6556aa6d2f0920f9c5046b56e0bd8fa0'
    expect(await outcome(echoed('apple', 'demo-nonce'))).toBe('ok')
    expect(await outcome(echoed('apple', hashed))).toBe('ok')
    expect(await outcome(echoed('apple', Buffer.from(hashed, 'hex').toString('base64')))).toBe('LOGIN_DENIED nonce')
    expect(await outcome(echoed('google', hashed))).toBe('LOGIN_DENIED nonce')
  })

  test('A71 Apple could not carry the nonce', async () => {
    broker.sims.apple.misbehave({ dropNonce: true, claims: { nonce_supported: false } })
    expect(await outcome(broker.signIn('apple'))).toBe('LOGIN_DENIED nonce')
  })
})

describe('issuer families', () => {
  test('A89 Google with and without https:// is one identity', async () => {
    const long = await broker.signIn('google')
    broker.sims.google.misbehave({ issShort: true })
    const short = await broker.signIn('google')
    expect([short.issuer, short.subject]).toEqual([long.issuer, long.subject])
    expect(long.issuer).toBe('https://accounts.google.com')
  })

  test('A72 Apple’s two hosts are one identity, a third is none', async () => {
    const usual = await broker.signIn('apple')
    broker.sims.apple.misbehave({ issuerFlip: true, wrongIssuer: `${broker.sims.apple.url}/account` })
    const flipped = await broker.signIn('apple')
    expect([flipped.issuer, flipped.subject]).toEqual([usual.issuer, usual.subject])
    broker.sims.apple.misbehave({ wrongIssuer: `${broker.sims.apple.url}.evil.example` })
    expect(await outcome(broker.signIn('apple'))).toBe('LOGIN_DENIED iss')
  })

  test('A80 the same number in two Facebook apps is two people', async () => {
    const [one, other] = ['100000000000001', '200000000000002']
    broker.sims.facebook.misbehave({ subject: '4711' })
    const claims = async (app = '') =>
      broker.verify('facebook', await broker.sims.facebook.idToken('anna', { audience: app, nonce: 'the-nonce' }), 'the-nonce', [app])
    expect(await claims(one)).toMatchObject({ issuer: 'https://www.facebook.com/100000000000001', subject: '4711' })
    expect(await claims(other)).toMatchObject({ issuer: 'https://www.facebook.com/200000000000002', subject: '4711' })
    expect((await broker.signIn('facebook')).issuer).toBe('https://www.facebook.com/100000000000001')
  })
})

describe('a Google provider for one hosted domain', () => {
  test('A81 A82 the signed hd counts, on every way in', async () => {
    broker.restart((config) => ({ ...config, google: { ...config.google, hostedDomain: 'haus.example' } }))
    expect(await outcome(broker.signIn('google', 'cem'))).toBe('ok')
    expect(await outcome(broker.signIn('google', 'anna'))).toBe('LOGIN_DENIED hd')
    expect(await outcome(broker.verify('google', await genuine()))).toBe('LOGIN_DENIED hd')
    broker.sims.google.misbehave({ email: 'anna@haus.example' })
    expect(await outcome(broker.signIn('google', 'anna'))).toBe('LOGIN_DENIED hd')
    broker.sims.google.misbehave({ claims: { hd: 'haus.example.evil.example' } })
    expect(await outcome(broker.signIn('google', 'anna'))).toBe('LOGIN_DENIED hd')
  })
})
