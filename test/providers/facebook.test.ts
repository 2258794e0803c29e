import { createHmac } from 'node:crypto'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { startProviders, type SimulatedProviders } from '../../demo/providers/start.ts'
import { authorize, callbackOf, post } from './authorize.ts'

let providers: SimulatedProviders
beforeAll(async () => {
  providers = await startProviders()
})
afterEach(() => providers.facebook.behave())
afterAll(() => providers[Symbol.asyncDispose]())

const redirectUri = 'http://localhost:4000/login/facebook/callback'
const ours = { id: '100000000000001', secret: 'demo-app-secret' }
const others = { id: '200000000000002', secret: 'other-app-secret' }
const granted = z.object({ access_token: z.string(), token_type: z.literal('bearer'), expires_in: z.number() })

const ask = (person: string, app = ours) =>
  authorize(`${providers.facebook.url}/v26.0/dialog/oauth`, { client_id: app.id, redirect_uri: redirectUri, scope: 'public_profile,email', login_hint: person })
const redeem = (code: string | null, members: Readonly<Record<string, string>> = {}, app = ours) =>
  post(`${providers.facebook.url}/v26.0/oauth/access_token`, {
    client_id: app.id,
    client_secret: app.secret,
    redirect_uri: redirectUri,
    code: code ?? '',
    ...members,
  })
async function tokenOf(person: string, app = ours): Promise<string> {
  return granted.parse((await redeem(callbackOf(await ask(person, app)).searchParams.get('code'), {}, app)).body).access_token
}
const graph = (path: string, token: string) => fetch(`${providers.facebook.url}${path}`, { headers: { authorization: `Bearer ${token}` } })
async function me(token: string, app = ours): Promise<unknown> {
  const proof = createHmac('sha256', app.secret).update(token).digest('hex')
  return (await graph(`/v26.0/me?fields=id,name,first_name,last_name,email,picture.width(50)&appsecret_proof=${proof}`, token)).json()
}
const inspect = async (token: string) => (await graph(`/debug_token?input_token=${token}`, `${ours.id}|${ours.secret}`)).json()

test('a person comes back with a fragment, and Graph knows the address', async () => {
  expect(callbackOf(await ask('ben')).hash).toBe('#_=_')
  expect(await me(await tokenOf('ben'))).toEqual({
    id: expect.stringMatching(/^1015\d{13}$/),
    name: 'Ben Fischer',
    first_name: 'Ben',
    last_name: 'Fischer',
    email: 'ben@firma.example',
    picture: { data: expect.objectContaining({ is_silhouette: false }) },
  })
})

test('cem keeps his address, and so may everybody', async () => {
  expect(await me(await tokenOf('cem'))).not.toHaveProperty('email')
  providers.facebook.misbehave({ noAdvancedAccess: true })
  expect(await me(await tokenOf('ben'))).not.toHaveProperty('email')
})

test('another app sees another person, and its token is told apart', async () => {
  const [mine, theirs] = [await tokenOf('ben'), await tokenOf('ben', others)]
  expect(await me(theirs, others)).not.toMatchObject({ id: z.object({ id: z.string() }).parse(await me(mine)).id })
  expect(await inspect(mine)).toMatchObject({ data: { app_id: ours.id, is_valid: true, type: 'USER' } })
  expect(await inspect(theirs)).toMatchObject({ data: { app_id: others.id } })
  expect(await inspect('EAAB-unknown')).toMatchObject({ data: { is_valid: false } })
})

test('Limited Login tokens verify with the keys of the limited host', async () => {
  providers.facebook.misbehave({ limitedHost: true })
  const { url } = providers.facebook
  const keys = createRemoteJWKSet(new URL(`${url}/limited/.well-known/oauth/openid/jwks/`))
  const { payload } = await jwtVerify(await providers.facebook.idToken('anna', { audience: ours.id, nonce: 'n' }), keys, { issuer: url, audience: ours.id })
  expect(payload).toMatchObject({ nonce: 'n', email: 'anna.demo@gmail.com' })
  expect(payload).not.toHaveProperty('email_verified')
  expect((await fetch(`${url}/.well-known/oauth/openid/jwks/`)).status).toBe(404)
})

test('whoever cancels comes back with four error members', async () => {
  const back = callbackOf(await ask('dora'))
  expect(Object.fromEntries(back.searchParams)).toMatchObject({ error: 'access_denied', error_code: '200', error_reason: 'user_denied', state: 'the-state' })
})

describe('Facebook refuses, with its own error object,', () => {
  test('a used code', async () => {
    const code = callbackOf(await ask('ben')).searchParams.get('code')
    await redeem(code)
    const { status, headers, body } = await redeem(code)
    expect({ status, body }).toMatchObject({
      status: 400,
      body: { error: { message: 'This authorization code has been used.', type: 'OAuthException', code: 100, error_subcode: 36009 } },
    })
    expect(headers.get('www-authenticate')).toBe('OAuth "Facebook Platform" "invalid_code" "This authorization code has been used."')
  })

  test.for([
    ['another redirect URI', { redirect_uri: redirectUri.replace('localhost', '127.0.0.1') }, { code: 100, error_subcode: 36008 }],
    ['a wrong secret', { client_secret: 'guessed' }, { code: 1, message: 'Error validating client secret.' }],
    ['an unknown app', { client_id: '1' }, { code: 101 }],
  ] as const)('a code with %s', async ([, members, error]) => {
    const code = callbackOf(await ask('ben')).searchParams.get('code')
    expect(await redeem(code, members)).toMatchObject({ status: 400, body: { error } })
  })

  test('a call without proof, or with a wrong one', async () => {
    const token = await tokenOf('ben')
    const error = { error: { type: 'GraphMethodException', code: 100 } }
    expect(await (await graph('/v26.0/me', token)).json()).toMatchObject(error)
    expect(await (await graph('/v26.0/me?appsecret_proof=00', token)).json()).toMatchObject(error)
  })
})
