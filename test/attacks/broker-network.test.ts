import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CompactSign } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Switches } from '../../demo/providers/switches.ts'
import { verifyIdToken, type IdTokenRules } from '../../src/broker/id-token.ts'
import { providerHttp } from '../../src/broker/provider-http.ts'
import { openKeys } from '../../src/broker/provider-keys.ts'
import { isPublicAddress, isPublicHost } from '../../src/broker/public-address.ts'
import { Broker, clientIds, codeOf, outcome } from '../broker/dialects.ts'

let broker: Broker
beforeAll(async () => {
  broker = await Broker.start()
})
beforeEach(() => broker.restart())
afterEach(() => {
  vi.useRealTimers()
})
afterAll(() => broker[Symbol.asyncDispose]())

const deviceToken = () => broker.sims.google.idToken('anna', { audience: clientIds.google, nonce: 'the-nonce' })

/** A server that answers as told and counts who connects. */
async function listen(answer: RequestListener) {
  const server = createServer(answer)
  const seen = { connections: 0 }
  server.on('connection', () => (seen.connections += 1))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return { port, seen, [Symbol.asyncDispose]: async () => void (server.closeAllConnections(), await once(server.close(), 'close')) }
}

/** Claims that pass where the issuer is https://own.example and the client is "us". */
const payload = () =>
  JSON.stringify({ iss: 'https://own.example', aud: 'us', sub: 's', nonce: 'n', iat: Math.floor(Date.now() / 1000), exp: Math.floor(Date.now() / 1000) + 60 })

/** What becomes of a token when its provider publishes these keys. */
async function verified(token: string, keys: readonly JsonWebKey[]): Promise<string> {
  await using server = await listen((_, response) => response.end(JSON.stringify({ keys })))
  const parts = { http: providerHttp({ provider: 'own', allowLoopback: true }), now: Date.now }
  const rules: IdTokenRules = {
    provider: 'own',
    issuers: ['https://own.example'],
    algorithms: ['RS256'],
    now: Date.now,
    keys: openKeys({ ...parts, urls: async () => [`http://127.0.0.1:${server.port}/`] }),
  }
  return await outcome(verifyIdToken(rules, token, { nonce: 'n', audiences: ['us'] }))
}

const tokenRequests = () => broker.requestsTo('haus', /token/) + broker.requestsTo('google', /token/)
const afterChange = (change: Record<string, string>) => outcome(changedCallback('haus', change))
const changedCallback = (provider: 'google' | 'haus', change: Record<string, string>) =>
  broker.signIn(provider, 'anna', (callback) => ({ ...callback, parameters: { ...callback.parameters, ...change } }))

describe('keys', () => {
  test('A43 a flood of unknown keys costs one fetch, and honest people still get in', async () => {
    expect(await outcome(broker.signIn('google'))).toBe('ok')
    broker.sims.google.forgetRequests()
    broker.sims.google.misbehave({ unknownKid: true })
    const tokens = await Promise.all(Array.from({ length: 200 }, deviceToken))
    broker.sims.google.behave()
    const flood = tokens.map((token) => outcome(broker.verify('google', token)))
    expect(await outcome(broker.signIn('google'))).toBe('ok')
    expect(new Set(await Promise.all(flood))).toEqual(new Set(['LOGIN_DENIED kid']))
    expect(broker.requestsTo('google', /certs/)).toBe(1)
  })

  test('A43 twenty cold callers share one fetch of the metadata and one of the keys', async () => {
    const token = await deviceToken()
    await Promise.all(Array.from({ length: 20 }, () => broker.verify('google', token)))
    expect([broker.requestsTo('google', /configuration/), broker.requestsTo('google', /certs/)]).toEqual([1, 1])
  })

  test('A46 secrets, private, encryption and doubled keys in the set are passed over', async () => {
    broker.sims.google.misbehave({ extraJwksKeys: true })
    expect(await outcome(broker.signIn('google'))).toBe('ok')
    broker.sims.google.misbehave({ hs256: true })
    expect(await outcome(broker.signIn('google'))).toBe('LOGIN_DENIED alg')
  })

  test('A46 ten thousand keys are too many; keys known before go on', async () => {
    broker.sims.google.misbehave({ hugeJwks: true })
    expect(await codeOf(broker.signIn('google'))).toBe('PROVIDER_UNAVAILABLE')
    broker.restart()
    expect(await outcome(broker.signIn('google'))).toBe('ok')
    broker.sims.google.misbehave({ hugeJwks: true })
    broker.ahead = 700_000
    broker.sims.google.misbehave({ clock: 700 })
    expect(await outcome(broker.signIn('google'))).toBe('ok')
  })

  test('A47 a new key works at once, the old one no longer', async () => {
    const old = await deviceToken()
    expect(await outcome(broker.verify('google', old))).toBe('ok')
    await broker.sims.google.rotateKeys()
    expect(await outcome(broker.signIn('google'))).toBe('ok')
    expect(await outcome(broker.verify('google', old))).toBe('LOGIN_DENIED kid')
  })

  test('A61 cached keys carry a day through an outage, then nothing is skipped', async () => {
    const later = (seconds: number) => {
      broker.ahead = seconds * 1000
      broker.sims.google.misbehave({ clock: seconds })
    }
    expect(await outcome(broker.signIn('google'))).toBe('ok')
    broker.sims.google.misbehave({ status: { jwks: 500 } })
    later(3600)
    expect(await outcome(broker.signIn('google'))).toBe('ok')
    later(90_000)
    expect(await codeOf(broker.signIn('google'))).toBe('PROVIDER_UNAVAILABLE')
    broker.sims.google.misbehave({ status: {} })
    later(90_100)
    expect(await outcome(broker.signIn('google'))).toBe('ok')
  })

  describe('a provider of the attacker’s making', () => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'RS256' }
    const sign = (payload: string, key = pair.privateKey) => new CompactSign(Buffer.from(payload)).setProtectedHeader({ alg: 'RS256', kid: 'k' }).sign(key)

    test('A46 two keys under one kid are both tried', async () => {
      const other = { ...generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'RS256' }
      expect(await verified(await sign(payload()), [other, jwk])).toBe('ok')
      expect(await verified(await sign(payload()), [other])).toBe('LOGIN_DENIED ERR_JWS_SIGNATURE_VERIFICATION_FAILED')
    })

    test('A33 A46 short, private and encryption keys are no keys', async () => {
      const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
      for (const unfit of [
        { ...short, kid: 'k' },
        { ...pair.privateKey.export({ format: 'jwk' }), kid: 'k' },
        { ...jwk, use: 'enc' },
        { kty: 'oct', k: 'c2VjcmV0', kid: 'k' },
      ]) {
        expect(await verified(await sign(payload()), [unfit])).toBe('PROVIDER_UNAVAILABLE')
      }
    })

    test('A50 two subjects in one token, however the name is spelt', async () => {
      for (const second of ['"sub":"victim"', '"\\u0073ub" : "victim"', '"x":{"sub":1},"sub":"victim"']) {
        expect(await verified(await sign(payload().replace('}', `,${second}}`)), [jwk])).toBe('LOGIN_DENIED doubled claim')
      }
      expect(await verified(await sign(payload().replace('}', ',"act":{"sub":"x"},"said":"\\"sub\\":"}')), [jwk])).toBe('ok')
    })

    test('A40 a number beyond all numbers, and bytes that are no text', async () => {
      expect(await verified(await sign(payload().replace(/"exp":\d+/, '"exp":1e400')), [jwk])).toMatch(/^LOGIN_DENIED /)
      expect(await verified(await sign('{"sub":"\xff\xfe"'), [jwk])).toMatch(/^LOGIN_DENIED /)
    })
  })
})

describe('the callback', () => {
  test('A12 A13 iss of another provider, or left out where it is announced: the code is sent nowhere', async () => {
    for (const issParam of ['wrong', 'announcedOnly'] as const) {
      broker.sims.haus.misbehave({ issParam })
      expect(await outcome(broker.signIn('haus'))).toBe('LOGIN_DENIED callback')
    }
    broker.sims.google.misbehave({ issParam: 'wrong' })
    expect(await outcome(broker.signIn('google'))).toBe('LOGIN_DENIED callback')
    expect(tokenRequests()).toBe(0)
    broker.sims.google.misbehave({ issParam: 'unannounced' })
    expect(await outcome(broker.signIn('google'))).toBe('ok')
  })

  test('A02 A20 another state, no code, or an error beside the code: the code is sent nowhere', async () => {
    expect(await afterChange({ state: 'another' })).toBe('LOGIN_DENIED callback')
    expect(await afterChange({ error: 'access_denied' })).toBe('LOGIN_DENIED')
    expect(await afterChange({ error: 'temporarily_unavailable' })).toBe('PROVIDER_UNAVAILABLE')
    expect(await afterChange({ error: '<script>', error_description: '\r\nSet-Cookie: a=b' })).toBe('LOGIN_DENIED')
    expect(tokenRequests()).toBe(0)
    expect(broker.provider('haus').available()).toBe(true)
  })

  test('A42 the profile of another person', async () => {
    broker.sims.haus.misbehave({ userinfoOtherSub: true })
    expect(await outcome(broker.signIn('haus'))).toBe('LOGIN_DENIED userinfo sub')
  })

  test('a wrong secret is our fault, not the person’s', async () => {
    broker.restart((config) => ({
      ...config,
      google: { ...config.google, clientSecret: 'old' },
      further: config.further.map((one) => ({ ...one, clientSecret: 'old' })),
    }))
    for (const provider of ['google', 'haus'] as const) expect(await codeOf(broker.signIn(provider))).toBe('PROVIDER_UNAVAILABLE')
  })
})

describe('metadata that lies', () => {
  const lies: readonly [string, 'google' | 'haus', Switches['lieDiscovery']][] = [
    ['another issuer', 'google', true],
    ['another issuer', 'haus', true],
    ['the issuer with a slash', 'haus', { issuer: '/' }],
    ['a token endpoint without TLS', 'haus', { token_endpoint: 'http://haus.example/token' }],
    ['keys in a file', 'haus', { jwks_uri: 'file:///etc/passwd' }],
    ['an authorization endpoint as script', 'haus', { authorization_endpoint: 'javascript:alert(1)' }],
    ['endpoints off Google’s hosts', 'google', { token_endpoint: 'https://oauth2.googleapis.com.evil.example/token' }],
    ['no keys at all', 'haus', { jwks_uri: null }],
  ]
  test.each(lies)('A51 %s (%s)', async (_, provider, lieDiscovery) => {
    const lie = typeof lieDiscovery === 'object' && lieDiscovery.issuer === '/' ? { issuer: `${broker.sims.haus.url}/` } : lieDiscovery
    if (lie !== undefined) broker.sims[provider].misbehave({ lieDiscovery: lie })
    expect(await codeOf(broker.signIn(provider))).toBe('PROVIDER_UNAVAILABLE')
  })

  test('A51 what was read before goes on', async () => {
    expect(await outcome(broker.signIn('haus'))).toBe('ok')
    broker.sims.haus.misbehave({ lieDiscovery: true, clock: 4000 })
    broker.ahead = 4_000_000
    for (let n = 0; n < 3; n++) expect(await outcome(broker.signIn('haus'))).toBe('ok')
    expect(broker.requestsTo('haus', /configuration/)).toBe(2)
  })

  test.each(['jwks_uri', 'userinfo_endpoint', 'token_endpoint'])('A52 %s inside our network is never connected to', async (endpoint) => {
    for (const inside of ['https://169.254.169.254/', 'https://[::ffff:10.0.0.1]/', 'https://192.168.1.1/']) {
      broker.restart()
      broker.sims.haus.misbehave({ lieDiscovery: { [endpoint]: inside } })
      const started = performance.now()
      expect(await codeOf(broker.signIn('haus'))).toBe('PROVIDER_UNAVAILABLE')
      expect(performance.now() - started).toBeLessThan(1_000)
    }
  })

  test('A52 loopback by name, number or IPv6 is refused unless the provider itself is configured there', async () => {
    await using server = await listen((_, response) => response.end('{}'))
    const strict = providerHttp({ provider: 'own', allowLoopback: false })
    for (const host of ['localhost', '127.0.0.1', '2130706433', '0x7f.1', '[::1]', '[::ffff:127.0.0.1]', 'a.localhost']) {
      expect(await codeOf(strict.fetch(`https://${host}:${server.port}/`))).toBe('PROVIDER_UNAVAILABLE')
      expect(await codeOf(strict.fetch(`http://${host}:${server.port}/`))).toBe('PROVIDER_UNAVAILABLE')
    }
    expect(server.seen.connections).toBe(0)
    expect((await providerHttp({ provider: 'own', allowLoopback: true }).fetch(`http://127.0.0.1:${server.port}/`)).status).toBe(200)
  })

  test('A52 a redirect is an answer, not a way', async () => {
    await using inner = await listen((_, response) => response.end('{}'))
    await using outer = await listen((_, response) => response.writeHead(302, { location: `http://127.0.0.1:${inner.port}/` }).end())
    const answer = await providerHttp({ provider: 'own', allowLoopback: true }).fetch(`http://127.0.0.1:${outer.port}/`)
    expect([answer.status, inner.seen.connections]).toEqual([302, 0])
  })

  test.each([
    ['8.8.8.8', true],
    ['2606:4700::1111', true],
    ['10.1.2.3', false],
    ['100.64.0.1', false],
    ['172.31.255.255', false],
    ['172.32.0.0', true],
    ['169.254.169.254', false],
    ['0.0.0.0', false],
    ['255.255.255.255', false],
    ['::', false],
    ['::1', false],
    ['fd00::1', false],
    ['fe80::1', false],
    ['::ffff:192.168.0.1', false],
    ['64:ff9b::a00:1', false],
    ['2002:a00:1::', false],
    ['localhost', false],
  ])('A52 %s public: %s', (ip, expected) => {
    expect(isPublicAddress(ip)).toBe(expected)
  })

  test('A53 hosts that no picture may name', () => {
    for (const host of ['localhost', 'a.localhost', 'printer.local', 'db.internal', 'nas', '[::1]', '127.0.0.1']) expect(isPublicHost(host)).toBe(false)
    expect(isPublicHost('pictures.example')).toBe(true)
  })
})

describe('hostile answers', () => {
  test.each<[string, 'haus' | 'facebook', Switches]>([
    ['HTML with 200', 'haus', { userinfoHtml: true }],
    ['HTML with 200', 'facebook', { userinfoHtml: true }],
    ['gzip bomb', 'haus', { gzipBomb: 'userinfo' }],
    ['gzip bomb', 'facebook', { gzipBomb: 'userinfo' }],
    ['gzip bomb as keys', 'haus', { gzipBomb: 'jwks' }],
    ['ten thousand levels', 'facebook', { deepProfile: true }],
    ['names of a megabyte', 'haus', { hugeProfile: true }],
    ['names of a megabyte', 'facebook', { hugeProfile: true }],
    ['an answer of another kind', 'haus', { userinfo: { sub: 7 } }],
  ])('A58 %s (%s)', async (_, provider, switches) => {
    broker.sims[provider].misbehave(switches)
    const before = process.memoryUsage().rss
    expect(await codeOf(broker.signIn(provider))).toBe('PROVIDER_UNAVAILABLE')
    expect(process.memoryUsage().rss - before).toBeLessThan(300_000_000) // the simulator packs its bomb in this process
    broker.sims[provider].behave()
    expect(await codeOf(broker.signIn(provider))).toBe('ok')
  })

  test('A57 prototype keys change nothing', async () => {
    broker.sims.haus.misbehave({ hostileProfile: true })
    const claims = await broker.signIn('haus')
    expect(Object.getPrototypeOf(claims)).toBe(Object.prototype)
    expect(Object.keys(claims)).not.toContain('constructor')
    expect('polluted' in {}).toBe(false)
  })

  test('A59 silence, one byte now and then, and one slow answer after another end after five seconds and hold up nobody else', async () => {
    const login = broker.begin('haus', 'anna')
    const callback = await broker.answer(login)
    const second = broker.begin('apple', 'anna')
    const secondCallback = await broker.answer(second)
    // Each of its requests is in time, and all of them together are not.
    const third = broker.begin('facebook', 'anna')
    const thirdCallback = await broker.answer(third)
    broker.sims.haus.misbehave({ slow: 60_000 })
    broker.sims.apple.misbehave({ slowBytes: { token: 100 } })
    broker.sims.facebook.misbehave({ slow: { token: 3_500, debugToken: 3_500, userinfo: 3_500 } })
    const started = performance.now()
    const slow = Promise.all([
      codeOf(broker.provider('haus').exchange(login, callback)),
      codeOf(broker.provider('apple').exchange(second, secondCallback)),
      codeOf(broker.provider('facebook').exchange(third, thirdCallback)),
    ])
    expect(await outcome(broker.signIn('google'))).toBe('ok')
    expect(performance.now() - started).toBeLessThan(1_000)
    expect(await slow).toEqual(['PROVIDER_UNAVAILABLE', 'PROVIDER_UNAVAILABLE', 'PROVIDER_UNAVAILABLE'])
    expect(performance.now() - started).toBeLessThan(6_000)
  })

  test('A60 an outage opens the circuit of that provider only; it closes by itself', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    broker.restart()
    broker.sims.haus.misbehave({ down: true })
    for (let n = 0; n < 3; n++) expect(await codeOf(broker.signIn('haus'))).toBe('PROVIDER_UNAVAILABLE')
    expect(broker.provider('haus').available()).toBe(false)
    expect(broker.provider('google').available()).toBe(true)
    const asked = broker.sims.haus.requests.length
    expect(await codeOf(broker.signIn('haus'))).toBe('PROVIDER_UNAVAILABLE')
    expect(broker.sims.haus.requests.length).toBe(asked)
    broker.sims.haus.behave()
    vi.advanceTimersByTime(10_001)
    expect(broker.provider('haus').available()).toBe(true)
    expect(await codeOf(broker.signIn('haus'))).toBe('ok')
    expect(await codeOf(broker.signIn('google'))).toBe('ok')
  })

  test('A60 refusals of single people, however many, open no circuit', async () => {
    broker.sims.google.misbehave({ badSignature: true })
    for (let n = 0; n < 10; n++) expect(await codeOf(broker.signIn('google'))).toBe('LOGIN_DENIED')
    for (let n = 0; n < 10; n++) {
      expect(await codeOf(changedCallback('google', { code: 'spent' }))).toBe('LOGIN_DENIED')
    }
    expect(broker.provider('google').available()).toBe(true)
  })

  test('one retry where it is safe: a key fetch may be asked twice, a code is sent once', async () => {
    broker.sims.haus.misbehave({ down: ['token', 'jwks'] })
    const login = broker.begin('haus', 'anna')
    const callback = await broker.answer(login)
    await codeOf(broker.provider('haus').exchange(login, callback))
    expect(broker.requestsTo('haus', /token/)).toBe(1)
    await codeOf(broker.verify('haus', await broker.sims.haus.idToken('anna', { audience: 'entente', nonce: 'the-nonce' })))
    expect(broker.requestsTo('haus', /jwks/)).toBe(2)
  })
})
