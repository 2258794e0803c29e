import type { CDPSession, Page } from 'puppeteer-core'
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

/** A browser whose device has an authenticator that verifies its person. */
async function withAuthenticator(automaticPresenceSimulation: boolean): Promise<{ page: Page; device: CDPSession; authenticatorId: string }> {
  const page = await (await chromium.createBrowserContext()).newPage()
  const device = await page.createCDPSession()
  await device.send('WebAuthn.enable', { enableUI: false })
  const { authenticatorId } = await device.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation },
  })
  return { page, device, authenticatorId }
}

/** Makes a passkey on this device, as the account centre's page does. */
async function enrol(page: Page, as: string): Promise<void> {
  const { accessToken } = await shop.signIn('google', { as, client: 'account' })
  const { data } = await shop.graphql('mutation { startPasskey { handle options } }', {}, accessToken)
  const { handle, options } = data.startPasskey as { handle: string; options: string }
  await page.goto(`${shop.url}/account/signed-out`)
  const response = await page.evaluate(`(async () => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(${options})
    return JSON.stringify((await navigator.credentials.create({ publicKey })).toJSON())
  })()`)
  const added = await shop.graphql(
    'mutation ($input: NewPasskeyInput!) { addPasskey(input: $input) }',
    { input: { handle, name: 'Laptop', response } },
    accessToken,
  )
  expect(added.errors).toBeUndefined()
}

const withoutSuggestions = 'PublicKeyCredential.isConditionalMediationAvailable = async () => false'

const credentialsOf = async (device: CDPSession, authenticatorId: string) => (await device.send('WebAuthn.getCredentials', { authenticatorId })).credentials

test('a passkey is made and signs in by one press, with the one script and nothing else', async () => {
  const { page, device, authenticatorId } = await withAuthenticator(true)
  await enrol(page, 'person-1')
  expect(await credentialsOf(device, authenticatorId)).toMatchObject([{ isResidentCredential: true, rpId: 'localhost' }])
  // Suggestions are another test's: here nothing but the button asks.
  await page.evaluateOnNewDocument(withoutSuggestions)
  const refused: string[] = []
  page.on('console', (message) => refused.push(message.text()))
  await page.goto(`${shop.url}/account`)
  expect(await page.$eval('form[action="/login/passkey"]', (form) => form.hidden)).toBe(false)
  await press(page, 'form[action="/login/passkey"] button', '/account')
  expect(await page.$eval('h1', (one) => one.textContent)).toBe('Your account')
  expect(refused).toEqual([])
  await page.browserContext().close()
})

test('a passkey that is picked among the suggestions of the address field signs in without a press on any button', async () => {
  const { page } = await withAuthenticator(true)
  await enrol(page, 'person-2')
  const { promise: arrived, resolve } = Promise.withResolvers<void>()
  page.on('load', () => new URL(page.url()).pathname === '/account' && resolve())
  await page.goto(`${shop.url}/account`)
  await arrived
  expect(await page.$eval('h1', (one) => one.textContent)).toBe('Your account')
  await page.browserContext().close()
})

test('a device without a passkey says that it did not work, and the other ways stay', async () => {
  const { page, device, authenticatorId } = await withAuthenticator(true)
  await device.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
  await page.evaluateOnNewDocument(withoutSuggestions)
  await page.goto(`${shop.url}/account`)
  await page.click('form[action="/login/passkey"] button')
  await page.waitForSelector('form[action="/login/passkey"] [role=status]:not(:empty)', { timeout: 20_000 })
  expect(new URL(page.url()).pathname).toBe('/login')
  await page.browserContext().close()
})

test('without scripts there is no such button', async () => {
  const page = await (await chromium.createBrowserContext()).newPage()
  await page.setJavaScriptEnabled(false)
  await page.goto(`${shop.url}/account`)
  expect(await (await page.$('form[action="/login/passkey"]'))?.isVisible()).toBe(false)
  await page.browserContext().close()
})
