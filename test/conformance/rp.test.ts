import { afterAll, beforeAll, beforeEach, expect } from 'vitest'
import type { ProviderName } from '../../demo/providers/people.ts'
import type { Switches } from '../../demo/providers/switches.ts'
import { Broker, outcome } from '../broker/dialects.ts'
import { testPlan, type Module } from './plan.ts'

let broker: Broker
beforeAll(async () => {
  broker = await Broker.start()
})
beforeEach(() => broker.restart())
afterAll(() => broker[Symbol.asyncDispose]())

/** RS256 with three keys is the simulated Google, ES256 with one key is Haus. */
const signingIn = (name: string, provider: ProviderName, switches: Switches, expected: string): Module<Broker> => ({
  name: `oidcc-client-test${name}`,
  async run({ sims, signIn }) {
    sims[provider].misbehave(switches)
    expect(await outcome(signIn.call(broker, provider))).toBe(expected)
  },
})

/** The first request to such a path. */
const asked = (provider: ProviderName, path: RegExp) => broker.sims[provider].requests.find((request) => path.test(request.path))

const refusedBecause = (check: string) => `LOGIN_DENIED ${check}`
const badSignature = refusedBecause('ERR_JWS_SIGNATURE_VERIFICATION_FAILED')

const basic: readonly Module<Broker>[] = [
  signingIn('', 'haus', {}, 'ok'),
  signingIn('-invalid-iss', 'haus', { wrongIssuer: true }, refusedBecause('iss')),
  signingIn('-missing-sub', 'haus', { dropClaims: ['sub'] }, refusedBecause('sub')),
  signingIn('-invalid-aud', 'haus', { wrongAudience: true }, refusedBecause('aud')),
  signingIn('-missing-iat', 'haus', { dropClaims: ['iat'] }, refusedBecause('iat')),
  signingIn('-kid-absent-single-jwks', 'haus', { header: { kid: undefined } }, 'ok'),
  signingIn('-kid-absent-multiple-jwks', 'google', { header: { kid: undefined } }, 'ok'),
  signingIn('-idtoken-sig-rs256', 'google', {}, 'ok'),
  signingIn('-idtoken-sig-none', 'haus', { algNone: true }, refusedBecause('shape')),
  signingIn('-invalid-sig-rs256', 'google', { badSignature: true }, badSignature),
  signingIn('-userinfo-invalid-sub', 'haus', { userinfoOtherSub: true }, refusedBecause('userinfo sub')),
  signingIn('-nonce-invalid', 'haus', { wrongNonce: true }, refusedBecause('nonce')),
  {
    name: 'oidcc-client-test-scope-userinfo-claims',
    async run() {
      broker.sims.haus.misbehave({ dropClaims: ['email', 'email_verified', 'given_name'] })
      expect(await broker.signIn('haus')).toMatchObject({ address: { value: 'anna.demo@gmail.com' }, givenName: 'Anna' })
    },
  },
  {
    name: 'oidcc-client-test-client-secret-basic',
    async run() {
      await broker.signIn('haus')
      const request = asked('haus', /token$/)
      expect(request?.headers.authorization).toMatch(/^Basic /)
      expect(request?.form).not.toHaveProperty('client_secret')
    },
  },
]

testPlan('oidcc-client-basic-certification-test-plan', basic, () => broker)

const withoutUserinfo = (name: string): Module<Broker> => ({
  name: `oidcc-client-test-${name}`,
  result: 'skipped',
  run: async ({ sims }) => expect(await (await fetch(`${sims.apple.url}/.well-known/openid-configuration`)).json()).not.toHaveProperty('userinfo_endpoint'),
})

const formPost: Module<Broker> = {
  name: 'oidcc-client-test',
  async run() {
    const login = broker.begin('apple', 'anna')
    const callback = await broker.answer(login)
    expect(callback.method).toBe('POST')
    expect(await outcome(broker.provider('apple').exchange(login, callback))).toBe('ok')
  },
}

const formPosted: readonly Module<Broker>[] = [
  formPost,
  signingIn('-invalid-iss', 'apple', { wrongIssuer: true }, refusedBecause('iss')),
  signingIn('-missing-sub', 'apple', { dropClaims: ['sub'] }, refusedBecause('sub')),
  signingIn('-invalid-aud', 'apple', { wrongAudience: true }, refusedBecause('aud')),
  signingIn('-missing-iat', 'apple', { dropClaims: ['iat'] }, refusedBecause('iat')),
  {
    name: 'oidcc-client-test-kid-absent-single-jwks',
    result: 'skipped',
    run: async ({ sims }) => expect(await (await fetch(`${sims.apple.url}/auth/keys`)).json()).toHaveProperty('keys.length', 3),
  },
  signingIn('-kid-absent-multiple-jwks', 'apple', { header: { kid: undefined } }, 'ok'),
  signingIn('-idtoken-sig-rs256', 'apple', {}, 'ok'),
  signingIn('-idtoken-sig-none', 'apple', { algNone: true }, refusedBecause('shape')),
  signingIn('-invalid-sig-rs256', 'apple', { badSignature: true }, badSignature),
  signingIn('-nonce-invalid', 'apple', { wrongNonce: true }, refusedBecause('nonce')),
  withoutUserinfo('userinfo-invalid-sub'),
  withoutUserinfo('scope-userinfo-claims'),
  {
    name: 'oidcc-client-test-client-secret-basic',
    result: 'skipped',
    async run() {
      await broker.signIn('apple')
      expect(asked('apple', /token$/)?.form['client_secret']?.split('.')).toHaveLength(3)
    },
  },
]

testPlan('oidcc-client-formpost-basic-certification-test-plan', formPosted, () => broker)

/** Once with the keys fetched, then with keys that nobody has seen. */
const config: readonly Module<Broker>[] = [
  {
    name: 'oidcc-client-test-discovery-openid-config',
    async run() {
      await broker.signIn('haus')
      expect(broker.requestsTo('haus', /openid-configuration$/)).toBe(1)
    },
  },
  {
    name: 'oidcc-client-test-discovery-jwks-uri-keys',
    async run() {
      await broker.signIn('haus')
      expect(broker.requestsTo('haus', /\/jwks$/)).toBe(1)
    },
  },
  signingIn('-discovery-issuer-mismatch', 'haus', { lieDiscovery: { issuer: 'https://issuer.evil.example' } }, 'PROVIDER_UNAVAILABLE'),
  signingIn('-idtoken-sig-none', 'haus', { algNone: true }, refusedBecause('shape')),
  {
    name: 'oidcc-client-test-signing-key-rotation-just-before-signing',
    async run() {
      await broker.signIn('haus')
      const login = broker.begin('haus', 'anna')
      const callback = await broker.answer(login)
      await broker.sims.haus.rotateKeys()
      expect(await outcome(broker.provider('haus').exchange(login, callback))).toBe('ok')
    },
  },
  {
    name: 'oidcc-client-test-signing-key-rotation',
    async run() {
      await broker.signIn('haus')
      await broker.sims.haus.rotateKeys()
      expect(await outcome(broker.signIn('haus'))).toBe('ok')
      expect(broker.requestsTo('haus', /\/jwks$/)).toBe(2)
    },
  },
]

testPlan('oidcc-client-config-certification-test-plan', config, () => broker)

/** Of the comprehensive plan, what the certification plans of the code flow leave out. */
testPlan(
  'oidcc-client-test-plan',
  [
    signingIn('-missing-aud', 'haus', { dropClaims: ['aud'] }, refusedBecause('aud')),
    signingIn('-invalid-sig-es256', 'haus', { badSignature: true }, badSignature),
    signingIn('-invalid-sig-hs256', 'google', { hs256: true }, refusedBecause('alg')),
    signingIn('-invalid-athash', 'google', { wrongAtHash: true }, refusedBecause('at_hash')),
  ],
  () => broker,
)
