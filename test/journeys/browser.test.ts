import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'puppeteer-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { examine, openChromium, press } from '../pages/chromium.ts'
import { newPkce } from '../support/browser.ts'
import { startShop, type Shop } from '../support/shop.ts'

/** The shop's own server, where logins end. */
const shopServer = createServer((_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<title>Shop</title>'))
await new Promise<void>((resolve) => shopServer.listen(0, '127.0.0.1', resolve))
const callback = `http://127.0.0.1:${(shopServer.address() as AddressInfo).port}/callback`

const chromium = await openChromium()
let shop: Shop
beforeAll(async () => {
  shop = await startShop()
})
afterAll(async () => {
  await chromium.close()
  await shop[Symbol.asyncDispose]()
  shopServer.closeAllConnections()
  shopServer.close()
})

/** A browser that was never here, with scripts switched off. */
async function freshBrowser(language: string): Promise<Page> {
  const page = await (await chromium.createBrowserContext()).newPage()
  await page.setExtraHTTPHeaders({ 'accept-language': language })
  await page.setJavaScriptEnabled(false)
  return page
}

/** What a shop sends its visitors to. */
function signInAt(scope: string): string {
  const query = {
    client_id: 'storefront',
    redirect_uri: callback,
    response_type: 'code',
    scope,
    code_challenge: newPkce().challenge,
    code_challenge_method: 'S256',
  }
  return `${shop.url}/oidc/auth?${new URLSearchParams(query)}`
}

async function signIn(page: Page, person: string): Promise<void> {
  await page.goto(`${shop.url}/account`)
  await press(page, 'a[href*="provider=google"]', '/o/oauth2/v2/auth')
  await press(page, `button[value=${person}]`, '/account')
}

const pathOf = (page: Page) => new URL(page.url()).pathname
const heading = (page: Page) => page.$eval('h1', (one) => one.textContent)
const expectAccessible = async (page: Page) => expect(await examine(page)).toMatchObject({ serious: [], kept: expect.toSatisfy((kept: number) => kept > 10) })

describe('the whole house in Chromium, without scripts', () => {
  const readers = [
    { language: 'en', person: 'anna', login: 'Sign in', account: 'Your account', consent: 'Your decision', signOut: 'Sign out?', gone: 'Signed out' },
    { language: 'de', person: 'ben', login: 'Anmelden', account: 'Ihr Konto', consent: 'Ihre Entscheidung', signOut: 'Abmelden?', gone: 'Abgemeldet' },
  ]

  test.for(readers)('$language: from the account centre to the shop and out again, and axe finds nothing serious', { timeout: 90_000 }, async (reader) => {
    const page = await freshBrowser(reader.language)
    await page.goto(`${shop.url}/account`)
    expect([pathOf(page), await heading(page)]).toEqual(['/login', reader.login])
    await expectAccessible(page)

    await signIn(page, reader.person)
    expect([await page.$eval('html', (root) => root.lang), await heading(page)]).toEqual([reader.language, reader.account])
    expect(await page.$eval('#profile-givenName', (input) => input.getAttribute('value'))).toBe(reader.person === 'anna' ? 'Anna' : 'Ben')
    await expectAccessible(page)

    await page.goto(signInAt('openid purpose:personalised_shop'))
    expect([pathOf(page), await heading(page)]).toEqual(['/consent', reader.consent])
    await expectAccessible(page)
    await page.click('input[value=yes]')
    await press(page, 'button.main', '/callback')
    expect(new URL(page.url()).searchParams.get('code')).toBeTruthy()

    await page.goto(`${shop.url}/oidc/session/end`)
    expect([await page.$eval('html', (root) => root.lang), await heading(page)]).toEqual([reader.language, reader.signOut])
    await expectAccessible(page)
    await press(page, 'button[name=logout]', '/oidc/session/end/success')
    expect(await heading(page)).toBe(reader.gone)
    await expectAccessible(page)
    await page.goto(signInAt('openid purpose:order_processing'))
    expect(pathOf(page)).toBe('/login')
    await page.browserContext().close()
  })

  test('one browser is signed out from another', { timeout: 60_000 }, async () => {
    const [here, there] = [await freshBrowser('en'), await freshBrowser('en')]
    await signIn(there, 'cem')
    await signIn(here, 'cem')
    const others = 'form[action="/account/sessions/end"] button'
    expect(await here.$$(others)).toHaveLength(1)
    await press(here, others, '/account')
    expect(await here.$$(others)).toHaveLength(0)
    await there.goto(signInAt('openid purpose:order_processing'))
    expect(pathOf(there)).toBe('/login')
    await here.goto(signInAt('openid purpose:order_processing'))
    expect(pathOf(here)).toBe('/callback')
    await Promise.all([here, there].map((page) => page.browserContext().close()))
  })
})

describe('A63: Apple posts its answer from another site', () => {
  /** The SameSite rules that kept cookies of ours away from the post. */
  async function keptFromPost(page: Page): Promise<string[]> {
    const session = await page.createCDPSession()
    const posts = new Set<string>()
    const reasons: string[] = []
    session.on('Network.requestWillBeSent', ({ request, requestId }) => {
      if (request.method === 'POST' && request.url.endsWith('/login/apple/callback')) posts.add(requestId)
    })
    session.on('Network.requestWillBeSentExtraInfo', ({ requestId, associatedCookies }) => {
      if (posts.has(requestId))
        reasons.push(...associatedCookies.filter(({ cookie }) => cookie.name === '__Host-entente-login').flatMap(({ blockedReasons }) => blockedReasons))
    })
    await session.send('Network.enable')
    return reasons
  }

  test.for([
    ['with scripts, where its form posts itself', true],
    ['without scripts, by its button', false],
  ] as const)('%s: the login ends in the browser that began it', { timeout: 60_000 }, async ([, scripts]) => {
    const page = await freshBrowser('en')
    await page.setJavaScriptEnabled(scripts)
    const reasons = await keptFromPost(page)
    await page.goto(`${shop.url}/account`)
    await press(page, 'a[href*="provider=apple"]', '/auth/authorize')
    if (scripts) await press(page, 'button[value=finn]', '/account')
    else {
      await page.click('button[value=finn]')
      await page.waitForSelector('form[method=post]')
      await press(page, 'form[method=post] button', '/account')
    }
    expect(await heading(page)).toBe('Your account')
    expect(reasons).toContain('SameSiteLax')
    await page.browserContext().close()
  })
})
