import { Secret, TOTP } from 'otpauth'
import type { Page } from 'puppeteer-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openChromium, press } from '../pages/chromium.ts'
import { startShop, type Shop } from '../support/shop.ts'

let shop: Shop
let chromium: Awaited<ReturnType<typeof openChromium>>
beforeAll(async () => {
  shop = await startShop()
  chromium = await openChromium()
})
afterAll(async () => {
  await chromium.close()
  await shop[Symbol.asyncDispose]()
})

/** A phone whose owner is signed in to the account centre. */
async function signedIn(scripts: boolean): Promise<Page> {
  const page = await (await chromium.createBrowserContext()).newPage()
  await page.setViewport({ width: 360, height: 740 })
  await page.setExtraHTTPHeaders({ 'accept-language': 'en' })
  await page.setJavaScriptEnabled(scripts)
  await page.goto(`${shop.url}/account`)
  await press(page, 'a[href*="provider=google"]', '/o/oauth2/v2/auth')
  await press(page, 'button[value=anna]', '/account')
  return page
}

async function giveAuthenticator(page: Page): Promise<void> {
  const device = await page.createCDPSession()
  await device.send('WebAuthn.enable', { enableUI: false })
  await device.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
}

const heading = (page: Page): Promise<string> => page.$eval('h1', (one) => one.innerText)
const textOf = (page: Page, place: `section#${string}` | 'main'): Promise<string> => page.$eval(place, (one) => one.innerText)

test('a passkey, an app and codes are enrolled; one is removed with a code on paper, and another browser is signed out', { timeout: 120_000 }, async () => {
  const elsewhere = await signedIn(false)
  const page = await signedIn(true)
  await giveAuthenticator(page)
  const refused: string[] = []
  page.on('console', (message) => message.type() === 'error' && refused.push(message.text()))
  expect(await textOf(page, 'main')).toContain('Only Google opens this account.')

  // A passkey, and right after it the codes that stand in for it.
  await press(page, 'form[action="/account/passkeys/new"] button', '/account/passkeys/new')
  await page.type('#passkey-name', 'My phone')
  await press(page, 'form[data-use=make] button', '/account/recovery-codes')
  await press(page, 'button.main', '/account/recovery-codes/new')
  const codes = await page.$$eval('.codes li', (items) => items.map((item) => item.innerText))
  expect(new Set(codes)).toHaveLength(10)
  await press(page, 'a.main', '/account')
  expect(await textOf(page, 'section#security')).toMatch(/My phone[\s\S]*10 left/)
  expect(await textOf(page, 'main')).toContain('Nothing needs your attention.')

  // From now on another factor takes the one that is there.
  await press(page, 'form[action="/account/authenticator/new"] button', '/account/authenticator/new')
  expect(await heading(page)).toBe('Please confirm that it is you')
  await press(page, 'form[data-options] button', '/account/authenticator/new')
  const secret = Secret.fromBase32((await page.$eval('.secret', (one) => one.textContent ?? '')).replaceAll(' ', ''))
  const right = new TOTP({ secret }).generate()
  await page.type('#app-code', right === '000000' ? '000001' : '000000')
  await press(page, 'form[action="/account/authenticator/confirm"] button', '/account/authenticator/confirm')
  expect(await textOf(page, 'main')).toContain('Something in the form does not fit')
  expect((await page.$eval('.secret', (one) => one.textContent ?? '')).replaceAll(' ', '')).toBe(secret.base32)
  await page.type('#app-code', new TOTP({ secret }).generate())
  await press(page, 'form[action="/account/authenticator/confirm"] button', '/account')
  expect(refused.filter((text) => !text.includes('400'))).toEqual([])

  // Without scripts: the page before the step, which can be left; then with a code on paper.
  await page.setJavaScriptEnabled(false)
  await page.reload()
  const removal = 'a[aria-label="Remove: My phone"]'
  await press(page, removal, '/account/factors/remove')
  expect(await heading(page)).toBe('Remove the passkey “My phone”?')
  await press(page, 'a.quiet', '/account')
  await press(page, removal, '/account/factors/remove')
  await press(page, 'button.main', '/account/factors/remove')
  await page.click('summary')
  await page.type('#code-recoveryCode', codes[0] ?? '')
  await press(page, 'details button', '/account')
  expect(await textOf(page, 'section#security')).not.toContain('My phone')
  expect(await textOf(page, 'section#security')).toContain('9 left')

  // The other browser, and what is known of it.
  expect(await textOf(page, 'section#sessions')).toMatch(/Chrome[\s\S]*This browser[\s\S]*Google/)
  await press(page, 'form[action="/account/sessions/end"] button', '/account')
  await elsewhere.goto(`${shop.url}/account`)
  expect(new URL(elsewhere.url()).pathname).toBe('/login')
  expect(await page.$('form[action="/account/sessions/end"]')).toBeNull()
})

test('the page before a login is added says what it will open, and the last one cannot be removed', { timeout: 60_000 }, async () => {
  const page = await (await chromium.createBrowserContext()).newPage()
  await page.setExtraHTTPHeaders({ 'accept-language': 'de' })
  await page.setJavaScriptEnabled(false)
  await page.goto(`${shop.url}/account`)
  await press(page, 'a[href*="provider=google"]', '/o/oauth2/v2/auth')
  await press(page, 'button[value=ben]', '/account')
  expect(await textOf(page, 'section#logins')).toContain('Der einzige Weg ins Konto')
  await press(page, 'a[href="/account/logins/add?provider=haus"]', '/account/logins/add')
  expect(await textOf(page, 'main')).toContain('Eine Anmeldung mit Haus öffnet von jetzt an dieses Konto.')
  await press(page, 'button.main', '/authorize')
  await press(page, 'button[value=ben]', '/account')
  expect(await textOf(page, 'section#logins')).toContain('Haus')

  await press(page, 'a[aria-label="Entfernen: Haus"]', '/account/logins/remove')
  expect(await textOf(page, 'main')).toContain('Weiterhin öffnen Ihr Konto: Google.')
  await press(page, 'button.main', '/login')
  await press(page, 'a[href*="provider=google"]', '/o/oauth2/v2/auth')
  await press(page, 'button[value=ben]', '/account')
  expect(await textOf(page, 'section#logins')).toContain('Der einzige Weg ins Konto')
})
