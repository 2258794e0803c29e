import { decodeJwt } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startShop, type Shop } from '../support/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await startShop()
})
afterAll(() => shop[Symbol.asyncDispose]())

test('sign-on carries from a brand on one site to a brand on another by top-level redirects alone: no third-party cookie, no page, no provider', async () => {
  const browser = shop.newBrowser()
  const first = await shop.signIn('google', { as: 'anna', browser, consent: { personalised_shop: true } })
  const [house, brand] = [new URL(shop.url), new URL('http://127.0.0.1:5555')]
  expect(house.hostname).toBe('localhost')
  const seen = browser.visited.length
  const second = await shop.signIn('google', { as: 'anna', browser, client: 'storefront-b', consent: { personalised_shop: true } })
  const between = browser.visited.slice(seen).map((url) => new URL(url))
  expect(new Set(between.map(({ host }) => host))).toEqual(new Set([house.host]))
  expect(between.some(({ pathname }) => pathname.startsWith('/login'))).toBe(false)
  // Cookies are the house's own, first-party at each step, and no other site is allowed to bring them along.
  expect(browser.cookieNames(brand.host)).toEqual([])
  for (const line of browser.setCookies) {
    expect(line).toMatch(/SameSite=Lax/i)
    expect(line).not.toMatch(/Domain=|SameSite=None/i)
  }
  // One session, and two brands that cannot tell that it is one person.
  expect(decodeJwt(first.accessToken).sub).not.toBe(decodeJwt(second.accessToken).sub)
  const account = await shop.signIn('google', { as: 'anna', browser, client: 'account' })
  const { data } = await shop.graphql('{ me { sessions { clients } } }', {}, account.accessToken)
  expect(data.me.sessions.map(({ clients }: { clients: string[] }) => clients.toSorted())).toEqual([['account', 'storefront', 'storefront-b']])
  // A sign-out at one brand's house ends the other's tokens too.
  await shop.graphql('mutation { logout }', {}, second.accessToken)
  expect((await shop.graphql('{ me { id } }', {}, first.accessToken)).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
})
