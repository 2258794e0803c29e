import { Secret, TOTP } from 'otpauth'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { linksOf, pick, type Browser } from '../support/browser.ts'
import { startShop, type Answer, type Shop } from '../support/shop.ts'

// Who is in the account for a moment, or finds a link, does not leave with everything.
let shop: Shop
beforeAll(async () => {
  shop = await startShop()
}, 60_000)
afterAll(() => shop[Symbol.asyncDispose]())

const request = 'mutation { requestExport { id state } }'
const codeOf = ({ errors }: Answer): string | undefined => errors?.[0]?.extensions.code
const account = async (as: string) => (await shop.signIn('google', { as, client: 'account' })).accessToken

async function atAccountCentre(as: string): Promise<Browser> {
  const browser = shop.newBrowser()
  const chosen = await browser.open(`${shop.url}/account`)
  const way = linksOf(chosen).find((href) => new URL(href).searchParams.get('provider') === 'google') ?? ''
  expect((await pick(browser, await browser.open(way), as)).url).toBe(`${shop.url}/account`)
  return browser
}

/** Where the person's archive lies, once it does. */
async function madeBy(token: string): Promise<string> {
  expect((await shop.graphql(request, {}, token)).errors).toBeUndefined()
  return vi.waitFor(
    async () => {
      const { url } = (await shop.graphql('{ me { exports { url } } }', {}, token)).data.me.exports[0]
      expect(url).toMatch(/\/account\/export\/[\w-]{22}$/)
      return String(url)
    },
    { timeout: 15_000, interval: 50 },
  )
}

const fetched = (url: string, headers: Record<string, string> = {}, method = 'GET') => fetch(url, { redirect: 'manual', headers, method })
const by = (browser: Browser, url: string) => ({ cookie: browser.cookieHeaderFor(url) })

test('B27 everything is not for a merely valid token: a factor is asked for, for this, once', async () => {
  const token = await account('person-401')
  const { data } = await shop.graphql('mutation { startTotp { secret } }', {}, token)
  const code = (steps: number) => new TOTP({ secret: Secret.fromBase32(data.startTotp.secret) }).generate({ timestamp: Date.now() + steps * 30_000 })
  expect((await shop.graphql('mutation ($code: String!) { confirmTotp(code: $code) }', { code: code(-1) }, token)).errors).toBeUndefined()
  const refused = await shop.graphql(request, {}, token)
  expect(refused.errors?.[0]?.extensions).toMatchObject({ code: 'STEP_UP_REQUIRED', action: 'requestExport', accepted: ['totp'] })
  const prove = 'mutation ($code: String!) { completeStepUp(action: "requestExport", proof: { totp: $code }) }'
  expect((await shop.graphql(prove, { code: code(0) }, token)).errors).toBeUndefined()
  expect((await shop.graphql(request, {}, token)).errors).toBeUndefined()
  expect(codeOf(await shop.graphql(request, {}, token))).toBe('STEP_UP_REQUIRED')
  expect(codeOf(await shop.graphql(request, {}, (await shop.signIn('google', { as: 'person-402' })).accessToken))).toBe('FORBIDDEN')
  expect(codeOf(await shop.graphql(request, {}, await shop.tool('operator', 'audit:read')))).toBe('FORBIDDEN')
})

test('B58 a link is nothing: it opens for its own person alone, in the account centre, and no cache may keep it', async () => {
  const token = await account('person-403')
  const url = await madeBy(token)
  const [owner, other] = [await atAccountCentre('person-403'), await atAccountCentre('person-404')]
  const answer = await fetched(url, by(owner, url))
  expect([answer.status, answer.headers.get('cache-control'), answer.headers.get('content-type')]).toEqual([200, 'no-store', 'application/zip'])
  await answer.arrayBuffer()
  const guessed = `${url.slice(0, -22)}${'A'.repeat(22)}`
  for (const unknown of [guessed, `${url}x`, `${url}/..%2f`, `${url.slice(0, -22)}%00`])
    expect([unknown, (await fetched(unknown, by(owner, unknown))).status]).toEqual([unknown, 404])
  const [theirs, none] = await Promise.all([fetched(url, by(other, url)), fetched(guessed, by(other, guessed))])
  expect([theirs.status, none.status]).toEqual([404, 404])
  expect([theirs.headers.get('cache-control'), (await theirs.text()).replace(url.slice(-22), '')]).toEqual([
    'no-store',
    (await none.text()).replace('A'.repeat(22), ''),
  ])
  for (const headers of [{}, { authorization: `Bearer ${token}` }, { cookie: `__Host-entente-account=${token}` }] as Record<string, string>[]) {
    const [real, made] = await Promise.all([fetched(url, headers), fetched(guessed, headers)])
    expect([real.status, new URL(real.headers.get('location') ?? '', url).pathname, made.status]).toEqual([303, '/oidc/auth', 303])
  }
  for (const method of ['HEAD', 'POST', 'PUT']) expect([method, (await fetched(url, by(owner, url), method)).status]).toEqual([method, 404])
})

test('B58 the link ends with its day', async () => {
  const token = await account('person-405')
  const url = await madeBy(token)
  const owner = await atAccountCentre('person-405')
  expect((await fetched(url, by(owner, url))).status).toBe(200)
  const id = url.slice(-22)
  const row = await shop.db.collection('exports').findOne({ _id: id as never })
  expect(row?.['expiresAt'] - row?.['readyAt']).toBeGreaterThan(86_400_000 - 60_000)
  expect(row?.['expiresAt'] - row?.['readyAt']).toBeLessThanOrEqual(86_400_000)
  await shop.db.collection('exports').updateOne({ _id: id as never }, { $set: { expiresAt: new Date(Date.now() - 1) } })
  expect((await fetched(url, by(owner, url))).status).toBe(404)
})

test('B58 signing out everywhere voids it, for whoever signs in next too', async () => {
  const token = await account('person-406')
  const url = await madeBy(token)
  const before = await atAccountCentre('person-406')
  expect((await shop.graphql('mutation { logout(everywhere: true) }', {}, token)).errors).toBeUndefined()
  expect((await fetched(url, by(before, url))).status).not.toBe(200)
  const after = await atAccountCentre('person-406')
  expect((await fetched(url, by(after, url))).status).toBe(404)
  const { data } = await shop.graphql('{ me { exports { state url } } }', {}, await account('person-406'))
  expect(data.me.exports).toEqual([{ state: 'EXPIRED', url: null }])
})

test('B58 nothing of it is left when the person is gone', async () => {
  const token = await account('person-407')
  const url = await madeBy(token)
  const owner = await atAccountCentre('person-407')
  const row = await shop.db.collection('exports').findOne({ _id: url.slice(-22) as never })
  await shop.db.collection('customers').updateOne({ _id: row?.['customer'] }, { $set: { state: 'erased' } })
  expect((await fetched(url, by(owner, url))).status).not.toBe(200)
})
