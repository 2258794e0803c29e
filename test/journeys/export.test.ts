import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { formsOf, linksOf, pick, type Browser } from '../support/browser.ts'
import { unzipped } from '../support/archives.ts'
import { startShop, type Shop } from '../support/shop.ts'

// Everything that is kept about a person, asked for, built by whichever of two gateways, and fetched in the account centre.
let shop: Shop
beforeAll(async () => {
  shop = await startShop({ gateways: 2 })
}, 60_000)
afterAll(() => shop[Symbol.asyncDispose]())

const request = 'mutation { requestExport { id state requestedAt readyAt expiresAt size url } }'
const list = '{ me { exports { id state requestedAt readyAt expiresAt size url } } }'
const account = async (as: string) => (await shop.signIn('google', { as, client: 'account' })).accessToken

/** The newest archive of the person, once it is in that state. */
const newest = (token: string, state: string) =>
  vi.waitFor(
    async () => {
      const [first] = (await shop.graphql(list, {}, token)).data.me.exports
      expect(first.state).toBe(state)
      return first as { id: string; url: string; size: number; requestedAt: string; expiresAt: string }
    },
    { timeout: 15_000, interval: 50 },
  )

/** A browser that is signed in to the account centre. */
async function atAccountCentre(as: string): Promise<Browser> {
  const browser = shop.newBrowser()
  const chosen = await browser.open(`${shop.url}/account`)
  const way = linksOf(chosen).find((href) => new URL(href).searchParams.get('provider') === 'google') ?? ''
  await pick(browser, await browser.open(way), as)
  return browser
}

const fetched = (url: string, browser?: Browser) => fetch(url, { redirect: 'manual', headers: browser ? { cookie: browser.cookieHeaderFor(url) } : {} })

test('on the page: asked for by one press, told by mail, fetched as a whole archive', async () => {
  const browser = await atAccountCentre('person-301')
  const page = await browser.open(`${shop.url}/account`)
  expect(page.text).toContain('All your data')
  await browser.submit(page, {}, ({ action }) => action.endsWith('/account/export'))
  const mail = await shop.mailFor('person-301@people.example', /your data is ready/)
  expect(mail.text).toContain(`${shop.url}/account`)
  expect(mail.text).not.toContain('/account/export')
  const href = linksOf(await browser.open(`${shop.url}/account`)).find((one) => one.includes('/account/export/')) ?? ''

  const answer = await fetched(href, browser)
  expect(answer.status).toBe(200)
  expect(Object.fromEntries(['content-type', 'cache-control', 'x-content-type-options'].map((name) => [name, answer.headers.get(name)]))).toEqual({
    'content-type': 'application/zip',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  expect(answer.headers.get('content-disposition')).toMatch(/^attachment; filename="data-\d{4}-\d\d-\d\d\.zip"$/)
  const zip = Buffer.from(await answer.arrayBuffer())
  expect(answer.headers.get('content-length')).toBe(String(zip.length))
  const files = await unzipped(zip)
  const json = (name: string) => JSON.parse(files.get(name) ?? '')
  expect(json('profile.json')).toMatchObject({ '@context': 'https://schema.org', '@type': 'Person', email: 'person-301@people.example' })
  expect(json('sources.json').email).toMatchObject({ from: 'google' })
  expect(json('identities.json')).toMatchObject([{ provider: 'google' }])
  expect(json('who-read-what.json').map(({ type }: { type: string }) => type)).toEqual(expect.arrayContaining(['customer.created', 'export.requested']))
  expect(files.get('who-read-what.csv')?.split('\r\n')[0]).toBe('"at","event","actor","client","purposes","categories"')
  expect(json('manifest.json').files).toEqual(
    [...files]
      .filter(([name]) => name !== 'manifest.json')
      .map(([name, text]) => ({ name, bytes: Buffer.byteLength(text), sha256: createHash('sha256').update(text).digest('hex') })),
  )
  const index = files.get('index.html') ?? ''
  expect(index).toContain('<html lang="')
  expect(index).not.toMatch(/<script|<link|src=|@import|url\(|href="[^"]*:/)
  for (const name of linksOf({ url: 'file:///x/index.html', text: index, status: 200, headers: new Headers() }))
    expect([name, files.has(name.split('/').at(-1) ?? '')]).toEqual([name, true])
  const types = await shop.db.collection('audit_log').distinct('type')
  expect(types).toEqual(expect.arrayContaining(['export.requested', 'export.downloaded']))
})

test('two at once are one', async () => {
  const token = await account('person-302')
  const answers = await Promise.all(Array.from({ length: 6 }, (_, n) => shop.graphql(request, {}, token, shop.urls[n % 2])))
  expect(answers.flatMap(({ errors = [] }) => errors)).toEqual([])
  expect(new Set(answers.map(({ data }) => data.requestExport.id)).size).toBe(1)
  const { id } = await newest(token, 'READY')
  expect(id).toBe(answers[0]?.data.requestExport.id)
  expect(await shop.db.collection('exports').countDocuments({ _id: id as never })).toBe(1)
})

test('a new archive takes the place of the one before', async () => {
  const token = await account('person-303')
  await shop.graphql(request, {}, token)
  const first = await newest(token, 'READY')
  await shop.graphql(request, {}, token)
  await vi.waitFor(async () => {
    const { exports } = (await shop.graphql(list, {}, token)).data.me
    expect(exports.map(({ state, url }: { state: string; url: string | null }) => [state, url !== null])).toEqual([
      ['READY', true],
      ['EXPIRED', false],
    ])
    expect(await shop.db.collection('export_chunks').countDocuments({ export: first.id })).toBe(0)
  }, 15_000)
})

test('only the account centre asks for it; a shop sees none', async () => {
  const { accessToken } = await shop.signIn('google', { as: 'person-304' })
  expect((await shop.graphql(request, {}, accessToken)).errors?.[0]?.extensions.code).toBe('FORBIDDEN')
  expect((await shop.graphql(request)).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
  expect((await shop.graphql(list, {}, accessToken)).data.me.exports).toBeNull()
})

test('the form is on the page while none is being made', async () => {
  const browser = await atAccountCentre('person-305')
  const forms = formsOf(await browser.open(`${shop.url}/account`)).filter(({ action }) => action.endsWith('/account/export'))
  expect(forms).toHaveLength(1)
})
