import { execFile } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { unzipped } from '../support/archives.ts'
import { formsOf, linksOf, type Browser, type Page } from '../support/browser.ts'
import { addLetters, operatorAtWork, policyWithLetters } from '../support/operators.ts'
import { codeSentTo, confirmWith, knownAgain } from '../support/signing-in.ts'
import { startShop, type Shop } from '../support/shop.ts'

const run = promisify(execFile)
let shop: Shop
let cem: Awaited<ReturnType<typeof operatorAtWork>>
let paula: Awaited<ReturnType<typeof operatorAtWork>>
beforeAll(async () => {
  shop = await startShop({ env: { POLICY_FILE: await policyWithLetters() } })
  await addLetters(shop, { name: 'Letters <b>&" of all</b>' })
  cem = await operatorAtWork(shop, 'cem')
  paula = await operatorAtWork(shop, 'gmail-1')
  await vi.waitFor(() => shop.tool('letters'), { timeout: 15_000, interval: 200 })
}, 120_000)
afterAll(() => shop[Symbol.asyncDispose]())

const at = (browser: Browser, path = '/operator'): Promise<Page> => browser.open(shop.url + path)
const send = (browser: Browser, page: Page, path: string, fill: Record<string, string> = {}): Promise<Page> =>
  browser.submit(page, fill, (form) => new URL(form.action).pathname === path)
const sectionsOf = ({ text }: Page): string[] => [...text.matchAll(/<section class="card" id="([\w-]+)"/g)].map(([, id = '']) => id)

test('each operator sees what their roles are for', async () => {
  expect(sectionsOf(await at(cem.browser))).toEqual(['alerts', 'clients', 'requests', 'look-up', 'log', 'report', 'rule', 'funnel'])
  expect(sectionsOf(await at(paula.browser))).toEqual(['alerts', 'clients', 'log', 'report', 'funnel'])
})

test('Cem proposes that a client may do more, Paula agrees; what only takes away takes one', async () => {
  const form = await at(cem.browser, '/operator/clients/change?id=letters')
  const proposed = await send(cem.browser, form, '/operator/clients/propose', { 'purpose:email_marketing': 'yes' })
  expect(proposed.text).toContain('purposes: email_marketing')
  expect(proposed.text).toContain('Another operator has to agree.')
  expect(formsOf(proposed).some(({ action }) => action.endsWith('/approve'))).toBe(false)
  await expect(shop.tool('letters', 'purpose:email_marketing')).rejects.toThrow('invalid_scope')

  const agreed = await send(paula.browser, await at(paula.browser), '/operator/clients/approve')
  expect(agreed.text).toContain('Nothing is waiting.')
  await shop.tool('letters', 'purpose:email_marketing')

  const again = await at(paula.browser, '/operator/clients/change?id=letters')
  const { fields } = formsOf(again).find(({ action }) => action.endsWith('/propose')) ?? expect.unreachable()
  const narrowed = Object.fromEntries(Object.entries(fields).filter(([name]) => name !== 'purpose:email_marketing'))
  const done = await paula.browser.open(`${shop.url}/operator/clients/propose`, { method: 'POST', form: narrowed, from: again.url })
  expect(done.text).toContain('Nothing is waiting.')
  await expect(shop.tool('letters', 'purpose:email_marketing')).rejects.toThrow('invalid_scope')
})

test('Cem proposes a client that is not there yet, Paula agrees and is told its secret, once', async () => {
  const wanted = { id: 'postcards', name: 'Postcards', kind: 'TOOL', 'purpose:email_marketing': 'yes' }
  // The policy does not name it for that purpose, and one that is there is another's.
  for (const wrong of [wanted, { id: 'letters' }, { id: 'storefront' }, { kind: 'STOREFRONT' }]) {
    const form = await at(cem.browser, '/operator/clients/new')
    const { fields } = formsOf(form).find(({ action }) => action.endsWith('/create')) ?? expect.unreachable()
    const { 'purpose:email_marketing': _, ...allowed } = { ...fields, ...wanted, ...wrong }
    const refused = await cem.browser.open(`${shop.url}/operator/clients/create`, {
      method: 'POST',
      form: wrong === wanted ? { ...fields, ...wanted } : allowed,
      from: form.url,
    })
    expect([wrong, refused.url.includes('problem=BAD_USER_INPUT')]).toEqual([wrong, true])
  }
  const form = await at(cem.browser, '/operator/clients/new')
  const proposed = await send(cem.browser, form, '/operator/clients/create', { id: 'postcards', name: 'Postcards', kind: 'TOOL', scopes: 'segments:read' })
  for (const line of ['kind: tool', 'name: Postcards', 'scopes: segments:read']) expect(proposed.text).toContain(line)
  expect(formsOf(proposed).some(({ action }) => action.endsWith('/approve'))).toBe(false)
  expect(await shop.db.collection('clients').countDocuments({ _id: 'postcards' } as object)).toBe(0)

  const agreed = await send(paula.browser, await at(paula.browser), '/operator/clients/approve')
  const secret = /<bdi>postcards<\/bdi>: <code>([\w-]{43})<\/code>/.exec(agreed.text)?.[1] ?? ''
  expect([agreed.headers.get('cache-control'), secret]).toEqual(['no-store', expect.stringMatching(/./)])
  const asked = (password: string) =>
    fetch(`${shop.url}/oidc/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`postcards:${password}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'segments:read' }),
    })
  expect([(await asked(secret)).status, (await asked(`${secret}x`)).status]).toEqual([200, 401])
  for (const browser of [cem.browser, paula.browser]) expect((await at(browser)).text).not.toContain(secret)
  expect(JSON.stringify(await shop.db.collection('client_changes').find().toArray())).not.toContain(secret)
})

test('Cem tries the rule of a segment, mends what is wrong with it, and learns of nobody', async () => {
  const tried = (page: Page, name: string, value: unknown) =>
    send(cem.browser, page, '/operator/rule', { purpose: 'email_marketing', rule: JSON.stringify({ trait: { name, op: 'eq', value } }) })
  const wrong = await tried(await at(cem.browser), 'shoeSize', 42)
  expect(wrong.text).toContain('The rule cannot be tried:')
  expect(wrong.text).toContain('shoeSize')
  expect((await tried(wrong, 'ordersLastYear', 3)).text).toContain('Fewer than 10 people')
})

test('an alert stands on the page until somebody says what it was', async () => {
  const ads = await shop.tool('ads')
  const ids = Array.from({ length: 240 }, (_, n) => Buffer.alloc(16, n).toString('base64url'))
  const asking = (some: readonly string[]) => `{ ${some.map((id, n) => `c${n}: customer(id: "${id}") { email }`).join(' ')} }`
  for (let from = 0; from < ids.length; from += 20) await shop.graphql(asking(ids.slice(from, from + 20)), {}, ads)
  const page = await vi.waitFor(
    async () => {
      const shown = await at(paula.browser)
      expect(shown.text).toContain('A client goes through ids of customers')
      return shown
    },
    { timeout: 30_000, interval: 300 },
  )
  const answered = await send(paula.browser, page, '/operator/alerts/acknowledge', { note: 'their new colleague' })
  expect(answered.text).toContain('No alert is open.')
  const log = await at(cem.browser, '/operator/log?type=alert.acknowledged&client=operators&from=2020-01-01&to=2100-01-01')
  expect(log.text.match(/<th scope="row">/g)).toHaveLength(1)
  expect((await at(cem.browser, '/operator/log?type=alert.acknowledged&client=ads')).text).toContain('Nothing is found.')
}, 60_000)

test('H18 whom an operator looks up reads why; a request of theirs is taken down and closed', async () => {
  const anna = await shop.signIn('google', { as: 'anna', client: 'account' })
  const reason = 'ticket 4711, asked by telephone'
  const found = await send(cem.browser, await at(cem.browser), '/operator/look-up', { email: 'anna.demo@gmail.com', reason })
  expect(found.text).toContain('<bdi>Anna Lindner</bdi>')
  expect(found.headers.get('cache-control')).toBe('no-store')
  expect((await anna.browser.open(`${shop.url}/account`)).text).toContain(`<q>${reason}</q>`)

  const unfounded = await send(cem.browser, await at(cem.browser), '/operator/look-up', { email: 'anna.demo@gmail.com', reason: 'because' })
  expect(unfounded.url).toContain('problem=BAD_USER_INPUT')
  expect(unfounded.text).not.toContain('Anna')

  const opened = await send(cem.browser, found, '/operator/requests/open', { kind: 'ACCESS', reason: 'a letter of the 20th, with her number' })
  expect(opened.text).toContain('a letter of the 20th, with her number')
  expect(opened.text).not.toContain('Overdue')
  const closed = await send(cem.browser, opened, '/operator/requests/close', { outcome: 'DONE', answer: '' })
  expect(closed.text).toContain('No request is open.')
})

test('an erasure takes two steps: the page says what will happen, and the press that does it comes with a reason', async () => {
  await shop.signIn('google', { as: 'gmail-31', client: 'account' })
  const found = await send(cem.browser, await at(cem.browser), '/operator/look-up', { email: 'gmail.person.31@gmail.com', reason: 'letter 77 of the 20th' })
  const opened = await send(cem.browser, found, '/operator/requests/open', { kind: 'ERASURE', reason: 'letter 77' })
  const { id = '' } = formsOf(opened).find(({ action }) => action.endsWith('/requests/close'))?.fields ?? {}
  const state = async () => (await shop.db.collection('customers').findOne({ email: 'gmail.person.31@gmail.com' }))?.['state']
  const told = await cem.browser.open(linksOf(opened).find((href) => href.includes('/requests/erase')) ?? '')
  expect(told.text).toContain('This happens at once and cannot be taken back.')
  expect(told.text).not.toContain('person.31')
  const unfounded = await send(cem.browser, told, '/operator/requests/close', { outcome: 'DONE', answer: 'because' })
  expect(unfounded.url).toContain('problem=BAD_USER_INPUT')
  const { fields } = formsOf(told).find(({ action }) => action.endsWith('/requests/close')) ?? expect.unreachable()
  const once = { token: fields['token'] ?? '', id, outcome: 'DONE', answer: 'letter 77, number compared' }
  const pressed = await cem.browser.open(`${shop.url}/operator/requests/close`, { method: 'POST', form: once, from: told.url })
  expect([pressed.url.includes('problem=BAD_USER_INPUT'), await state()]).toEqual([true, 'active'])
  const done = await send(cem.browser, told, '/operator/requests/close', { outcome: 'DONE', answer: 'letter 77, number compared' })
  expect(done.text).toContain('No request is open.')
  expect(await state()).toBeUndefined()
})

test('the report of a period is a file that anybody can check; that it was fetched, and by whom, is in the log', async () => {
  const page = await at(paula.browser)
  const { action, fields } = formsOf(page).find((form) => form.action.endsWith('/operator/report')) ?? { action: '', fields: {} }
  const response = await fetch(action, {
    method: 'POST',
    headers: { cookie: paula.browser.cookieHeaderFor(action), origin: shop.url },
    body: new URLSearchParams(fields),
  })
  expect(response.headers.get('content-type')).toBe('application/zip')
  const files = await unzipped(Buffer.from(await response.arrayBuffer()))
  expect([...files.keys()].toSorted()).toEqual(['manifest.json', 'report.html', 'report.json', 'report.jwt', 'report.keys.json'])
  const folder = await mkdtemp(join(tmpdir(), 'entente-report-'))
  for (const [name, text] of files) await writeFile(join(folder, name), text)
  const { stdout } = await run(process.execPath, ['verify/entente-verify.mjs', join(folder, 'report.jwt'), '--keys', join(folder, 'report.keys.json')])
  expect(stdout).toContain('All is as it was written.')
  expect(await shop.db.collection('audit_log').countDocuments({ type: 'audit.reported', client: 'operators', 'detail.operator': 'paula' })).toBe(1)
  expect((await at(paula.browser, '/operator/funnel')).text).toContain('in whole groups of')
})

describe('nobody else', () => {
  test('a customer learns that the page is not theirs, and nothing further', async () => {
    const ben = await operatorAtWork(shop, 'ben')
    const page = await at(ben.browser)
    expect([page.status, sectionsOf(page)]).toEqual([403, []])
    expect(page.text).toContain('This page is for operators')
    for (const path of ['/operator/log', '/operator/funnel', '/operator/clients/change?id=letters']) expect((await at(ben.browser, path)).text).toBe(page.text)
    const mine = await cem.browser.open(`${shop.url}/operator`)
    for (const { action, method, fields } of formsOf(mine).filter((form) => form.method === 'POST')) {
      const answer = await ben.browser.open(action, { method, form: fields, from: action })
      expect([action, answer.status]).toEqual([action, 403])
    }
  })

  test('who has no second factor is led to one, also with a code from the mailbox', async () => {
    const { browser } = await shop.signIn('google', { as: 'gmail-2', client: 'account' })
    const asked = await at(browser)
    expect(new URL(asked.url).pathname).toBe('/confirm')
    const sent = await browser.submit(asked, { kind: 'sendCode' }, (form) => form.action.endsWith('/confirm'))
    const page = await confirmWith(browser, sent, 'mailCode', await codeSentTo(shop, 'gmail.person.2@gmail.com'))
    expect([page.status, sectionsOf(page)]).toEqual([403, []])
    expect(page.text).toContain('your account needs a second factor')
    expect(page.text).toContain('href="/account#security"')
  })

  test('another page cannot press the buttons of this one', async () => {
    const page = await at(cem.browser)
    const form = formsOf(page).find(({ action }) => action.endsWith('/operator/report'))
    const forged = [
      { ...form?.fields, token: '' },
      { ...form?.fields, token: formsOf(await at(paula.browser))[0]?.fields['token'] ?? '' },
    ]
    for (const fields of forged) expect((await cem.browser.open(`${shop.url}/operator/report`, { method: 'POST', form: fields })).status).toBe(403)
    const elsewhere = await cem.browser.open(`${shop.url}/operator/report`, { method: 'POST', form: form?.fields ?? {}, from: 'https://evil.example/' })
    expect(elsewhere.status).toBe(403)
  })

  test('the name of a client is text', async () => {
    const page = await at(cem.browser)
    expect(page.text).toContain('<bdi>Letters &lt;b&gt;&amp;&quot; of all&lt;/b&gt;</bdi>')
    expect(page.text).not.toContain('<b>')
    expect((await at(cem.browser, '/operator/clients/change?id=letters')).text).not.toContain('<b>')
  })

  test('who was an operator a moment ago', async () => {
    const page = await at(paula.browser)
    await shop.db.collection('customers').updateOne({ email: 'gmail.person.1@gmail.com' }, { $set: { 'identities.0.state': 'blocked' } })
    const refused = await send(paula.browser, page, '/operator/report')
    expect([refused.status, sectionsOf(refused)]).toEqual([403, []])
    expect(sectionsOf(await at(paula.browser))).toEqual([])
  })
})

test('after signing out there is a sign-in before the page', async () => {
  const page = await at(cem.browser)
  expect((await send(cem.browser, page, '/operator/sign-out')).url).toBe(`${shop.url}/account/signed-out`)
  expect(new URL((await at(cem.browser)).url).pathname).toBe('/login')
  expect(new URL((await at(knownAgain(shop, cem.browser))).url).pathname).toBe('/login')
})
