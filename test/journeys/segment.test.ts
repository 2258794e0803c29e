import { Analytics } from '@segment/analytics-node'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'puppeteer-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openChromium } from '../pages/chromium.ts'
import { behaviourOf, type Behaviour } from '../support/behaviour.ts'
import { startShop, type Shop } from '../support/shop.ts'

const writeKey = 'storefront-demo-write-key'
const sdk = await readFile(join(fileURLToPath(import.meta.resolve('@segment/analytics-next')), '../../umd/index.js'), 'utf8')

/** The shop's page, on an origin of its own, with Segment's tool for browsers as it is published. */
const page = createServer((request, response) => {
  if (request.url === '/sdk.js') response.setHeader('content-type', 'text/javascript').end(sdk)
  else response.setHeader('content-type', 'text/html').end('<!doctype html><title>Shop</title><h1>Skis</h1><script src="/sdk.js"></script>')
})
const originOf = (server: Server): string => {
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
}

let shop: Shop
let on: Behaviour
let chromium: Browser
beforeAll(async () => {
  await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve))
  const directory = await mkdtemp(join(tmpdir(), 'segment-'))
  const clients = (await readFile('demo/clients.yaml', 'utf8')).replace('  - id: storefront\n', `  - id: storefront\n    origins: ['${originOf(page)}']\n`)
  await writeFile(join(directory, 'clients.yaml'), clients)
  shop = await startShop({ env: { CLIENTS_FILE: join(directory, 'clients.yaml') } })
  on = behaviourOf(shop)
  chromium = await openChromium()
}, 60_000)
afterAll(async () => {
  await chromium.close()
  await shop[Symbol.asyncDispose]()
  page.closeAllConnections()
  page.close()
})

const names = async (customer: string) => (await on.kept(customer)).map(({ name }) => name).sort()
const anonymous = () => shop.db.collection('anonymous_events').find({}).toArray()

async function post(path: string, body: unknown, headers: Record<string, string> = { authorization: `Basic ${btoa(`${writeKey}:`)}` }) {
  const response = await fetch(`${shop.url}/v1/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: response.status, headers: response.headers, body: await response.json() }
}
const track = (more: object) => ({ type: 'track', messageId: randomUUID(), event: 'Product Viewed', properties: { category: 'ski' }, ...more })

describe("Segment's tool for servers, as it is published", () => {
  test('delivers all it is told, and what is kept is what the person agrees to', async () => {
    const { customer, id } = await on.person('person-1', { personalised_shop: true, email_marketing: false })
    const analytics = new Analytics({ writeKey, host: shop.url, flushAt: 5 })
    const failed: unknown[] = []
    analytics.on('error', (error) => failed.push(error))
    analytics.identify({ userId: id, traits: { email: 'not@kept.example' } })
    analytics.page({ userId: id, name: 'Home', properties: { path: '/' } })
    for (const category of ['ski', 'boots', 'ski']) analytics.track({ userId: id, event: 'Product Viewed', properties: { category, product_id: randomUUID() } })
    analytics.group({ userId: id, groupId: 'club' })
    analytics.track({ userId: id, event: 'Order Completed', properties: { total: 99.5, products: [{ product_id: 'x' }] } })
    analytics.track({ userId: 'unknown', event: 'Order Completed' })
    await analytics.closeAndFlush()
    expect(failed).toEqual([])
    expect(await names(customer)).toEqual(['$page', 'Order Completed', 'Product Viewed', 'Product Viewed', 'Product Viewed'])
    const rows = await on.kept(customer)
    expect(rows.every(({ purposes }) => purposes.join() === 'personalised_shop')).toBe(true)
    expect(JSON.stringify([rows, await anonymous()])).not.toContain('kept.example')
    expect(await shop.db.collection('events').countDocuments({ customer: { $ne: customer } })).toBe(0)
  })

  test('tries again what found too much going on, and nothing counts twice', async () => {
    const { customer, id } = await on.person('person-2', { personalised_shop: true })
    let calls = 0
    const analytics = new Analytics({
      writeKey,
      host: shop.url,
      flushAt: 2,
      httpClient: {
        // The answer to the first try is lost on its way.
        makeRequest: async ({ url, headers, body }) => {
          const answer = await fetch(url, { method: 'POST', headers: { ...headers }, body })
          return ++calls === 1 ? new Response('{}', { status: 503, headers: { 'retry-after': '1' } }) : answer
        },
      },
    })
    for (const category of ['ski', 'boots']) analytics.track({ userId: id, event: 'Product Viewed', properties: { category } })
    await analytics.closeAndFlush()
    expect([calls, (await on.kept(customer)).length]).toEqual([2, 2])
  })
})

describe("Segment's tool for browsers, as it is published", () => {
  async function browsing<T>(work: (writeKey: string, cdnURL: string, userId: string) => Promise<T>, userId: string): Promise<T> {
    const context = await chromium.createBrowserContext()
    const tab = await context.newPage()
    await tab.goto(originOf(page))
    const done = await tab.evaluate(work, writeKey, shop.url, userId)
    await context.close()
    return done
  }

  test('starts by our settings, and its calls arrive from the shop’s page', async () => {
    const { customer, id } = await on.person('person-3', { personalised_shop: true })
    await browsing(async (key, cdnURL, userId) => {
      const { AnalyticsBrowser } = Reflect.get(globalThis, 'AnalyticsNext')
      const [analytics] = await AnalyticsBrowser.load({ writeKey: key, cdnURL })
      await analytics.identify(userId)
      await analytics.page('Home')
      await analytics.track('Product Viewed', { category: 'ski', price: 12 })
      await analytics.group('club', { plan: 'gold' })
    }, id)
    await vi.waitFor(async () => expect(await names(customer)).toEqual(['$page', 'Product Viewed']))
  }, 60_000)

  test('in batches too', async () => {
    const { customer, id } = await on.person('person-4', { personalised_shop: true })
    await browsing(async (key, cdnURL, userId) => {
      const { AnalyticsBrowser } = Reflect.get(globalThis, 'AnalyticsNext')
      const deliveryStrategy = { strategy: 'batching', config: { size: 3, timeout: 100 } }
      const [analytics] = await AnalyticsBrowser.load({ writeKey: key, cdnURL }, { integrations: { 'Segment.io': { deliveryStrategy } } })
      const delivered = new Promise((resolve) => setTimeout(resolve, 1_000))
      await analytics.identify(userId)
      for (const category of ['ski', 'boots', 'tent']) await analytics.track('Product Viewed', { category })
      await delivered
    }, id)
    await vi.waitFor(async () => expect(await names(customer)).toHaveLength(3))
  }, 60_000)

  test('is let in from registered origins only', async () => {
    const asked = async (origin: string) =>
      (await fetch(`${shop.url}/v1/t`, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } })).headers
    expect((await asked(originOf(page))).get('access-control-allow-origin')).toBe(originOf(page))
    expect((await asked(originOf(page))).get('access-control-allow-headers')).toContain('x-retry-count')
    expect((await asked('https://other.example')).get('access-control-allow-origin')).toBeNull()
    const settings = await fetch(`${shop.url}/v1/projects/${writeKey}/settings`)
    expect(await settings.json()).toEqual({ integrations: { 'Segment.io': { apiKey: writeKey, apiHost: new URL(shop.url).host + '/v1', protocol: 'http' } } })
    expect((await fetch(`${shop.url}/v1/projects/nobodys-write-key/settings`)).status).toBe(404)
  })
})

describe('somebody whom nobody knows yet', () => {
  test('is kept under a pseudonym where they said yes, and it becomes theirs when they sign in and agree', async () => {
    const { accessToken, customer, id } = await on.person('person-5', { personalised_shop: true, email_marketing: false })
    const yes = { consent: { categoryPreferences: { Personalisation: true, Marketing: true } } }
    const browser = randomUUID()
    await post('t', track({ anonymousId: browser, context: yes }))
    await post('t', track({ anonymousId: browser }))
    const waiting = await anonymous()
    expect(waiting).toMatchObject([{ purposes: ['personalised_shop', 'email_marketing'] }])
    expect(JSON.stringify(waiting)).not.toContain(browser)
    expect(waiting[0]?.['expiresAt'].getTime()).toBeLessThan(Date.now() + 30.1 * 86_400_000)

    expect((await post('i', { type: 'identify', messageId: randomUUID(), userId: id, anonymousId: browser })).body).toEqual({ success: true })
    expect([await anonymous(), (await on.kept(customer)).map(({ purposes }) => purposes)]).toEqual([[], [['personalised_shop']]])

    const again = randomUUID()
    await post('batch', { batch: [track({ anonymousId: again, context: yes })] })
    expect(await on.record(accessToken, [], { anonymousId: again })).toEqual({ accepted: 0, refused: [] })
    await post('alias', { previousId: randomUUID(), userId: id })
    expect([await anonymous(), (await on.kept(customer)).length]).toEqual([[], 2])
  })

  test('and goes where whoever signs in does not agree', async () => {
    const { customer, id } = await on.person('person-6', { personalised_shop: false })
    const browser = randomUUID()
    await post('t', track({ anonymousId: browser, context: { consent: { categoryPreferences: { Personalisation: true } } } }))
    expect(await anonymous()).toHaveLength(1)
    await post('a', { previousId: browser, userId: id })
    expect([await anonymous(), await on.kept(customer)]).toEqual([[], []])
  })
})

describe('what the browser itself says', () => {
  test('keeps an event from a purpose, and opens none', async () => {
    const { customer, id } = await on.person('person-7', { personalised_shop: true, email_marketing: true })
    const { customer: other, id: otherId } = await on.person('person-8', { personalised_shop: false })
    const said = (categoryPreferences: object) => ({ context: { consent: { categoryPreferences } } })
    await post('t', track({ userId: id, ...said({ Personalisation: true, Marketing: false }) }))
    await post('t', track({ userId: otherId, ...said({ Personalisation: true, Marketing: true }) }))
    expect([(await on.kept(customer)).map(({ purposes }) => purposes), await on.kept(other)]).toEqual([[['personalised_shop']], []])
  })

  test('its clock is set right by the moment of sending', async () => {
    const { customer, id } = await on.person('person-9', { personalised_shop: true })
    await on.agreedLongAgo(customer, 'personalised_shop')
    const years = 3 * 365 * 86_400_000
    const [then, sent] = [Date.now() + years - 60_000, Date.now() + years].map((at) => new Date(at).toISOString())
    await post('b', { writeKey, sentAt: sent, batch: [track({ userId: id, timestamp: then })] })
    const [row] = await on.kept(customer)
    expect(Number(row?.receivedAt) - Number(row?.at)).toBe(60_000)
  })
})

describe('bodies and keys', () => {
  test('the key comes in any of four ways; nobody’s opens nothing', async () => {
    const { customer, id } = await on.person('person-10', { personalised_shop: true })
    const call = () => track({ userId: id })
    const text = { 'content-type': 'text/plain' }
    const answers = [
      await post('track', call()),
      await post('track', call(), { authorization: `Basic ${btoa(writeKey)}` }),
      await post('track', call(), { authorization: `Bearer ${writeKey}` }),
      await post('t', { ...call(), writeKey }, text),
      await post('t', { ...call(), writeKey: 'nobodys-write-key' }, text),
      await post('t', call(), {}),
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 401, 401])
    expect(await on.kept(customer)).toHaveLength(4)
  })

  test('each call is answered by itself; what is too deep, too wide or of another type spoils nothing else', async () => {
    const { customer, id } = await on.person('person-11', { personalised_shop: true })
    const deep = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`
    const wide = JSON.stringify(Object.fromEntries(Array.from({ length: 4_000 }, (_, n) => [`p${n}`, n])))
    const bombs = [deep, wide, JSON.stringify({ category: 'x'.repeat(33_000) }), JSON.stringify({ category: { nested: true } }), '[]', 'null', '"text"']
    const calls = bombs.map((properties) => JSON.stringify(track({ userId: id })).replace('{"category":"ski"}', properties))
    const { status, body } = await post('batch', `{"batch":[${[...calls, JSON.stringify(track({ userId: id })), '7', '{"type":"gone"}'].join()}]}`)
    expect([status, body]).toEqual([
      200,
      {
        success: true,
        refused: [
          { index: 0, reason: 'TOO_LARGE' },
          { index: 1, reason: 'TOO_LARGE' },
          { index: 2, reason: 'TOO_LARGE' },
          { index: 3, reason: 'INVALID_PROPERTIES' },
          { index: 8, reason: 'UNKNOWN_EVENT' },
          { index: 9, reason: 'UNKNOWN_EVENT' },
        ],
      },
    ])
    expect(await on.kept(customer)).toHaveLength(4)
  })

  test('names that mean something to JavaScript are names', async () => {
    const { customer, id } = await on.person('person-12', { personalised_shop: true })
    const call = JSON.stringify(track({ userId: id })).replace('{"category":"ski"}', '{"__proto__":{"category":"x"},"constructor":"y","toString":1}')
    expect((await post('track', call)).status).toBe(200)
    expect((await on.kept(customer))[0]?.properties).toEqual({})
    expect(Reflect.get({}, 'category')).toBeUndefined()
  })

  test('a body that is no call, or larger than any may be, is 400: Segment’s tools do not send it again', async () => {
    for (const body of ['', '{', '[]', '{"batch":7}', JSON.stringify({ batch: Array.from({ length: 501 }, () => track({})) }), `"${'x'.repeat(513_000)}"`])
      expect((await post('batch', body)).status, body.slice(0, 20)).toBeOneOf([400, 401])
    expect((await post('batch', '{"batch":7}')).status).toBe(400)
    expect((await post('batch', `{"batch":[],"x":"${'x'.repeat(513_000)}"}`)).status).toBe(400)
  })
})
