import { afterAll, beforeAll, expect, test } from 'vitest'
import { Browser } from '../support/browser.ts'
import { startShop, type Shop, type Tokens } from '../support/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await startShop()
})
afterAll(() => shop[Symbol.asyncDispose]())

const code = (answer: { errors: readonly { extensions: { code: string } }[] | undefined }) => answer.errors?.[0]?.extensions.code
const devices = async (token: string) => (await shop.graphql('{ me { devices { id agent place firstAt lastAt current } } }', {}, token)).data.me.devices
const sessions = async (token: string) =>
  (await shop.graphql('{ me { sessions { id way provider clientNames current device { id agent } } } }', {}, token)).data.me.sessions
const account = (as: string, browser: Browser = shop.newBrowser()): Promise<Tokens & { browser: Browser }> =>
  shop.signIn('google', { as, client: 'account', browser })
const host = () => new URL(shop.url).host

test('devices and sessions are told to the person alone: what the browser says it is, which shops, which way in', async () => {
  const first = await account('anna')
  await shop.signIn('google', { as: 'anna', browser: first.browser })
  const [device, ...none] = await devices(first.accessToken)
  expect(none).toEqual([])
  expect(device).toMatchObject({ agent: expect.any(String), place: null, current: true })
  const [session] = await sessions(first.accessToken)
  expect(session).toMatchObject({ way: 'google', provider: 'google', current: true, device: { id: device.id } })
  expect(session.clientNames).toHaveLength(2)

  const atShop = await shop.signIn('google', { as: 'anna' })
  const asked = await shop.graphql('{ me { devices { id } } }', {}, atShop.accessToken)
  expect(asked.data.me.devices).toBeNull()
  expect(code(await shop.graphql(`mutation { forgetDevice(id: "${device.id}") }`, {}, atShop.accessToken))).toBe('FORBIDDEN')
  expect(await devices(first.accessToken)).toHaveLength(2)
})

test('the same browser is the same device at every sign-in; a hash of its cookie is all that is kept', async () => {
  const first = await account('ben')
  const [before] = await devices(first.accessToken)
  await shop.graphql('mutation { logout }', {}, first.accessToken)
  const again = await account('ben', first.browser)
  const [after, ...none] = await devices(again.accessToken)
  expect(none).toEqual([])
  expect(after).toMatchObject({ id: before.id, firstAt: before.firstAt })
  expect(Date.parse(after.lastAt)).toBeGreaterThan(Date.parse(before.lastAt))
  const cookie = first.browser.cookie(host(), '__Host-entente-device') ?? ''
  expect(cookie).toMatch(/^[\w-]{43}$/)
  expect(JSON.stringify(await shop.db.collection('customers').find().toArray())).not.toContain(cookie)
  expect(first.browser.setCookies.find((line) => line.startsWith('__Host-entente-device='))).toMatch(/Max-Age=34560000.*HttpOnly.*Secure.*SameSite=Lax/i)
})

test('D32 a device cookie that is made up or malformed is a new device, one that was removed is new again, and another customer’s says nothing', async () => {
  const real = await account('cem')
  const forged = shop.newBrowser()
  for (const value of ['x', `${'a'.repeat(42)}!`, 'a'.repeat(43)]) {
    forged.setCookie(host(), '__Host-entente-device', value)
    await shop.signIn('google', { as: 'cem', browser: forged })
    await shop.graphql('mutation { logout(everywhere: true) }', {}, (await shop.signIn('google', { as: 'cem', browser: forged })).accessToken)
  }
  const back = await account('cem', real.browser)
  const known = await devices(back.accessToken)
  // The malformed ones got a cookie of their own, once; the well-formed one that nobody gave out is known by nothing else.
  expect(known.length).toBeGreaterThanOrEqual(3)
  const here = known.find((one: { current: boolean }) => one.current)

  const others = shop.newBrowser()
  others.setCookie(host(), '__Host-entente-device', real.browser.cookie(host(), '__Host-entente-device') ?? '')
  const other = await account('ben', others)
  expect((await devices(other.accessToken)).map((one: { id: string }) => one.id)).not.toContain(here.id)

  expect((await shop.graphql(`mutation { forgetDevice(id: "${here.id}") }`, {}, back.accessToken)).data.forgetDevice).toBe(true)
  expect(code(await shop.graphql('{ me { id } }', {}, back.accessToken))).toBe('UNAUTHENTICATED')
  const anew = await account('cem', real.browser)
  expect((await devices(anew.accessToken)).map((one: { id: string }) => one.id)).not.toContain(here.id)
  expect(code(await shop.graphql(`mutation { forgetDevice(id: "${here.id}") }`, {}, anew.accessToken))).toBe('BAD_USER_INPUT')
})

test('a refresh token used twice raises an alert, in the customer’s own audit chain', async () => {
  const anna = await shop.signIn('google', { as: 'anna' })
  const refresh = `mutation ($input: RefreshTokensInput!) { refreshTokens(input: $input) { accessToken } }`
  const input = { clientId: 'storefront', refreshToken: anna.refreshToken }
  await shop.graphql(refresh, { input })
  await shop.graphql(refresh, { input })
  await expect.poll(() => shop.db.collection('customers').countDocuments({ 'alert.why': 'tokenReuse' })).toBe(1)
  expect(await shop.db.collection('audit_log').countDocuments({ type: 'token.reused', _id: { $not: /^gateway/ } } as object)).toBe(1)
  // It tells people; who signs in is asked nothing more for it.
  expect((await shop.signIn('google', { as: 'anna' })).accessToken).toBeTruthy()
})
