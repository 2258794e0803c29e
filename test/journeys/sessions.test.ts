import { afterAll, beforeAll, expect, test } from 'vitest'
import { redirectUri, startShop, type Shop } from '../support/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await startShop()
})
afterAll(() => shop[Symbol.asyncDispose]())

const refresh = `mutation ($input: RefreshTokensInput!) { refreshTokens(input: $input) { accessToken refreshToken scope } }`
const code = (answer: { errors: readonly { extensions: { code: string } }[] | undefined }) => answer.errors?.[0]?.extensions.code

test('tokens are renewed, and a refresh token used twice ends all that came from it', async () => {
  const anna = await shop.signIn('google', { as: 'anna' })
  const input = { clientId: 'storefront', refreshToken: anna.refreshToken }
  const next = await shop.graphql(refresh, { input })
  expect(next.errors).toBeUndefined()
  expect(next.data.refreshTokens.refreshToken).not.toBe(anna.refreshToken)
  expect((await shop.graphql('{ me { id } }', {}, next.data.refreshTokens.accessToken)).data.me.id).toBeTruthy()

  expect(code(await shop.graphql(refresh, { input }))).toBe('UNAUTHENTICATED')
  expect(code(await shop.graphql(refresh, { input: { ...input, refreshToken: next.data.refreshTokens.refreshToken } }))).toBe('UNAUTHENTICATED')
  expect(code(await shop.graphql('{ me { id } }', {}, next.data.refreshTokens.accessToken))).toBe('UNAUTHENTICATED')
})

test('signing out everywhere holds for the next request, and the next login works at once', async () => {
  const phone = await shop.signIn('google', { as: 'ben' })
  const laptop = await shop.signIn('google', { as: 'ben' })
  expect((await shop.graphql('mutation { logout(everywhere: true) }', {}, phone.accessToken)).data.logout).toBe(true)
  for (const device of [phone, laptop]) {
    expect(code(await shop.graphql('{ me { id } }', {}, device.accessToken))).toBe('UNAUTHENTICATED')
    expect(code(await shop.graphql(refresh, { input: { clientId: 'storefront', refreshToken: device.refreshToken } }))).toBe('UNAUTHENTICATED')
  }
  const back = await shop.signIn('google', { as: 'ben', browser: laptop.browser })
  expect((await shop.graphql('{ me { id } }', {}, back.accessToken)).data.me.id).toBeTruthy()
})

test('signing out here leaves the other device signed in', async () => {
  const phone = await shop.signIn('google', { as: 'cem' })
  const laptop = await shop.signIn('google', { as: 'cem' })
  expect((await shop.graphql('mutation { logout }', {}, phone.accessToken)).data.logout).toBe(true)
  expect(code(await shop.graphql('{ me { id } }', {}, phone.accessToken))).toBe('UNAUTHENTICATED')
  expect((await shop.graphql('{ me { id } }', {}, laptop.accessToken)).data.me.id).toBeTruthy()
})

test('cancelling at the provider shows the other ways in, and the way back to the shop says access_denied', async () => {
  const dora = await shop.walk('google', { as: 'dora' })
  expect(dora.page.status).toBe(200)
  expect(dora.page.text).toContain('LOGIN_DENIED')
  expect(dora.page.text).toMatch(/Apple/)
  expect(await shop.db.collection('customers').countDocuments({ givenName: 'Dora' })).toBe(0)
})

test('Apple, which posts its answer from its own site, lets people in too', async () => {
  const ben = await shop.signIn('apple', { as: 'person-9' })
  expect((await shop.graphql('{ me { id } }', {}, ben.accessToken)).data.me.id).toBeTruthy()
  expect(ben.browser.visited.some((url) => url.includes('/login/apple/callback?handle='))).toBe(true)
})

test('an outsider learns nothing from scopes: unknown ones and purposes of others are invalid', async () => {
  for (const scope of ['openid purpose:email_marketing', 'openid nonsense', 'openid purpose:data_subject_access']) {
    await expect(shop.walk('google', { as: 'anna', scope })).rejects.toThrow(/BAD_USER_INPUT/)
  }
})

test('a redirect URI that is not registered gets nothing', async () => {
  const input = { clientId: 'storefront', provider: 'google', redirectUri: `${redirectUri}/more`, codeChallenge: 'x'.repeat(43) }
  const { errors } = await shop.graphql('mutation ($input: StartLoginInput!) { startLogin(input: $input) { url } }', { input })
  expect(errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT')
})

test('Redis is emptied, and nobody is logged out', async () => {
  const anna = await shop.signIn('google', { as: 'anna' })
  const { Redis } = await import('ioredis')
  const redis = new Redis(shop.env.REDIS_URL)
  const keys = await redis.keys(`${shop.env.REDIS_PREFIX}*`)
  if (keys.length > 0) await redis.del(...keys)
  redis.disconnect()
  expect((await shop.graphql('{ me { id } }', {}, anna.accessToken)).data.me.id).toBeTruthy()
  const next = await shop.graphql(refresh, { input: { clientId: 'storefront', refreshToken: anna.refreshToken } })
  expect(next.errors).toBeUndefined()
  const second = await shop.walk('google', { as: 'anna', client: 'storefront-b', scope: 'openid purpose:order_processing', browser: anna.browser })
  expect(second.page.url.startsWith(redirectUri)).toBe(true)
})
