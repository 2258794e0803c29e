import { generateKeyPairSync } from 'node:crypto'
import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startProviders, type SimulatedProviders } from '../../demo/providers/start.ts'
import { applePublicKey, appleSecret, authorize, challenge, formOf, post, verifier } from './authorize.ts'

let providers: SimulatedProviders
beforeAll(async () => {
  providers = await startProviders({ appleClientPublicKey: applePublicKey })
})
afterEach(() => providers.apple.behave())
afterAll(() => providers[Symbol.asyncDispose]())

const redirectUri = 'http://localhost:4000/login/apple/callback'
const client = { client_id: 'example.entente.web', redirect_uri: redirectUri }
const ask = (members: Readonly<Record<string, string>>) =>
  authorize(`${providers.apple.url}/auth/authorize`, {
    ...client,
    scope: 'name email',
    response_mode: 'form_post',
    nonce: 'the-nonce',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...members,
  })
const codeFor = async (person: string) => (await formOf(await ask({ login_hint: person }))).code ?? ''
const redeem = async (code: string, members: Readonly<Record<string, string>> = {}) =>
  post(`${providers.apple.url}/auth/token`, {
    ...client,
    client_secret: await appleSecret(providers.apple.url),
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    ...members,
  })
const claimsFor = async (person: string) => decodeJwt(await providers.apple.idToken(person, { audience: 'example.entente.ios', nonce: 'n' }))

test('the name comes once, in a form that posts itself', async () => {
  const first = await formOf(await ask({ login_hint: 'anna' }))
  expect(first).toMatchObject({ state: 'the-state', user: '{"name":{"firstName":"Anna","lastName":"Lindner"},"email":"anna.demo@gmail.com"}' })
  const second = await ask({ login_hint: 'anna' })
  expect(second.headers.get('content-security-policy')).not.toContain('unsafe-inline')
  expect((await formOf(second)).user).toBeUndefined()
  providers.apple.misbehave({ forgetUser: true })
  expect((await formOf(await ask({ login_hint: 'anna' }))).user).toBeDefined()
  expect((await formOf(await ask({ login_hint: 'cem' }))).user).toBe('{"email":"cem@haus.example"}')
})

test('a code gives tokens, once', async () => {
  const code = await codeFor('ben')
  const { status, body } = await redeem(code)
  expect({ status, body }).toMatchObject({
    status: 200,
    body: { token_type: 'Bearer', expires_in: 3600, refresh_token: expect.any(String), id_token: expect.any(String) },
  })
  expect(await redeem(code)).toMatchObject({ status: 400, body: { error: 'invalid_grant', error_description: 'The code has already been used.' } })
})

test('ben hides his address, and booleans may come as text', async () => {
  expect(await claimsFor('ben')).toMatchObject({
    email: expect.stringMatching(/@privaterelay\.appleid\.com$/),
    email_verified: true,
    is_private_email: true,
    nonce: 'n',
  })
  providers.apple.misbehave({ strings: true })
  expect(await claimsFor('ben')).toMatchObject({ email_verified: 'true', is_private_email: 'true' })
  expect(await claimsFor('gusti')).toMatchObject({ transfer_sub: expect.stringMatching(/^000792\./) })
})

test('whoever cancels comes back by form, in Apple’s own words', async () => {
  expect(await formOf(await ask({ login_hint: 'dora' }))).toEqual({ state: 'the-state', error: 'user_cancelled_authorize' })
})

describe('Apple refuses', () => {
  test.for([
    ['a name without form_post', { response_mode: 'query' }],
    ['an unregistered redirect URI', { redirect_uri: 'https://evil.example/login/apple/callback' }],
  ] as const)('%s', async ([, members]) => {
    const answer = await ask({ login_hint: 'anna', ...members })
    expect([answer.status, answer.headers.get('location')]).toEqual([400, null])
  })

  test.for([
    ['for another audience', { aud: 'https://evil.example' }],
    ['for another client', { sub: 'example.entente.other' }],
    ['of more than six months', { lifetime: 15_777_001 }],
    ['by another key', { key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey }],
  ] as const)('a client secret %s', async ([, changed]) => {
    const client_secret = await appleSecret(providers.apple.url, changed)
    expect(await redeem(await codeFor('anna'), { client_secret })).toMatchObject({ status: 400, body: { error: 'invalid_client' } })
  })

  test('a code without the verifier it was asked with', async () => {
    const code = await codeFor('anna')
    const answer = await post(`${providers.apple.url}/auth/token`, {
      ...client,
      client_secret: await appleSecret(providers.apple.url),
      grant_type: 'authorization_code',
      code,
    })
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  })
})

test('discovery can move to another issuer while tokens stay', async () => {
  providers.apple.misbehave({ issuerFlip: true })
  const document = await (await fetch(`${providers.apple.url}/.well-known/openid-configuration`)).json()
  expect(document).toMatchObject({ issuer: `${providers.apple.url}/account` })
  expect(await claimsFor('anna')).toMatchObject({ iss: providers.apple.url })
})
