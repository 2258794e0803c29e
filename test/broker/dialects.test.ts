import { inspect } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Switches } from '../../demo/providers/switches.ts'
import { Broker, clientIds, codeOf, dialects, outcome, registrations } from './dialects.ts'

let broker: Broker
beforeAll(async () => {
  broker = await Broker.start()
})
beforeEach(() => broker.restart())
afterAll(() => broker[Symbol.asyncDispose]())

describe.each(dialects)('%s', (provider) => {
  test('anna signs in, with the same subject each time', async () => {
    const first = await broker.signIn(provider, 'anna')
    expect(first).toMatchObject({ provider, subject: expect.any(String), address: { value: 'anna.demo@gmail.com' }, givenName: 'Anna', familyName: 'Lindner' })
    expect((await broker.signIn(provider, 'anna')).subject).toBe(first.subject)
    expect((await broker.signIn(provider, 'ben')).subject).not.toBe(first.subject)
  })

  test('every request has state, nonce and a fresh S256 challenge, and the code comes back with its verifier', async () => {
    const login = broker.begin(provider, 'anna')
    const url = await broker.provider(provider).authorizationUrl(login)
    expect(url.searchParams.get('state')).toBe(login.state)
    expect(url.searchParams.get('nonce')).toBe(login.nonce)
    expect(url.searchParams.get('code_challenge_method')).toBe('S256')
    expect(url.search).not.toContain('+')
    await broker.provider(provider).exchange(login, await broker.answer(login))
    const [request] = broker.sims[provider].requests.filter(({ method, form }) => method === 'POST' && form.code !== undefined)
    expect(request?.form.code_verifier).toBe(login.codeVerifier)
  })

  test('dora cancels', async () => {
    expect(await codeOf(broker.signIn(provider, 'dora'))).toBe('LOGIN_DENIED')
    expect(broker.requestsTo(provider, /token/)).toBe(0)
  })

  test('eva keeps her markup as text; controls, directions and the inner picture are gone', async () => {
    const eva = await broker.signIn(provider, 'eva')
    expect(eva.givenName).toBe('<img src=x onerror=alert(1)>Eva')
    expect(eva.familyName).not.toMatch(/[\p{Cc}\p{Cf}]/u)
    expect(eva).not.toHaveProperty('pictureUrl')
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  test('a person without an address signs in all the same', async () => {
    broker.sims[provider].misbehave({ missingEmail: true })
    expect(await broker.signIn(provider, 'anna')).not.toHaveProperty('address')
  })

  test('a code of another login is refused', async () => {
    const [mine, theirs] = [broker.begin(provider, 'anna'), broker.begin(provider, 'ben')]
    const { parameters } = await broker.answer(theirs)
    const injected = { method: 'GET' as const, parameters: { ...parameters, state: mine.state } }
    expect(await codeOf(broker.provider(provider).exchange(mine, injected))).toBe('LOGIN_DENIED')
  })

  test.each<[string, Switches]>([
    ['down', { down: true }],
    ['500', { status: { token: 500 } }],
    ['503', { status: { token: 503 } }],
    ['throttled', { status: { token: 429 } }],
    ['a gzip bomb', { gzipBomb: 'token' }],
  ])('%s is an outage, not a verdict about the person', async (_, switches) => {
    const login = broker.begin(provider, 'anna')
    const callback = await broker.answer(login)
    broker.sims[provider].misbehave(switches)
    expect(await codeOf(broker.provider(provider).exchange(login, callback))).toBe('PROVIDER_UNAVAILABLE')
  })

  test('a token from the device signs in the same person', async () => {
    const audience = clientIds[provider]
    const token = await broker.sims[provider].idToken('anna', { audience, nonce: 'the-nonce' })
    const [native, web] = [await broker.verify(provider, token), await broker.signIn(provider, 'anna')]
    expect([native.issuer, native.subject]).toEqual([web.issuer, web.subject])
    expect(await outcome(broker.verify(provider, token, 'another'))).toBe('LOGIN_DENIED nonce')
    expect(await outcome(broker.verify(provider, token, ''))).toBe('LOGIN_DENIED nonce')
  })
})

describe.each(['google', 'apple', 'haus'] as const)('%s', (provider) => {
  test.each<[string, Switches]>([
    ['bad signature', { badSignature: true }],
    ['unknown key', { unknownKid: true }],
    ['alg none', { algNone: true }],
    ['HS256', { hs256: true }],
    ['another issuer', { wrongIssuer: true }],
    ['another audience', { wrongAudience: true }],
    ['a further audience', { extraAudience: true }],
    ['another party', { wrongAzp: true }],
    ['another nonce', { wrongNonce: true }],
    ['no nonce', { dropNonce: true }],
    ['expired', { expired: true }],
    ['from the future', { issuedInFuture: true }],
    ['a month old', { oldIssuedAt: true }],
    ['valid for years', { longLived: true }],
    ['wrong at_hash', { wrongAtHash: true }],
  ])('an ID token with %s signs nobody in', async (_, switches) => {
    broker.sims[provider].misbehave(switches)
    expect(await codeOf(broker.signIn(provider))).toBe('LOGIN_DENIED')
    broker.sims[provider].behave()
    expect(await codeOf(broker.signIn(provider))).toBe('ok')
  })
})

test('without a base address only the providers’ own hosts are meant', async () => {
  broker.restart(() => ({ ...registrations, further: [], allowLoopback: false }))
  const dialogs = (['apple', 'facebook'] as const).map(async (name) => broker.provider(name).authorizationUrl(broker.begin(name, 'anna')))
  expect((await Promise.all(dialogs)).map(({ origin, pathname }) => origin + pathname)).toEqual([
    'https://appleid.apple.com/auth/authorize',
    'https://www.facebook.com/v26.0/dialog/oauth',
  ])
})

test('a refusal carries no token, code or claim, not even for the log', async () => {
  broker.sims.google.misbehave({ wrongIssuer: true })
  const refused: unknown = await broker.signIn('google').catch((error: unknown) => error)
  expect(refused).toMatchObject({ code: 'LOGIN_DENIED', detail: { provider: 'google', check: 'iss' } })
  expect(inspect(refused, { depth: 10 })).not.toMatch(/anna|eyJ|4\/0A/i)
})

describe('who vouches for an address', () => {
  test.each([
    ['google', 'anna', { value: 'anna.demo@gmail.com', proof: 'authoritative' }],
    ['google', 'ben', { value: 'ben@firma.example', proof: 'verified' }],
    ['google', 'cem', { value: 'cem@haus.example', proof: 'authoritative' }],
    ['google', 'gusti', { value: 'gusti@people.example', proof: 'none' }],
    ['google', 'mallory', { value: 'ben@firma.example', proof: 'none' }],
    ['apple', 'anna', { value: 'anna.demo@gmail.com', proof: 'verified' }],
    ['apple', 'ben', { value: expect.stringMatching(/@privaterelay\.appleid\.com$/), proof: 'authoritative', relay: true }],
    ['facebook', 'anna', { value: 'anna.demo@gmail.com', proof: 'none' }],
    ['haus', 'cem', { value: 'cem@haus.example', proof: 'authoritative' }],
    ['haus', 'ben', { value: 'ben@firma.example', proof: 'none' }],
    ['haus', 'gusti', { value: 'gusti@people.example', proof: 'none' }],
  ] as const)('%s about %s', async (provider, person, address) => {
    expect((await broker.signIn(provider, person)).address).toEqual(address)
  })
})
