import { afterAll, beforeAll, expect, test } from 'vitest'
import { newPkce, type Browser } from '../support/browser.ts'
import { onward, redirectUri, startShop, type Shop } from '../support/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await startShop()
})
afterAll(() => shop[Symbol.asyncDispose]())

/** A login in a tab of its own, stopped where the provider sends the browser back to us. */
async function openTab(browser: Browser, person: string, state: string) {
  const pkce = newPkce()
  const input = {
    clientId: 'storefront',
    provider: 'google',
    redirectUri,
    codeChallenge: pkce.challenge,
    state,
    scope: 'openid purpose:order_processing',
    loginHint: person,
  }
  const { data } = await shop.graphql('mutation ($input: StartLoginInput!) { startLogin(input: $input) { url } }', { input })
  browser.stopAt.push(`${shop.url}/login/google/callback`)
  const stopped = await browser.open(data.startLogin.url)
  browser.stopAt.pop()
  return { url: stopped.url, verifier: pkce.verifier, state }
}

test('A27: logins begun in several tabs end each in its own, in whatever order', async () => {
  const browser = shop.newBrowser()
  const tabs = []
  for (let n = 0; n < 5; n++) tabs.push(await openTab(browser, 'anna', `tab-${n}`))
  for (const tab of tabs.toReversed()) {
    const end = new URL((await onward(browser, await browser.open(tab.url), {})).url)
    expect([end.href.startsWith(redirectUri), end.searchParams.get('state')]).toEqual([true, tab.state])
    const input = { clientId: 'storefront', code: end.searchParams.get('code'), codeVerifier: tab.verifier, redirectUri }
    const { errors } = await shop.graphql('mutation ($input: CompleteLoginInput!) { completeLogin(input: $input) { accessToken } }', { input })
    expect(errors).toBeUndefined()
  }
})

test('A27: the oldest of too many logins is given up, and the cookies stay small', async () => {
  const browser = shop.newBrowser()
  const tabs = []
  for (let n = 0; n < 9; n++) tabs.push(await openTab(browser, 'ben', `tab-${n}`))
  const names = browser.cookieNames(new URL(shop.url).host)
  expect(names.filter((name) => name.startsWith('__Host-entente-interaction.') && !name.endsWith('.sig'))).toHaveLength(5)
  const first = await browser.open(tabs[0]?.url ?? '')
  expect([first.status, first.text.includes('LOGIN_EXPIRED')]).toEqual([400, true])
  const last = await onward(browser, await browser.open(tabs[8]?.url ?? ''), {})
  expect(last.url.startsWith(redirectUri)).toBe(true)
})
