import { createHmac, generateKeyPairSync } from 'node:crypto'
import { request } from 'node:http'
import { SignJWT, UnsecuredJWT, decodeJwt, decodeProtectedHeader, exportJWK } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openIdAdapter } from '../../src/access/openid-adapter.ts'
import { authorize, basic, newCustomer, openStage, post, redeem, refresh, signedIn, type Stage, type Tokens } from '../access/stage.ts'

const toolKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const toolJwk = { ...(await exportJWK(toolKeys.publicKey)), kid: 'tool-1' }

let stage: Stage
beforeAll(async () => {
  stage = await openStage({
    clients: `\n  - ${JSON.stringify({ id: 'signing-tool', name: 'Tool', authentication: 'private_key_jwt', jwks: { keys: [toolJwk] }, grants: ['client_credentials'], scopes: ['audit:read'] })}\n`,
  })
})
afterAll(() => stage[Symbol.asyncDispose]())

const newCode = async () => {
  stage.behind.person = newCustomer()
  return authorize(stage, stage.browser())
}
const both = (i: number): Record<string, string> => ({ 'x-process': String((i % 2) + 1) })
/** Header lines as they are, which `fetch` would join. */
const twoHeaders = (url: string, token: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    request(url, { headers: ['host', new URL(url).host, 'authorization', `Bearer ${token}`, 'authorization', `Bearer ${token}`] }, (response) =>
      resolve(response.resume().statusCode),
    )
      .on('error', reject)
      .end()
  })
const dead = { error: 'invalid_grant' }
const unauthenticated = expect.objectContaining({ code: 'UNAUTHENTICATED' })

describe('codes', () => {
  test('C04 the redirect URI must come again, the same', async () => {
    for (const redirect_uri of ['http://127.0.0.1:9/other', 'http://127.0.0.1:10/callback'])
      expect((await redeem(stage, await newCode(), { redirect_uri })).body).toMatchObject(dead)
    stage.behind.person = newCustomer()
    const one = await authorize(stage, stage.browser(), { client_id: 'one-address', redirect_uri: 'https://one.example/callback', scope: 'openid' })
    expect((await redeem(stage, one, { client_id: 'one-address', redirect_uri: undefined })).status).toBe(400)
    expect((await redeem(stage, one, { client_id: 'one-address', redirect_uri: 'https://one.example/callback' })).status).toBe(200)
  })
  test('C09 the verifier must fit the challenge', async () => {
    for (const code_verifier of [undefined, 'x'.repeat(43)]) expect((await redeem(stage, await newCode(), { code_verifier })).body).toMatchObject(dead)
  })
  test('C10 a second use ends what the first one gave', async () => {
    const { authorization, tokens } = await signedIn(stage)
    expect((await redeem(stage, authorization)).body).toMatchObject(dead)
    expect((await refresh(stage, tokens.refresh)).body).toMatchObject(dead)
    expect(stage.behind.ended).toContain(decodeJwt(tokens.access)['grant'])
    expect(stage.behind.events).toContainEqual({ type: 'token.reused', client: 'storefront', customer: null })
  })
  test('C11 of 20 at once on two processes one gets tokens', async () => {
    for (let round = 0; round < 3; round++) {
      const authorization = await newCode()
      const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => redeem(stage, authorization, {}, both(i))))
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
      expect(new Set(answers.filter(({ status }) => status !== 200).map(({ body }) => body['error']))).toEqual(new Set(['invalid_grant']))
    }
  })
  test('C12 the GraphQL door and the endpoint take one code once', async () => {
    const authorization = await newCode()
    const door = stage.openid.door
      .completeLogin({
        clientId: 'storefront',
        code: authorization.code ?? '',
        codeVerifier: authorization.verifier,
        redirectUri: 'http://127.0.0.1:9/callback',
      })
      .then(
        () => 1,
        () => 0,
      )
    const endpoint = redeem(stage, authorization).then(({ status }) => (status === 200 ? 1 : 0))
    expect((await door) + (await endpoint)).toBe(1)
  })
  test('C13 another client cannot redeem it', async () => {
    expect((await redeem(stage, await newCode(), { client_id: 'storefront-b' })).body).toMatchObject(dead)
  })
})

describe('refresh tokens', () => {
  test('C15 a rotated one used again ends the family, and it is noticed', async () => {
    const { tokens, customer } = await signedIn(stage)
    const next = await refresh(stage, tokens.refresh)
    expect((await refresh(stage, tokens.refresh)).body).toMatchObject(dead)
    expect((await refresh(stage, next.refresh)).body).toMatchObject(dead)
    expect(stage.behind.ended).toContain(decodeJwt(tokens.access)['grant'])
    expect(stage.behind.events).toContainEqual({ type: 'token.reused', client: 'storefront', customer })
  })
  test('C16 of 20 at once on two processes one gets tokens, and no second chain lives', async () => {
    for (let round = 0; round < 3; round++) {
      const { tokens } = await signedIn(stage)
      const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => refresh(stage, tokens.refresh, {}, both(i))))
      const successes = answers.filter(({ status }) => status === 200)
      expect(successes.length).toBe(1)
      const descendants = await Promise.all(successes.map((one: Tokens) => refresh(stage, one.refresh)))
      expect(descendants.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1)
    }
  })
  test('C18 another client’s is refused and stays good', async () => {
    const { tokens } = await signedIn(stage)
    expect((await refresh(stage, tokens.refresh, { client_id: 'storefront-b' })).body).toMatchObject(dead)
    expect((await refresh(stage, tokens.refresh)).status).toBe(200)
  })
  test('C19 a confidential client’s rotates each time', async () => {
    stage.behind.person = newCustomer()
    const web = { client_id: 'webshop', redirect_uri: 'https://shop.example/callback' }
    const tokens = await redeem(stage, await authorize(stage, stage.browser(), web), { ...web, client_secret: 'webshop-test-secret' })
    const next = await refresh(stage, tokens.refresh, { client_id: 'webshop', client_secret: 'webshop-test-secret' })
    expect(next.status).toBe(200)
    expect(next.refresh).not.toBe(tokens.refresh)
  })
  test('C20 cannot ask for more than there was', async () => {
    const { tokens } = await signedIn(stage)
    expect((await refresh(stage, tokens.refresh, { scope: 'purpose:personalised_shop' })).body).toMatchObject({ error: 'invalid_scope' })
    expect((await refresh(stage, tokens.refresh, { scope: 'openid' })).body).toMatchObject({ scope: 'openid' })
  })
  test('C21 C31 follow what the client may do now, and the customer’s end', async () => {
    const { tokens, customer } = await signedIn(stage)
    const before = stage.clients.get('storefront')
    if (!before) throw new Error('no storefront')
    stage.clients.set('storefront', { ...before, purposes: 0 })
    const caller = await stage.openid.callerOf(`Bearer ${tokens.access}`)
    expect(stage.parts.policy.namesOf(caller?.purposes ?? 0)).toEqual(['consent_record'])
    const cut = await refresh(stage, tokens.refresh)
    expect(cut.body['scope']).toBe('openid offline_access')
    stage.clients.delete('storefront')
    expect((await refresh(stage, cut.refresh)).status).toBe(401)
    await expect(stage.openid.callerOf(`Bearer ${tokens.access}`)).rejects.toEqual(unauthenticated)
    stage.clients.set('storefront', before)
    stage.behind.dead.add(customer)
    expect((await refresh(stage, cut.refresh)).body).toMatchObject(dead)
  })
  test('C22 after a family has ended the same browser signs in as ever', async () => {
    const { tokens, browser } = await signedIn(stage)
    await refresh(stage, tokens.refresh)
    await refresh(stage, tokens.refresh)
    const again = await authorize(stage, browser)
    expect(again.code).not.toBeNull()
    expect((await redeem(stage, again)).status).toBe(200)
  })
  test('C23 revoking the access token ends refreshing too', async () => {
    const { tokens } = await signedIn(stage)
    expect((await post(stage, '/token/revocation', { client_id: 'storefront', token: tokens.access })).status).toBe(200)
    expect((await refresh(stage, tokens.refresh)).body).toMatchObject(dead)
    expect(stage.behind.ended).toContain(decodeJwt(tokens.access)['grant'])
  })
  test('C24 a refresh and a sign-out everywhere at once leave nothing alive', async () => {
    for (let round = 0; round < 5; round++) {
      const { tokens, customer } = await signedIn(stage)
      const [next] = await Promise.all([refresh(stage, tokens.refresh), stage.openid.endings.endEverywhere(customer)])
      expect((await refresh(stage, next.refresh)).body).toMatchObject(dead)
    }
  })
  test('C40 another client’s revocation does nothing', async () => {
    const { tokens } = await signedIn(stage)
    for (const token of [tokens.access, tokens.refresh]) expect((await post(stage, '/token/revocation', { client_id: 'storefront-b', token })).status).toBe(200)
    expect((await refresh(stage, tokens.refresh)).status).toBe(200)
  })
})

describe('clients', () => {
  const grant = { grant_type: 'client_credentials' }
  test('C25 one way to authenticate, not two', async () => {
    expect(
      (await post(stage, '/token', { ...grant, client_id: 'marketing', client_secret: 'marketing-demo-secret' }, basic('marketing', 'marketing-demo-secret')))
        .status,
    ).toBe(400)
    expect((await post(stage, '/token', { ...grant, client_id: 'ads' }, basic('marketing', 'marketing-demo-secret'))).status).toBe(400)
  })
  test('C26 the way that is registered, and a secret in no URL', async () => {
    const asked = [
      post(stage, '/token', { ...grant, client_id: 'marketing' }),
      post(stage, '/token', { ...grant, client_id: 'marketing', client_secret: 'wrong' }),
      post(stage, '/token?client_secret=marketing-demo-secret', { ...grant, client_id: 'marketing' }),
      redeem(stage, await newCode(), { client_secret: 'anything at all' }),
    ]
    for (const answer of await Promise.all(asked)) expect([answer.status, answer.body['error']]).toEqual([401, 'invalid_client'])
    expect(stage.behind.events).toContainEqual({ type: 'client.refused', client: 'marketing' })
  })
  describe('C27 client assertions', () => {
    const assertion = (
      change: Record<string, unknown> = {},
      header: { alg: string; kid?: string } = { alg: 'ES256', kid: 'tool-1' },
      key: Parameters<SignJWT['sign']>[0] = toolKeys.privateKey,
    ) => {
      const now = Math.floor(Date.now() / 1000)
      return new SignJWT({
        iss: 'signing-tool',
        sub: 'signing-tool',
        aud: `${stage.url}/oidc`,
        jti: Math.random().toString(),
        iat: now,
        exp: now + 60,
        ...change,
      })
        .setProtectedHeader(header)
        .sign(key)
    }
    const ask = async (token: string, headers = {}) =>
      (
        await post(
          stage,
          '/token',
          { ...grant, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: token },
          headers,
        )
      ).status
    test('C27 a good one is taken, once, also by 20 at once on two processes', async () => {
      const token = await assertion()
      const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => ask(token, both(i))))
      expect(answers.filter((status) => status === 200)).toHaveLength(1)
      expect(answers.filter((status) => status === 401)).toHaveLength(19)
    })
    // The library looks before it writes; a race over HTTP seldom falls in between, so the storage is asked directly.
    test('C27 what two processes found unused is remembered for one of them', async () => {
      const [first, second] = [openIdAdapter(stage.parts), openIdAdapter(stage.parts)].map((adapter) => adapter('ReplayDetection'))
      const written = await Promise.allSettled([first, second].map((one) => one?.upsert('assertion', { kind: 'ReplayDetection', iss: 'signing-tool' }, 60)))
      expect(written.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    })
    test.for([
      ['another audience', { aud: 'https://other.example' }],
      ['two audiences', { aud: ['https://other.example', 'ours'] }],
      ['expired', { exp: 1_000_000_000 }],
      ['for years', { exp: 4_000_000_000 }],
      ['another issuer', { iss: 'marketing' }],
      ['another subject', { sub: 'marketing' }],
      ['no jti', { jti: undefined }],
    ] as const)('C27 %s', async ([, change]) => {
      const ours = 'aud' in change && Array.isArray(change.aud) ? { aud: ['https://other.example', `${stage.url}/oidc`] } : change
      expect([400, 401]).toContain(await ask(await assertion(ours)))
    })
    test('C27 signed with what everybody knows', async () => {
      expect(await ask(await assertion({}, { alg: 'HS256' }, Buffer.from(JSON.stringify(toolJwk))))).toBe(401)
      expect(
        await ask(new UnsecuredJWT({ iss: 'signing-tool', sub: 'signing-tool', aud: `${stage.url}/oidc`, jti: 'x' }).setExpirationTime('1m').encode()),
      ).toBe(401)
    })
  })
  test('C39 G8 a client learns about its own tokens only', async () => {
    const { tokens } = await signedIn(stage)
    const tool = await post(stage, '/token', grant, basic('marketing', 'marketing-demo-secret'))
    const ask = (token: string, headers: Record<string, string>) => post(stage, '/token/introspection', { token }, headers)
    const own = await ask(tool.access, basic('marketing', 'marketing-demo-secret'))
    expect(own.body).toMatchObject({ active: true, client_id: 'marketing', sub: 'marketing', scope: 'purpose:email_marketing' })
    for (const token of [tokens.access, tokens.refresh, 'a random string', `${tool.access}x`])
      expect((await ask(token, basic('marketing', 'marketing-demo-secret'))).body).toEqual({ active: false })
    const answers = await Promise.all([ask(tokens.access, {}), post(stage, '/token/introspection', { token: tokens.access, client_id: 'storefront' })])
    for (const { status, body } of answers) expect([status, body['error']]).toEqual([401, 'invalid_client'])
    expect((await ask(tokens.access, basic('gateway', 'gateway-test-secret'))).body).toMatchObject({ active: true, client_id: 'storefront' })
    await post(stage, '/token/revocation', { client_id: 'storefront', token: tokens.refresh })
    expect((await ask(tokens.access, basic('gateway', 'gateway-test-secret'))).body).toEqual({ active: false })
  })
})

describe('access tokens', () => {
  test('C32 C34 C35 other tokens are no access tokens', async () => {
    const { tokens } = await signedIn(stage)
    const claims = decodeJwt(tokens.access)
    const { kid = '' } = decodeProtectedHeader(tokens.access)
    const published = await (await fetch(`${stage.url}/oidc/jwks`)).text()
    const [head = '', body = ''] = tokens.access.split('.')
    const wrongHeader = (change: object) =>
      `${Buffer.from(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid, ...change })).toString('base64url')}.${body}.${tokens.access.split('.')[2]}`
    const hmac = (header: string) => `${header}.${body}.${createHmac('sha256', published).update(`${header}.${body}`).digest('base64url')}`
    const others = [
      String(tokens.body['id_token']),
      await stage.openid.signingKeys.sign({ ...claims }, 'consent-receipt+jwt'),
      await stage.openid.signingKeys.sign({ ...claims, aud: 'https://other.example' }, 'at+jwt'),
      await stage.openid.signingKeys.sign({ ...claims, iss: 'https://other.example' }, 'at+jwt'),
      await stage.openid.signingKeys.sign({ ...claims, aud: [String(claims.aud), 'https://other.example'] }, 'at+jwt'),
      await stage.openid.signingKeys.sign({ ...claims, exp: 1 }, 'at+jwt'),
      await stage.openid.signingKeys.sign({ ...claims, sub: 'storefront' }, 'at+jwt'),
      await stage.openid.signingKeys.sign({ ...claims, grant: undefined }, 'at+jwt'),
      await stage.openid.signingKeys.sign({ ...claims, client_id: 'nobody' }, 'at+jwt'),
      new UnsecuredJWT({ ...claims }).encode(),
      hmac(Buffer.from(JSON.stringify({ alg: 'HS256', typ: 'at+jwt', kid })).toString('base64url')),
      wrongHeader({ kid: '../../x' }),
      wrongHeader({ kid: undefined }),
      wrongHeader({ jku: 'http://127.0.0.1:1/' }),
      wrongHeader({ alg: 'none' }),
      wrongHeader({ alg: 'RS256' }),
      `${head}.${body}.`,
      `${head}.${body}.AAAA`,
      tokens.access.slice(0, -2),
      'x'.repeat(9000),
      '',
      'a.b.c',
    ]
    for (const token of others) await expect(stage.openid.callerOf(`Bearer ${token}`)).rejects.toEqual(unauthenticated)
    expect(await stage.openid.callerOf(`Bearer ${tokens.access}`)).toMatchObject({ clientId: 'storefront' })
    expect(await stage.openid.callerOf(`Bearer ${await stage.openid.signingKeys.sign({ ...claims }, 'at+jwt')}`)).toMatchObject({ clientId: 'storefront' })
  })
  test('C37 two tokens are a malformed request', async () => {
    const { tokens } = await signedIn(stage)
    for (const header of [`Bearer ${tokens.access}, Bearer ${tokens.access}`, `Bearer ${tokens.access} x`])
      await expect(stage.openid.callerOf(header)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
    await expect(stage.openid.callerOf(`Basic ${tokens.access}`)).rejects.toEqual(unauthenticated)
    expect(await stage.openid.callerOf(undefined)).toBeNull()
    expect(await twoHeaders(`${stage.url}/oidc/me`, tokens.access)).toBe(400)
  })
  test('C36 C41 the claims of userinfo need the token in the header', async () => {
    const { tokens, customer } = await signedIn(stage)
    const ask = (query: string, init: RequestInit) => fetch(`${stage.url}/oidc/me${query}`, init)
    const found = await ask('', { headers: { authorization: `Bearer ${tokens.access}` } })
    expect(await found.json()).toEqual({ sub: stage.parts.subjects.outwardOne('storefront', customer), given_name: 'Ada' })
    expect((await ask('', { method: 'POST', headers: { authorization: `Bearer ${tokens.access}` } })).status).toBe(200)
    for (const refused of [
      await ask(`?access_token=${tokens.access}`, {}),
      await ask('', { method: 'POST', body: new URLSearchParams({ access_token: tokens.access }) }),
    ]) {
      expect(refused.status).toBe(401)
      expect(refused.headers.get('www-authenticate')).toContain('Bearer')
    }
    const tool = await post(stage, '/token', { grant_type: 'client_credentials' }, basic('marketing', 'marketing-demo-secret'))
    expect((await ask('', { headers: { authorization: `Bearer ${tool.access}` } })).status).toBe(401)
    const bare = await signedIn(stage, { scope: 'purpose:order_processing' })
    expect((await ask('', { headers: { authorization: `Bearer ${bare.tokens.access}` } })).status).toBe(403)
    expect(await (await ask('', { headers: { authorization: 'Bearer a, Bearer b' } })).json()).toEqual({ error: 'invalid_request' })
  })
  test('C41 the claims parameter opens nothing', async () => {
    const { tokens } = await signedIn(stage, { claims: JSON.stringify({ id_token: { email: { essential: true }, given_name: null } }) })
    expect(Object.keys(decodeJwt(String(tokens.body['id_token']))).sort()).toEqual(['acr', 'aud', 'exp', 'iat', 'iss', 'sub'])
  })
})
