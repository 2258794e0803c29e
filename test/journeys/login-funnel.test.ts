import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { start } from '../../src/main.ts'
import { pick, type Browser } from '../support/browser.ts'
import { clientSide, onward, openSurroundings, redirectUri, startShop, type Shop } from '../support/shop.ts'
import { atChoice, byMail, codeIn } from '../support/signing-in.ts'

const k = 3
const variants = 'loginPage: { variants: [{ id: all, share: 1 }, { id: one-button, share: 1, providers: [google] }] }'
let shop: Shop
let POLICY_FILE: string
let operator: string
beforeAll(async () => {
  const demo = await readFile('demo/policy.yaml', 'utf8')
  POLICY_FILE = join(await mkdtemp(join(tmpdir(), 'entente-funnel-')), 'policy.yaml')
  await writeFile(POLICY_FILE, `${demo.replace(/^k: 10$/m, `k: ${k}`)}\n${variants}\n`)
  shop = await startShop({ env: { POLICY_FILE } })
  operator = await shop.tool('operator', 'audit:read')
})
afterAll(() => shop[Symbol.asyncDispose]())

const query = `query ($from: DateTime!, $to: DateTime!) { loginFunnel(from: $from, to: $to) {
  k cells { clientId provider device variant step outcome count } variants { id shown arrived rate } comparison { chiSquared p better } findings { value lost }
} }`
const aroundNow = () => ({ from: new Date(Date.now() - 86_400_000).toISOString(), to: new Date(Date.now() + 86_400_000).toISOString() })

interface Cell {
  readonly provider: string | null
  readonly variant: string | null
  readonly step: string
  readonly outcome: string | null
  readonly count: number
}

/** The sum over the variants of what is shown. */
async function shown(step: string, provider: string | null, { ask = shop.graphql, token = operator } = {}): Promise<number> {
  const { data } = await ask(query, aroundNow(), token)
  const cells = data.loginFunnel.cells as Cell[]
  expect(cells.filter(({ count }) => count % k !== 0)).toEqual([])
  return cells.filter((cell) => cell.step === step && cell.provider === provider).reduce((sum, { count }) => sum + count, 0)
}

/** A browser at the page with the ways in that is in this form of it. */
async function atVariant(variant: 'all' | 'one-button', as: string) {
  for (let tries = 0; tries < 40; tries++) {
    const way = await atChoice(shop, { client: 'storefront', login_hint: as })
    const buttons = way.page.text.match(/\/login\/start\?[^"]*provider=\w+/g) ?? []
    if ((variant === 'one-button') === (buttons.length === 1)) return way
    expect(buttons).toHaveLength(variant === 'all' ? 1 : 4)
  }
  throw new Error(`no browser got ${variant}`)
}

const startAt = (text: string, provider: string): string => {
  const link = new RegExp(`/login/start\\?[^"]*provider=${provider}`).exec(text)?.[0]
  if (link === undefined) throw new Error(`no button for ${provider}`)
  return `${shop.url}${link.replaceAll('&amp;', '&')}`
}

async function through(browser: Browser, text: string, provider: string): Promise<string | null> {
  return codeIn(await onward(browser, await browser.open(startAt(text, provider)), {}))
}

test('logins are counted from the page to the end, and no number stands for fewer than k', { timeout: 180_000 }, async () => {
  for (let n = 0; n < k - 1; n++) {
    const { browser, page } = await atVariant('all', 'anna')
    expect(await through(browser, page.text, 'google')).not.toBeNull()
  }
  expect(await shown('started', 'google')).toBe(0)
  expect(await shown('finished', 'google')).toBe(0)

  const { browser, page } = await atVariant('all', 'anna')
  expect(await through(browser, page.text, 'google')).not.toBeNull()
  for (const step of ['started', 'atProvider', 'finished']) expect(await shown(step, 'google')).toBe(k)
  expect(await shown('arrived', null)).toBe(k)
  expect(await shown('took', 'google')).toBe(k)

  // The same browser on the same day is no other person.
  for (let n = 0; n < k; n++) await shop.signIn('google', { as: 'anna', browser })
  expect(await shown('finished', 'google')).toBe(k)

  // Who says no at the provider.
  for (let n = 0; n < k; n++) {
    const other = await atVariant('all', 'dora')
    expect(await through(other.browser, other.page.text, 'google')).toBeNull()
  }
  expect(await shown('cancelled', 'google')).toBe(k)
  expect(await shown('finished', 'google')).toBe(k)

  // Who takes the mailbox, which alone does not do for a browser that is new: more may be asked for.
  for (let n = 1; n <= k; n++) {
    await shop.signIn('google', { as: `gmail-${n}` })
    await byMail(shop, await atVariant('all', `gmail-${n}`), `gmail.person.${n}@gmail.com`)
  }
  expect(await shown('started', 'mail')).toBe(k)
  expect((await shown('finished', 'mail')) + (await shown('factorAsked', 'mail'))).toBe(k)
})

test('logins by a device’s own dialog are counted, each person once a day, and so is adding a way in', { timeout: 120_000 }, async () => {
  const login = 'mutation ($input: LoginWithIdTokenInput!) { loginWithIdToken(input: $input) { accessToken } }'
  const device = async (as: string, nonce: string) => {
    const idToken = await shop.providers.google.idToken(as, { audience: 'entente-demo.apps.example', nonce })
    const input = { clientId: 'storefront', provider: 'google', idToken, nonce, scope: 'openid purpose:order_processing' }
    expect((await shop.graphql(login, { input })).errors).toBeUndefined()
  }
  const counts = async () => Promise.all(['started', 'finished'].map((step) => shown(step, 'google')))
  const before = await counts()
  for (let n = 0; n < k; n++) await device('gmail-41', `again ${n}`)
  expect(await counts()).toEqual(before)
  for (let n = 2; n <= k; n++) await device(`gmail-4${n}`, `first ${n}`)
  expect(await counts()).toEqual(before.map((count) => count + k))

  const start = `mutation { startLinking(provider: "facebook", redirectUri: "${redirectUri}") { url } }`
  await shop.signIn('facebook', { as: 'person-50' })
  // Of so many browsers, one of the two forms of the login page has k, and none has twice as many.
  for (let n = 1; n < 2 * k; n++) {
    const { accessToken, browser } = await shop.signIn('google', { as: `person-5${n}`, client: 'account' })
    // The second one is somebody else's.
    for (const as of [`person-5${n}`, 'person-50']) {
      const { data } = await shop.graphql(start, {}, accessToken)
      await pick(browser, await browser.open(data.startLinking.url), as)
    }
  }
  expect(await Promise.all(['linkStarted', 'linked', 'linkFailed'].map((step) => shown(step, 'facebook')))).toEqual([k, k, k])
})

test('what was answered on the consent page is counted with the way in', { timeout: 120_000 }, async () => {
  for (const n of [21, 22, 23]) await shop.signIn('haus', { as: `person-${n}`, consent: { personalised_shop: true } })
  for (const n of [24, 25]) await shop.signIn('haus', { as: `person-${n}`, consent: { personalised_shop: false } })
  const { data } = await shop.graphql(query, aroundNow(), operator)
  const answers = (data.loginFunnel.cells as Cell[]).filter(({ step, provider }) => step === 'consent' && provider === 'haus')
  const given = answers.filter(({ outcome }) => outcome === 'given').reduce((sum, { count }) => sum + count, 0)
  expect(answers.every(({ count }) => count % k === 0)).toBe(true)
  expect(given).toBeLessThanOrEqual(k)
  expect(answers.some(({ outcome }) => outcome === 'refused')).toBe(false)
})

test('a browser stays with its form of the login page for a day; the other ways are one link away', async () => {
  const { browser } = await atVariant('one-button', 'anna')
  for (let n = 0; n < 5; n++) expect((await atChoice(shop, { client: 'storefront', browser })).page.text).not.toContain('provider=apple')
  const again = await atChoice(shop, { client: 'storefront', browser })
  const all = await browser.open(`${again.page.url}&ways=all`)
  expect(all.text).toContain('provider=apple')
  const [line] = browser.setCookies.filter((one) => one.startsWith('__Host-entente-visit='))
  expect(line).toMatch(/Max-Age=86400\b.*HttpOnly.*Secure/i)
})

test('only operators read it, for a period that there is', async () => {
  const refused = async (token: string | undefined, variables: Record<string, string> = aroundNow()) =>
    (await shop.graphql(query, variables, token)).errors?.[0]?.extensions.code
  expect(await refused(undefined)).toBe('UNAUTHENTICATED')
  expect(await refused(await shop.tool('marketing'))).toBe('FORBIDDEN')
  expect(await refused(operator, { from: '2026-05-04T00:00:00Z', to: '2026-05-04T00:00:00Z' })).toBe('BAD_USER_INPUT')
  expect(await refused(operator, { from: '2020-05-04T00:00:00Z', to: '2026-05-04T00:00:00Z' })).toBe('BAD_USER_INPUT')
})

test('what was counted outlasts the process, and no one is in it', { timeout: 180_000 }, async () => {
  await using around = await openSurroundings({ POLICY_FILE })
  {
    await using first = await start(around.env)
    const { signIn } = clientSide(first.url)
    for (const n of [31, 32, 33]) await signIn('google', { as: `person-${n}`, consent: { personalised_shop: true } })
  }
  await using second = await start(around.env)
  const { graphql, tool } = clientSide(second.url)
  const there = { ask: graphql, token: await tool('operator', 'audit:read') }
  const { data } = await graphql(query, aroundNow(), there.token)
  expect((data.loginFunnel.cells as Cell[]).length).toBeGreaterThanOrEqual(0)
  const kept = await around.db.collection('login_funnel').find().toArray()
  const counted = kept
    .filter(({ step }) => step === 'finished')
    .reduce((sum, { rest, days }) => sum + rest + Object.values(days as Record<string, number>).reduce((a, b) => a + b, 0), 0)
  expect(counted).toBe(3)
  expect(Object.keys(kept[0] ?? {}).sort()).toEqual(['_id', 'client', 'days', 'device', 'expiresAt', 'outcome', 'provider', 'rest', 'step', 'variant'])
  expect(JSON.stringify(kept)).not.toMatch(/person-3|people\.example/)
})
