import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Browser } from '../support/browser.ts'
import { startShop, type Answer, type Shop } from '../support/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await startShop()
})
afterAll(() => shop[Symbol.asyncDispose]())

const refresh = `mutation ($input: RefreshTokensInput!) { refreshTokens(input: $input) { accessToken } }`
const sessions = '{ me { sessions { id signedInAt clients provider current } } }'
const end = 'mutation ($id: ID!) { endSession(id: $id) }'
const codeIn = (answer: Answer) => answer.errors?.[0]?.extensions.code

/** Whether the provider is asked before the shop lets this browser in. */
async function asksProvider(browser: Browser, person: string): Promise<boolean> {
  const before = browser.visited.length
  await shop.signIn('google', { as: person, browser })
  return browser.visited.slice(before).some((url) => url.startsWith(shop.providers.google.url))
}

test('one browser is signed out from another: it ends at once and everywhere, the other goes on', async () => {
  const phone = await shop.signIn('google', { as: 'anna' })
  const account = await shop.signIn('google', { as: 'anna', client: 'account', browser: phone.browser })
  const laptop = await shop.signIn('google', { as: 'anna' })

  const listed = (await shop.graphql(sessions, {}, account.accessToken)).data.me.sessions
  expect(listed).toHaveLength(2)
  const here = listed.find((one: { current: boolean }) => one.current)
  const there = listed.find((one: { current: boolean }) => !one.current)
  expect(here).toMatchObject({ provider: 'google', clients: expect.arrayContaining(['storefront', 'account']) })
  expect(there).toMatchObject({ provider: 'google', clients: ['storefront'], signedInAt: expect.stringMatching(/Z$/) })

  expect((await shop.graphql(end, { id: there.id }, account.accessToken)).data.endSession).toBe(true)
  expect(codeIn(await shop.graphql('{ me { id } }', {}, laptop.accessToken))).toBe('UNAUTHENTICATED')
  expect(codeIn(await shop.graphql(refresh, { input: { clientId: 'storefront', refreshToken: laptop.refreshToken } }))).toBe('UNAUTHENTICATED')
  expect(await asksProvider(laptop.browser, 'anna')).toBe(true)

  expect((await shop.graphql('{ me { id } }', {}, phone.accessToken)).data.me.id).toBeTruthy()
  expect((await shop.graphql(refresh, { input: { clientId: 'storefront', refreshToken: phone.refreshToken } })).errors).toBeUndefined()
  expect(await asksProvider(phone.browser, 'anna')).toBe(false)

  expect(codeIn(await shop.graphql(end, { id: there.id }, account.accessToken))).toBe('BAD_USER_INPUT')
  expect(await shop.db.collection('audit_log').countDocuments({ type: 'session.ended', client: 'account' })).toBe(1)
  const log = await shop.graphql('{ me { accessLog { edges { node { type clientId } } } } }', {}, account.accessToken)
  const told = log.data.me.accessLog.edges.map(({ node }: { node: { type: string; clientId: string } }) => `${node.type} ${node.clientId}`)
  expect(told).toEqual(['login.succeeded storefront', 'session.ended account', 'login.succeeded storefront', 'customer.created storefront'])
})

test('sessions are the business of the person alone', async () => {
  const ben = await shop.signIn('google', { as: 'ben' })
  const mine = await shop.signIn('google', { as: 'ben', client: 'account', browser: ben.browser })
  const [session] = (await shop.graphql(sessions, {}, mine.accessToken)).data.me.sessions

  const asked = await shop.graphql(sessions, {}, ben.accessToken)
  expect(asked.data.me.sessions).toBeNull()
  expect(asked.extensions?.withheld).toMatchObject([{ field: 'Customer.sessions', reason: 'PURPOSE_NOT_GRANTED' }])
  expect(codeIn(await shop.graphql(end, { id: session.id }, ben.accessToken))).toBe('FORBIDDEN')
  expect(codeIn(await shop.graphql(end, { id: session.id }, await shop.tool('marketing')))).toBe('FORBIDDEN')
  expect(codeIn(await shop.graphql(end, { id: session.id }))).toBe('UNAUTHENTICATED')

  const cem = await shop.signIn('google', { as: 'cem', client: 'account' })
  expect(codeIn(await shop.graphql(end, { id: session.id }, cem.accessToken))).toBe('BAD_USER_INPUT')
  const seen = await shop.graphql('{ me { seenBy(clientId: "storefront") { customer { sessions { id } } } } }', {}, mine.accessToken)
  expect(seen.data.me.seenBy.customer.sessions).toBeNull()
  expect((await shop.graphql(sessions, {}, mine.accessToken)).data.me.sessions).toHaveLength(1)
})
