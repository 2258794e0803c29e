import type { Server } from 'node:http'
import type { Page } from 'puppeteer-core'
import { expect, test } from 'vitest'
import { startMarketing } from '../../demo/marketing/main.ts'
import { brands } from '../../demo/storefront/brands.ts'
import { startStorefront } from '../../demo/storefront/main.ts'
import { startShop } from '../support/shop.ts'
import { openChromium } from './chromium.ts'

const urlOf = (server: Server): string => {
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
}

const textOf = (page: Page): Promise<string> => page.$eval('body', (body) => body.innerText)

/** Presses something and waits until the browser rests on an address that begins so. */
async function press(page: Page, selector: string, url: string): Promise<void> {
  const arrived = new Promise<void>((resolve) =>
    page.on('load', () => {
      if (page.url().startsWith(url)) resolve()
    }),
  )
  await page.click(selector)
  await arrived
}

test('a customer signs in to one shop, allows offers when it is useful, is known to the second shop, and decides about letters', async () => {
  await using running = new AsyncDisposableStack()
  const house = running.use(await startShop())
  const open = async (starting: Promise<Server>) =>
    urlOf(
      running.adopt(await starting, async (server) => {
        server.closeAllConnections()
        server.close()
      }),
    )
  const first = await open(startStorefront({ port: 0, gateway: house.url, clientId: 'storefront', brand: brands.storefront }))
  const second = await open(startStorefront({ port: 0, gateway: house.url, clientId: 'storefront-b', brand: brands['storefront-b'] }))
  const desk = await open(startMarketing({ port: 0, gateway: house.url }))
  const page = await running.adopt(await openChromium(), (chromium) => chromium.close()).newPage()
  await page.setExtraHTTPHeaders({ 'accept-language': 'en' })
  await page.setJavaScriptEnabled(false)

  // Signed in with one button, no question asked: the order needs no permission.
  await page.goto(first)
  await press(page, 'a[href="/sign-in"]', `${house.url}/login`)
  await press(page, '::-p-text(Continue with Google)', house.providers.google.url)
  await press(page, 'button[value=anna]', `${first}/`)
  expect(await textOf(page)).toContain('Hello, Anna')
  expect(await textOf(page)).toContain('withheld')

  // Asked for more at the moment it is useful, and not again.
  await press(page, 'a[href="/offers"]', `${house.url}/consent`)
  await page.click('input[value=yes]')
  await press(page, 'button.main', `${first}/`)
  expect(await textOf(page)).toContain('–10 %')

  // Known in the second shop without a page in between; what was allowed to the first holds by purpose.
  await page.goto(second)
  await press(page, 'a[href="/sign-in"]', `${second}/`)
  expect(await textOf(page)).toContain('Hello, Anna')

  await page.goto(desk)
  expect(await textOf(page)).toContain('Nobody yet')

  // One press in the account centre, and the very next read of the tool obeys.
  await page.goto(`${house.url}/account`)
  expect(await textOf(page)).toContain('Your account')
  const letters = 'form.pair:has([value=email_marketing])'
  await press(page, `${letters} [value=yes]`, `${house.url}/account`)
  await page.goto(desk)
  expect(await textOf(page)).toContain('anna.demo@gmail.com')
  expect(await textOf(page)).toContain('withheld: PURPOSE_NOT_GRANTED')
  await page.goto(`${house.url}/account`)
  await press(page, `${letters} [value=no]`, `${house.url}/account`)
  await page.goto(desk)
  expect(await textOf(page)).not.toContain('anna.demo@gmail.com')
})
