import type { Server } from 'node:http'
import type { Page } from 'puppeteer-core'
import { expect, test } from 'vitest'
import { startMarketing } from '../../demo/marketing/main.ts'
import { brands } from '../../demo/storefront/brands.ts'
import { startStorefront } from '../../demo/storefront/main.ts'
import { startShop } from '../support/shop.ts'
import { examine, openChromium } from './chromium.ts'
import { filmReel } from './film-reel.ts'

const urlOf = (server: Server): string => {
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
}

const textOf = (page: Page, selector = 'body'): Promise<string> => page.$eval(selector, (element) => String(Reflect.get(element, 'innerText')))

/** Presses something and waits until the browser rests on an address that begins so. */
async function press(page: Page, selector: string, url: string): Promise<void> {
  const { promise: arrived, resolve } = Promise.withResolvers<void>()
  const look = () => {
    if (page.url().startsWith(url)) resolve()
  }
  page.on('load', look)
  await page.click(selector)
  await arrived
  page.off('load', look)
}

/** The house of `npm start`, and a phone in it with scripts switched off. */
async function openHouse() {
  await using running = new AsyncDisposableStack()
  const house = running.use(await startShop())
  const open = async (starting: Promise<Server>) =>
    urlOf(
      running.adopt(await starting, async (server) => {
        server.closeAllConnections()
        server.close()
      }),
    )
  const gateway = house.url
  const writeKey = 'storefront-demo-write-key'
  const first = await open(startStorefront({ port: 0, gateway, clientId: 'storefront', writeKey, brand: brands.storefront }))
  const second = await open(startStorefront({ port: 0, gateway, clientId: 'storefront-b', brand: brands['storefront-b'] }))
  const desk = await open(startMarketing({ port: 0, gateway }))
  const page = await running.adopt(await openChromium(), (chromium) => chromium.close()).newPage()
  await page.setViewport({ width: 390, height: 760, isMobile: true })
  await page.setExtraHTTPHeaders({ 'accept-language': 'en' })
  await page.setJavaScriptEnabled(false)
  const opened = running.move()
  return { house, first, second, desk, page, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

const opening = `What \`npm start\` shows, played by a test (\`test/pages/film.test.ts\`, in a real Chromium with scripts switched off) that took these pictures
with \`ENTENTE_FILM=1\`. Two shops of one house, a newsletter tool, and Anna, who decides.`

test('a shop that knows one’s taste as long as one likes, and a tool that lets go of whom it was handed', { timeout: 240_000 }, async () => {
  await using opened = await openHouse()
  const { house, first, second, desk, page } = opened
  const { frame, end } = filmReel('A person, two shops and a tool', opening)
  const account = `${house.url}/account`
  const view = async (name: string) => {
    await press(page, `::-p-text(${name})`, `${first}/product`)
  }

  await page.goto(first)
  expect(await textOf(page)).not.toContain('For you')
  await frame(page, 'everybody', 'The shop as everybody sees it. Nobody has signed in, and nothing is recorded.')

  // Signed in with one button, no question asked: the order needs no permission.
  await press(page, 'a[href="/sign-in"]', `${house.url}/login`)
  await frame(page, 'login', 'To order, Anna signs in with the account she has. One button, one press.')
  await press(page, '::-p-text(Continue with Google)', house.providers.google.url)
  await press(page, 'button[value=anna]', `${first}/`)
  expect(await textOf(page)).toContain('Hello, Anna')
  expect(await textOf(page)).toContain('withheld')
  await view('Touring skis')
  await press(page, '.brand', `${first}/`)
  expect(await textOf(page)).not.toContain('interests')
  await frame(page, 'signed-in', 'She is known by name for her orders. She has looked at skis, and nothing was kept of it: nobody has asked her yet.')

  // Asked for more at the moment it is useful, and not again.
  await press(page, 'a[href="/offers"]', `${house.url}/consent`)
  await frame(page, 'consent', 'She is asked when she wants something for it: which data, for whom, for how long. Yes and no are alike.')
  await page.click('input[value=yes]')
  await press(page, 'button.main', `${first}/`)
  expect(await textOf(page, '.yours')).toContain('Look around')

  await view('Touring skis')
  expect(await textOf(page, '.yours')).toContain('Ski goggles')
  await frame(
    page,
    'browsing',
    'From now on what she looks at counts, for this purpose and no other. The page that records the view shows what follows from it.',
    '.card.big',
  )
  expect((await examine(page)).serious).toEqual([])
  await press(page, '.yours ::-p-text(Ski goggles)', `${first}/product`)
  await press(page, '.brand', `${first}/`)
  expect(await textOf(page, '.yours')).toMatch(/–10 %[\s\S]*because of Winter sports/)
  await frame(
    page,
    'for-you',
    'Two pages later the shop has changed: winter sports come first, each with its reason, and with the way out beside it.',
    '.yours',
  )

  // Known in the second shop without a page in between; what was allowed to the first holds by purpose.
  await page.goto(second)
  await press(page, 'a[href="/sign-in"]', `${second}/`)
  expect(await textOf(page)).toContain('Hello, Anna')
  expect(await textOf(page, '.yours')).toContain('Studded tyres')
  await frame(
    page,
    'second-shop',
    'The second shop of the house: one press, no page in between. It knows her taste, since her yes was for both; her ids there and here cannot be joined.',
  )

  // The tool has nobody until she says so.
  await page.goto(`${desk}/audiences`)
  await press(page, '::-p-text(Take them out)', `${desk}/audiences`)
  expect(await textOf(page)).toContain('nobody new')
  await page.goto(account)
  const letters = 'form.pair:has([value=email_marketing])'
  await press(page, `${letters} [value=yes]`, account)
  await page.goto(`${first}/product?id=touring-skis`)
  await press(page, '::-p-text(Buy it)', `${first}/`)
  expect(await textOf(page)).toContain('Thank you')
  await page.goto(`${account}#known`)
  expect(await textOf(page, '#known')).toMatch(/Nordlicht[\s\S]*Likes winter sports/)
  await frame(
    page,
    'known',
    'Her account shows what she said and what was inferred, and why she is in a group. “Not me” forgets an interest for good.',
    '#known .kind:last-of-type',
  )

  await page.goto(desk)
  expect(await textOf(page)).toContain('anna.demo@gmail.com')
  expect(await textOf(page)).toContain('withheld: PURPOSE_NOT_GRANTED')
  await page.goto(`${desk}/audiences`)
  await press(page, '::-p-text(Fetch what changed)', `${desk}/audiences`)
  expect(await textOf(page)).toContain('1 new, nobody called back')
  expect(await textOf(page, 'table')).toContain('anna.demo@gmail.com')
  await frame(
    page,
    'audience',
    'She has agreed to letters and bought the skis. The newsletter tool takes the segment out: only who agreed, only what the purpose shows.',
  )
  expect((await examine(page)).serious).toEqual([])
  await page.goto(`${account}#access`)
  expect(await textOf(page, '#access')).toContain('Newsletter tool')
  await frame(page, 'access', 'That it was handed out is in her access log.', '#access')

  // One press in the shop, and everything that was worked out for it is gone, in the other shop too.
  await page.goto(first)
  await press(page, '::-p-text(Stop personalising)', `${first}/`)
  expect(await textOf(page)).toContain('You chose not to get personal offers')
  expect(await page.$('.yours')).toBeNull()
  expect(await textOf(page)).not.toContain('interests')
  await frame(page, 'stopped', 'She has enough of it: one press in the shop, and the very next page is everybody’s again.')
  await page.goto(second)
  expect(await page.$('.yours')).toBeNull()

  await page.goto(account)
  await press(page, `${letters} [value=no]`, account)
  await page.goto(desk)
  expect(await textOf(page)).not.toContain('anna.demo@gmail.com')
  await page.goto(`${desk}/audiences`)
  await press(page, '::-p-text(Fetch what changed)', `${desk}/audiences`)
  expect(await textOf(page, 'table')).toContain('called back: withdrawn')
  expect(await textOf(page)).not.toContain('anna.demo@gmail.com')
  await frame(page, 'called-back', 'And no letters either. The tool’s next fetch calls her back by the id it knows her by, and it deletes what it held.')
  await end()
})

test('the sample shop takes no form that another site sent, and sends nobody a page that could run anything', async () => {
  await using running = new AsyncDisposableStack()
  // Nothing here gets as far as the gateway.
  const starting = startStorefront({ port: 0, gateway: 'http://127.0.0.1:9', clientId: 'storefront', brand: brands.storefront })
  const first = urlOf(running.adopt(await starting, (server) => void server.close()))
  const posted = (site: string, body: string) => fetch(`${first}/stop`, { method: 'POST', redirect: 'manual', headers: { 'sec-fetch-site': site }, body })
  expect((await posted('cross-site', '')).status).toBe(400)
  expect((await posted('same-origin', 'x'.repeat(5_000))).status).toBe(400)
  expect((await posted('same-origin', '')).status).toBe(303)
  expect((await fetch(first)).headers.get('content-security-policy')).toBe(
    "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  )
})

test('F18 no page of the sample shop is kept by whatever stands between: the next visitor would see what the one before likes', async () => {
  await using running = new AsyncDisposableStack()
  const starting = startStorefront({ port: 0, gateway: 'http://127.0.0.1:9', clientId: 'storefront', brand: brands.storefront })
  const first = urlOf(running.adopt(await starting, (server) => void server.close()))
  for (const path of ['', '/sign-in', '/what-we-know', '/callback?code=x&state=y', '/nothing'])
    expect([path, (await fetch(new URL(path, first), { redirect: 'manual' })).headers.get('cache-control')]).toEqual([path, 'no-store'])
})
