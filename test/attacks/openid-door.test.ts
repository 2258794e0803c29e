import { decodeJwt } from 'jose'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { EntenteError } from '../../src/errors.ts'
import type { StartLogin } from '../../src/access/token-door.ts'
import { newPkce } from '../support/browser.ts'
import { newCustomer, openStage, post, redirectUri, signedIn, type Stage } from '../access/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage[Symbol.asyncDispose]())
beforeEach(() => {
  stage.behind.person = newCustomer()
})

const pkce = newPkce()
const start: StartLogin = {
  clientId: 'storefront',
  provider: 'google',
  redirectUri,
  codeChallenge: pkce.challenge,
  state: 's',
  nonce: 'n',
  scope: 'openid offline_access purpose:order_processing',
  locale: 'de',
  loginHint: 'anna',
}
const failing = (code: string) => expect.objectContaining({ code })

async function codeOf(change: Partial<StartLogin> = {}): Promise<string> {
  const { url } = await stage.openid.door.startLogin({ ...start, ...change })
  const back = new URL((await stage.browser().open(url)).url).searchParams
  expect(back.get('iss')).toBe(`${stage.url}/oidc`)
  return back.get('code') ?? ''
}
const complete = { clientId: 'storefront', redirectUri, codeVerifier: pkce.verifier }

test('a login wholly by the door: same tokens, same rules', async () => {
  const { url, expiresAt } = await stage.openid.door.startLogin(start)
  expect(url).toMatch(/\/oidc\/auth\?client_id=storefront&request_uri=urn/)
  expect(expiresAt.getTime()).toBeGreaterThan(Date.now())
  const set = await stage.openid.door.completeLogin({ ...complete, code: await codeOf() })
  expect(stage.behind.asked.at(-1)).toMatchObject({ provider: 'google', loginHint: 'anna', locale: 'de' })
  expect(set).toMatchObject({ tokenType: 'Bearer', expiresIn: 600, scope: 'openid offline_access purpose:order_processing' })
  expect(decodeJwt(set.idToken ?? '')['nonce']).toBe('n')
  const next = await stage.openid.door.refreshTokens({ clientId: 'storefront', refreshToken: set.refreshToken ?? '' })
  expect(await stage.openid.callerOf(`Bearer ${next.accessToken}`)).toMatchObject({ clientId: 'storefront' })
  await expect(stage.openid.door.refreshTokens({ clientId: 'storefront', refreshToken: set.refreshToken ?? '' })).rejects.toEqual(failing('UNAUTHENTICATED'))
  await expect(stage.openid.door.refreshTokens({ clientId: 'storefront', refreshToken: next.refreshToken ?? '' })).rejects.toEqual(failing('UNAUTHENTICATED'))
})

test('an omitted scope is all of the client’s purposes', async () => {
  const set = await stage.openid.door.completeLogin({ ...complete, code: await codeOf({ scope: undefined }) })
  expect(set.scope).toBe('openid purpose:order_processing purpose:personalised_shop purpose:fraud_prevention')
})

test.for([
  [{ clientId: 'nobody' }, 'BAD_USER_INPUT'],
  [{ provider: 'nobody' }, 'PROVIDER_UNKNOWN'],
  [{ redirectUri: 'http://127.0.0.1:9/other' }, 'BAD_USER_INPUT'],
  [{ redirectUri: 'https://evil.example/' }, 'BAD_USER_INPUT'],
  [{ codeChallenge: '' }, 'BAD_USER_INPUT'],
  [{ codeChallenge: 'short' }, 'BAD_USER_INPUT'],
  [{ scope: 'purpose:email_marketing' }, 'BAD_USER_INPUT'],
  [{ scope: 'openid  openid' }, 'BAD_USER_INPUT'],
  [{ state: 'x'.repeat(4097) }, 'BAD_USER_INPUT'],
  [{ clientId: 'marketing' }, 'BAD_USER_INPUT'],
] as const)('C01 C07 C30 startLogin with %j is refused at once', async ([change, code]) => {
  await expect(stage.openid.door.startLogin({ ...start, ...change })).rejects.toEqual(failing(code))
})

test('a pushed request serves one login', async () => {
  const { url } = await stage.openid.door.startLogin(start)
  expect(new URL((await stage.browser().open(url)).url).searchParams.get('code')).not.toBeNull()
  expect(new URL((await stage.browser().open(url)).url).searchParams.get('code')).toBeNull()
  await expect((await stage.browser().open(url.replace('client_id=storefront', 'client_id=storefront-b'))).url).not.toContain('code=')
})

test.for([
  [{ clientId: 'storefront-b' }, 'LOGIN_DENIED'],
  [{ redirectUri: 'http://127.0.0.1:9/other' }, 'LOGIN_DENIED'],
  [{ codeVerifier: 'y'.repeat(43) }, 'LOGIN_DENIED'],
  [{ code: 'nothing' }, 'LOGIN_DENIED'],
  [{ clientId: 'nobody' }, 'UNAUTHENTICATED'],
  [{ clientId: 'webshop' }, 'UNAUTHENTICATED'],
  [{ clientId: 'webshop', clientSecret: 'wrong' }, 'UNAUTHENTICATED'],
  [{ clientSecret: 'a public client has none' }, 'UNAUTHENTICATED'],
] as const)('C65 C69 completeLogin with %j', async ([change, code]) => {
  await expect(stage.openid.door.completeLogin({ ...complete, code: await codeOf(), ...change })).rejects.toEqual(failing(code))
})

test('C69 a confidential storefront starts in the open and ends with its secret', async () => {
  const web = { clientId: 'webshop', redirectUri: 'https://shop.example/callback' }
  const code = await codeOf({ ...web, scope: 'openid offline_access' })
  await expect(stage.openid.door.completeLogin({ ...web, code, codeVerifier: pkce.verifier })).rejects.toEqual(failing('UNAUTHENTICATED'))
  const set = await stage.openid.door.completeLogin({ ...web, code, codeVerifier: pkce.verifier, clientSecret: 'webshop-test-secret' })
  await expect(stage.openid.door.refreshTokens({ clientId: 'webshop', refreshToken: set.refreshToken ?? '' })).rejects.toEqual(failing('UNAUTHENTICATED'))
  expect(
    (await stage.openid.door.refreshTokens({ clientId: 'webshop', clientSecret: 'webshop-test-secret', refreshToken: set.refreshToken ?? '' })).scope,
  ).toBe('openid offline_access')
})

const device = { clientId: 'storefront', provider: 'google', idToken: 'from the device', nonce: 'n-1' }

test('C70 a device’s own login ends in the same tokens', async () => {
  const customer = newCustomer()
  stage.behind.device = async () => customer
  const set = await stage.openid.door.loginWithIdToken({ ...device, scope: 'openid offline_access purpose:order_processing' })
  expect(set).toMatchObject({ tokenType: 'Bearer', expiresIn: 600, scope: 'openid offline_access purpose:order_processing' })
  expect(await stage.openid.callerOf(`Bearer ${set.accessToken}`)).toMatchObject({
    customer,
    clientId: 'storefront',
    grant: expect.any(String),
    authTime: expect.any(Number),
  })
  expect(decodeJwt(set.idToken ?? '')).toMatchObject({
    aud: 'storefront',
    nonce: 'n-1',
    sub: stage.parts.subjects.outwardOne('storefront', customer),
    auth_time: expect.any(Number),
  })
  expect((await stage.openid.door.refreshTokens({ clientId: 'storefront', refreshToken: set.refreshToken ?? '' })).scope).toBe(
    'openid offline_access purpose:order_processing',
  )
  expect((await stage.openid.door.loginWithIdToken({ ...device, scope: 'openid' })).refreshToken).toBeNull()
})

test('C70 its refusals are those of any login', async () => {
  for (const code of ['LOGIN_DENIED', 'LINK_REQUIRED', 'PROVIDER_UNAVAILABLE', 'BAD_USER_INPUT'] as const) {
    stage.behind.device = () => Promise.reject(new EntenteError(code))
    await expect(stage.openid.door.loginWithIdToken(device)).rejects.toEqual(failing(code))
  }
  stage.behind.device = async () => newCustomer()
  await expect(stage.openid.door.loginWithIdToken({ ...device, clientId: 'storefront-b' })).rejects.toEqual(failing('FORBIDDEN'))
  await expect(stage.openid.door.loginWithIdToken({ ...device, clientId: 'nobody' })).rejects.toEqual(failing('UNAUTHENTICATED'))
  await expect(stage.openid.door.loginWithIdToken({ ...device, provider: 'nobody' })).rejects.toEqual(failing('PROVIDER_UNKNOWN'))
  await expect(stage.openid.door.loginWithIdToken({ ...device, scope: 'purpose:email_marketing' })).rejects.toEqual(failing('BAD_USER_INPUT'))
  await expect(stage.openid.door.loginWithIdToken({ ...device, nonce: '' })).rejects.toEqual(failing('BAD_USER_INPUT'))
  stage.behind.device = () => Promise.reject(new Error('a defect'))
  await expect(stage.openid.door.loginWithIdToken(device)).rejects.toEqual(failing('INTERNAL_SERVER_ERROR'))
})

test('C32 a tool cannot sign anybody in', async () => {
  const answer = await post(stage, '/token', {
    grant_type: 'urn:entente:params:oauth:grant-type:id-token',
    client_id: 'marketing',
    client_secret: 'marketing-demo-secret',
    provider: 'google',
    id_token: 'x',
    nonce: 'n',
  })
  expect(answer.status).toBe(400)
  const { tokens } = await signedIn(stage)
  expect(tokens.status).toBe(200)
})
