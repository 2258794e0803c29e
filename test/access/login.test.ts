import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { authorize, newCustomer, openStage, post, basic, redeem, refresh, signedIn, type Stage } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage[Symbol.asyncDispose]())

test('a login ends in a code for the shop and tokens that name the customer by the id of its sector', async () => {
  const { customer, authorization, tokens } = await signedIn(stage)
  expect(authorization.parameters.get('state')).toBe('of the shop')
  expect(authorization.parameters.get('iss')).toBe(`${stage.url}/oidc`)
  expect(tokens.body).toMatchObject({ token_type: 'Bearer', expires_in: 600, scope: 'openid offline_access purpose:order_processing' })
  const sub = stage.parts.subjects.outwardOne('storefront', customer)
  expect(decodeProtectedHeader(tokens.access)).toMatchObject({ alg: 'ES256', typ: 'at+jwt' })
  expect(decodeJwt(tokens.access)).toMatchObject({
    sub,
    iss: `${stage.url}/oidc`,
    aud: `${stage.url}/graphql`,
    client_id: 'storefront',
    grant: expect.any(String),
    issued_ms: expect.any(Number),
    auth_time: expect.any(Number),
  })
  const idToken = String(tokens.body['id_token'])
  expect(decodeProtectedHeader(idToken).alg).toBe('RS256')
  expect(Object.keys(decodeJwt(idToken)).sort()).toEqual(['acr', 'aud', 'exp', 'iat', 'iss', 'sub'])
  expect(decodeJwt(idToken).sub).toBe(sub)
})

test('the access token works out the caller', async () => {
  const { customer, tokens } = await signedIn(stage)
  const caller = await stage.openid.callerOf(`Bearer ${tokens.access}`)
  expect(caller).toMatchObject({ clientId: 'storefront', customer, sector: 'storefront', grant: expect.any(String) })
  expect(stage.parts.policy.namesOf(caller?.purposes ?? 0)).toEqual(['consent_record', 'order_processing'])
})

test('who is signed in gets a code at the second shop without a page', async () => {
  const { browser, customer } = await signedIn(stage)
  const asked = stage.behind.asked.length
  const second = await authorize(stage, browser, { client_id: 'storefront-b' })
  expect(second.code).not.toBeNull()
  expect(stage.behind.asked.length).toBe(asked)
  const tokens = await redeem(stage, second, { client_id: 'storefront-b' })
  expect(decodeJwt(tokens.access).sub).toBe(stage.parts.subjects.outwardOne('storefront-b', customer))
})

test('an omitted scope is all of the client’s purposes', async () => {
  const { tokens } = await signedIn(stage, { scope: undefined })
  expect(tokens.body['scope']).toBe('openid purpose:order_processing purpose:personalised_shop purpose:fraud_prevention')
  expect(tokens.body).not.toHaveProperty('refresh_token')
})

test('a tool gets a token of its own, without a customer', async () => {
  const tokens = await post(stage, '/token', { grant_type: 'client_credentials' }, basic('marketing', 'marketing-demo-secret'))
  expect(tokens.body).toMatchObject({ scope: 'purpose:email_marketing' })
  expect(await stage.openid.callerOf(`Bearer ${tokens.access}`)).toMatchObject({ clientId: 'marketing', customer: null, grant: null, authTime: null })
  const operator = await post(stage, '/token', { grant_type: 'client_credentials', client_id: 'operator', client_secret: 'operator-demo-secret' })
  expect(operator.body).toMatchObject({ scope: 'audit:read privacy:handle segments:read' })
})

test('an undecided purpose is asked about once, then the code comes', async () => {
  stage.behind.undecided = ['personalised_shop']
  const { authorization } = await signedIn(stage, { scope: 'openid purpose:personalised_shop purpose:order_processing' })
  expect(authorization.code).not.toBeNull()
  expect(stage.behind.asked.at(-1)).toMatchObject({ prompt: 'consent', purposes: ['personalised_shop'], client: { id: 'storefront' } })
  expect(stage.behind.asked.at(-2)).toMatchObject({ prompt: 'login' })
  stage.behind.undecided = []
})

test('the request’s provider, hint and language reach the login page', async () => {
  stage.behind.person = newCustomer()
  await authorize(stage, stage.browser(), { provider: 'google', login_hint: 'anna', ui_locales: 'de en' })
  expect(stage.behind.asked.at(-1)).toMatchObject({ prompt: 'login', provider: 'google', loginHint: 'anna', locale: 'de', customer: null })
})

test('pressing another provider’s button while signed in is another login', async () => {
  const { browser } = await signedIn(stage, { provider: 'google' })
  stage.behind.asked.length = 0
  expect((await authorize(stage, browser, { provider: 'google' })).code).not.toBeNull()
  expect(stage.behind.asked).toEqual([])
  expect((await authorize(stage, browser, { provider: 'apple' })).code).not.toBeNull()
  expect(stage.behind.asked).toMatchObject([{ prompt: 'login', provider: 'apple' }])
})

test('refresh tokens rotate and keep the login’s time', async () => {
  const { tokens } = await signedIn(stage)
  const next = await refresh(stage, tokens.refresh)
  expect(next.status).toBe(200)
  expect(next.refresh).not.toBe(tokens.refresh)
  expect(decodeJwt(next.access)['auth_time']).toBe(decodeJwt(tokens.access)['auth_time'])
  expect(decodeJwt(next.access)['grant']).toBe(decodeJwt(tokens.access)['grant'])
})

test('the discovery document says what there is', async () => {
  const found = await (await fetch(`${stage.url}/oidc/.well-known/openid-configuration`)).json()
  expect(found).toMatchObject({
    issuer: `${stage.url}/oidc`,
    authorization_endpoint: `${stage.url}/oidc/auth`,
    token_endpoint: `${stage.url}/oidc/token`,
    jwks_uri: `${stage.url}/oidc/jwks`,
    pushed_authorization_request_endpoint: `${stage.url}/oidc/request`,
    introspection_endpoint: `${stage.url}/oidc/token/introspection`,
    revocation_endpoint: `${stage.url}/oidc/token/revocation`,
    end_session_endpoint: `${stage.url}/oidc/session/end`,
    userinfo_endpoint: `${stage.url}/oidc/me`,
    response_modes_supported: ['query', 'form_post'],
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
  })
})

test('a session is told to its customer and can be ended with all that came of it', async () => {
  const { customer, tokens } = await signedIn(stage)
  const [session] = await stage.openid.endings.sessionsOf(customer)
  expect(session).toMatchObject({ clients: ['storefront'], way: 'google' })
  await stage.openid.endings.endSession(customer, session?.handle ?? '')
  expect(await stage.openid.endings.sessionsOf(customer)).toEqual([])
  expect(stage.behind.ended).toContain(decodeJwt(tokens.access)['grant'])
  expect((await refresh(stage, tokens.refresh)).body).toMatchObject({ error: 'invalid_grant' })
})
