import { afterAll, beforeAll, expect, test } from 'vitest'
import { Browser } from '../support/browser.ts'
import { writePlaces } from '../support/places-table.ts'
import { redirectUri, startShop, type Shop } from '../support/shop.ts'
import { App, codeIn, confirmWith, withTotp } from '../support/signing-in.ts'

// Addresses kept for documentation (RFC 5737), and where they are said to be.
const berlin = '192.0.2.1'
const hamburg = '192.0.2.2'
const sydney = '198.51.100.1'
const vague = '203.0.113.1'
const device = '__Host-entente-device'

let shop: Shop
beforeAll(async () => {
  const table = await writePlaces({
    [berlin]: { name: 'Germany', latitude: 52.52, longitude: 13.4, radius: 10 },
    [hamburg]: { name: 'Germany', latitude: 53.55, longitude: 9.99, radius: 20 },
    [sydney]: { name: 'Australia', latitude: -33.87, longitude: 151.21, radius: 50 },
    [vague]: { name: 'Australia', latitude: -25.5, longitude: 133, radius: 1000 },
  })
  shop = await startShop({ env: { TRUSTED_PROXIES: '127.0.0.1', GEOIP_FILE: table } })
})
afterAll(() => shop[Symbol.asyncDispose]())

/** The browser moves; its cookies stay. */
class Traveller extends Browser {
  at = berlin

  override open(...[url, init]: Parameters<Browser['open']>) {
    return super.open(url, { ...init, headers: { ...init?.headers, 'x-forwarded-for': this.at } })
  }
}

const devices = async (token: string) => (await shop.graphql('{ me { devices { place } } }', {}, token)).data.me.devices

async function atHome(as: string): Promise<{ browser: Traveller; app: App }> {
  const browser = new Traveller([redirectUri])
  const { accessToken } = await shop.signIn('google', { as, client: 'account', browser })
  expect(await devices(accessToken)).toEqual([{ place: 'Germany' }])
  return { browser, app: await withTotp(shop, accessToken) }
}

/** The same device signs in again, without its sessions, somewhere. */
function again({ browser: before }: { readonly browser: Browser }, as: string, at: string) {
  const browser = new Traveller([redirectUri])
  const { host } = new URL(shop.url)
  browser.setCookie(host, device, before.cookie(host, device) ?? '')
  browser.at = at
  return shop.walk('google', { as, browser, client: 'account' })
}

test('nobody is in Berlin and in Sydney within a minute: the known browser is asked for the factor, each time until it is shown', async () => {
  const { app, ...home } = await atHome('anna')
  expect(codeIn((await again(home, 'anna', hamburg)).page)).not.toBeNull()

  // Not noted before it is shown: whoever comes back is asked again.
  const first = await again(home, 'anna', sydney)
  expect(new URL(first.page.url).pathname).toBe('/confirm')
  expect(first.page.text).toContain('far away')
  const asked = { type: 'step_up.asked', 'detail.reasons': 'impossibleTravel' }
  expect(await shop.db.collection('audit_log').countDocuments(asked)).toBeGreaterThan(0)
  const { page, browser } = await again(home, 'anna', sydney)
  expect(codeIn(await confirmWith(browser, page, 'totp', app.next()))).not.toBeNull()
  expect(codeIn((await again(home, 'anna', sydney)).page)).not.toBeNull()
})

test('a table that knows no more than the country says nothing of how far it is', async () => {
  const home = await atHome('ben')
  expect(codeIn((await again(home, 'ben', vague)).page)).not.toBeNull()
})

test('where there was time enough to fly, nothing is asked; what is kept of a place is whole degrees', async () => {
  const home = await atHome('cem')
  const cem = { devices: { $elemMatch: { 'around.latitude': 53, 'around.longitude': 13 } }, givenName: 'Cem' }
  const dayAgo = new Date(Date.now() - 86_400_000)
  const moved = await shop.db.collection('customers').updateOne(cem, { $set: { 'devices.0.lastAt': dayAgo } })
  expect(moved.modifiedCount).toBe(1)
  expect(codeIn((await again(home, 'cem', sydney)).page)).not.toBeNull()
})
