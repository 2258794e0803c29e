import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { formsOf } from '../support/browser.ts'
import { startShop, type Shop } from '../support/shop.ts'

/** What the demo does not ask for: a newsletter that is confirmed by mail, pauses, and a client that is told. */
let shop: Shop
const told: { readonly type: string | undefined; readonly body: string }[] = []
let hookStatus = 204
let refusedOnce = false
const hook = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    refusedOnce ||= hookStatus !== 204
    if (hookStatus === 204) told.push({ type: request.headers['content-type'], body: Buffer.concat(chunks).toString() })
    response.writeHead(hookStatus).end()
  })
})

beforeAll(async () => {
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
  const address = hook.address()
  const hookUri = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/consent`
  const directory = await mkdtemp(join(tmpdir(), 'consent-life-'))
  const policy = (await readFile('demo/policy.yaml', 'utf8'))
    .replace('    clients: [marketing]\n', '    clients: [marketing, storefront]\n    confirm: mail\n    askAgainAfter: P6M\n')
    .replace('    clients: [ads]\n', '    clients: [ads, storefront]\n')
  const clients = (await readFile('demo/clients.yaml', 'utf8')).replace(/(  - id: marketing\n)/, `$1    webhookUri: ${hookUri}\n`)
  await writeFile(join(directory, 'policy.yaml'), policy)
  await writeFile(join(directory, 'clients.yaml'), clients)
  shop = await startShop({ env: { POLICY_FILE: join(directory, 'policy.yaml'), CLIENTS_FILE: join(directory, 'clients.yaml') } })
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
  hook.closeAllConnections()
  hook.close()
})

const decide = 'mutation ($d: [ConsentDecisionInput!]!) { setConsents(decisions: $d) { id consents { purpose state } opened { clientId } } }'
const yes = (purpose: string) => ({ purpose, granted: true, textVersion: '2026-01' })
const no = (purpose: string) => ({ purpose, granted: false })
const say = (token: string, ...d: object[]) => shop.graphql(decide, { d }, token)
const stateOf = async (token: string, purpose: string): Promise<string> => {
  const { data } = await shop.graphql('{ me { consents { purpose state } } }', {}, token)
  return data.me.consents.find((one: { purpose: string }) => one.purpose === purpose).state
}
const person = async (as: string) => (await shop.signIn('google', { as, client: 'account' })).accessToken
const linkIn = (text: string) => /https?:\S+\/consent\/confirm\?t=[\w-]+/.exec(text)?.[0] ?? ''
const addressOf = async (token: string): Promise<string> => (await shop.graphql('{ me { email } }', {}, token)).data.me.email
const marketed = async (): Promise<number> =>
  (await shop.graphql('{ customers(first: 50) { edges { node { email } } } }', {}, await shop.tool('marketing'))).data.customers.edges.length
const letters = (address: string) => shop.mails(address).filter(({ text }) => text.includes('/consent/confirm'))

describe('a yes that is confirmed by mail', () => {
  test('opens nothing until the link is followed and the button pressed, once; the ledger says how', async () => {
    const token = await person('anna')
    const address = await addressOf(token)
    const said = await say(token, yes('email_marketing'))
    expect(said.data.setConsents).toMatchObject({ consents: expect.arrayContaining([{ purpose: 'email_marketing', state: 'PENDING' }]), opened: [] })
    expect([await stateOf(token, 'email_marketing'), await marketed()]).toEqual(['PENDING', 0])

    const link = linkIn((await shop.mailFor(address, /consent\/confirm/)).text)
    const reader = shop.newBrowser()
    const page = await reader.open(link)
    expect([page.status, await stateOf(token, 'email_marketing')]).toEqual([200, 'PENDING'])
    expect(page.text).toContain('Our newsletter')
    expect(page.text).not.toContain(address)
    expect(formsOf(page)[0]?.fields).toEqual({ t: new URL(link).searchParams.get('t') })
    expect((await reader.submit(page)).status).toBe(200)
    expect([await stateOf(token, 'email_marketing'), await marketed()]).toEqual(['GRANTED', 1])
    for (const again of [await reader.submit(page), await reader.open(link)]) expect(again.status).toBe(410)

    const entries = await shop.db.collection('consent_ledger').find({}).sort({ _id: 1 }).toArray()
    const [asked, given] = entries.filter((entry) => entry['evidence'] !== undefined)
    expect(asked).toMatchObject({ evidence: { by: 'mail asked', address: expect.any(String) }, decisions: [{ state: 'pending' }] })
    expect(given).toMatchObject({
      evidence: { by: 'mail', address: asked?.['evidence'].address, asked: asked?._id, mail: expect.stringContaining('consent:') },
      decisions: [{ state: 'granted', textVersion: '2026-01', textHash: expect.stringMatching(/^[0-9a-f]{64}$/) }],
    })
    expect(JSON.stringify(entries)).not.toContain(address)
  })

  test('is void after a no, and a second yes while it waits writes no second letter', async () => {
    const token = await person('ben')
    const address = await addressOf(token)
    await say(token, yes('email_marketing'))
    const link = linkIn((await shop.mailFor(address, /consent\/confirm/)).text)
    await say(token, yes('email_marketing'))
    expect(letters(address)).toHaveLength(1)
    await say(token, no('email_marketing'))
    expect((await shop.newBrowser().open(link)).status).toBe(410)
    expect(
      (await shop.newBrowser().open(`${shop.url}/consent/confirm`, { method: 'POST', form: { t: new URL(link).searchParams.get('t') ?? '' } })).status,
    ).toBe(410)
    expect(await stateOf(token, 'email_marketing')).not.toBe('GRANTED')
    expect((await say(token, yes('email_marketing'))).errors?.[0]?.extensions.code).toBe('RATE_LIMITED')
  })

  test('a link that is made up, cut or longer opens nothing', async () => {
    for (const t of ['', 'x', 'A'.repeat(60), 'A'.repeat(3000)]) {
      expect((await shop.newBrowser().open(`${shop.url}/consent/confirm?t=${t}`)).status).toBe(410)
      expect((await shop.newBrowser().open(`${shop.url}/consent/confirm`, { method: 'POST', form: { t } })).status).toBe(410)
    }
  })
})

const withGpc = async (query: string, token: string, value = '1') => {
  const response = await fetch(`${shop.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, 'sec-gpc': value },
    body: JSON.stringify({ query }),
  })
  return { vary: response.headers.get('vary') ?? '', json: (await response.json()) as unknown }
}

describe('Global Privacy Control', () => {
  test('is told of at its well-known address', async () => {
    const response = await fetch(`${shop.url}/.well-known/gpc.json`)
    expect([response.headers.get('content-type'), await response.json()]).toEqual([
      expect.stringContaining('application/json'),
      { gpc: true, lastUpdate: '2026-01-15' },
    ])
  })

  test('objects once, never grants, and a later yes stands', async () => {
    const token = await person('person-101')
    await say(token, yes('personalised_ads'))
    for (const value of ['0', 'true', '1;x=1', ' ']) await withGpc('{ me { id } }', token, value)
    expect(await stateOf(token, 'personalised_ads')).toBe('GRANTED')
    expect((await withGpc('{ me { id } }', token)).vary).toContain('Sec-GPC')
    expect(await stateOf(token, 'personalised_ads')).toBe('OBJECTED')
    expect(await shop.db.collection('consent_ledger').countDocuments({ 'evidence.by': 'Sec-GPC' })).toBe(1)
    await say(token, yes('personalised_ads'))
    await withGpc('{ me { id } }', token)
    expect(await stateOf(token, 'personalised_ads')).toBe('GRANTED')
    expect(await shop.db.collection('consent_ledger').countDocuments({ 'evidence.by': 'Sec-GPC' })).toBe(1)
  })

  test('counts on the way to a shop and on the account centre’s pages', async () => {
    const signedIn = await shop.signIn('google', { as: 'person-104', client: 'account' })
    const page = await signedIn.browser.open(`${shop.url}/account`, { headers: { 'sec-gpc': '1' } })
    expect([page.status, page.headers.get('vary')]).toEqual([200, 'Sec-GPC'])
    expect(await stateOf(signedIn.accessToken, 'personalised_ads')).toBe('OBJECTED')
  })
})

test('what was decided before the sign-in comes along, the narrower wins, and a copy of it changes nothing later', async () => {
  const browser = shop.newBrowser()
  const page = await browser.open(`${shop.url}/consent/anonymous?client=storefront`)
  await browser.submit(page, { 'decision:personalised_shop': 'yes', 'decision:personalised_ads': 'no' })
  const host = new URL(shop.url).host
  const kept = browser.cookie(host, '__Host-entente-decisions') ?? ''
  expect(kept).not.toBe('')
  const { accessToken } = await shop.signIn('google', { as: 'person-102', browser })
  expect(browser.cookie(host, '__Host-entente-decisions') ?? '').toBe('')
  const token = (await shop.signIn('google', { as: 'person-102', client: 'account', browser })).accessToken
  expect([await stateOf(token, 'personalised_shop'), await stateOf(token, 'personalised_ads')]).toEqual(['GRANTED', 'REFUSED'])
  expect(accessToken).not.toBe('')
  await say(token, no('personalised_shop'), yes('personalised_ads'))
  browser.setCookie(host, '__Host-entente-decisions', kept)
  await shop.signIn('google', { as: 'person-102', browser })
  expect([await stateOf(token, 'personalised_shop'), await stateOf(token, 'personalised_ads')]).toEqual(['WITHDRAWN', 'GRANTED'])
  expect(await shop.db.collection('consent_ledger').countDocuments({ 'evidence.by': 'before login' })).toBe(1)
})

test('a client is told of its own purposes only, signed, in order, and again when it did not answer', { timeout: 90_000 }, async () => {
  const token = await person('person-103')
  // What earlier stories had to tell is told.
  const untold = { kind: 'clientHook', doneAt: { $exists: false } }
  await vi.waitFor(async () => expect(await shop.db.collection('jobs').countDocuments(untold)).toBe(0), { timeout: 15_000, interval: 50 })
  told.length = 0
  hookStatus = 503
  await say(token, yes('email_marketing'), yes('personalised_ads'))
  await say(token, no('personalised_ads'))
  await say(token, no('email_marketing'))
  await vi.waitFor(() => expect(refusedOnce).toBe(true), { timeout: 5_000, interval: 20 })
  hookStatus = 204
  // The second waits for the first, and both begin again after 1, 5 or 30 seconds.
  await vi.waitFor(() => expect(told.length).toBe(2), { timeout: 50_000, interval: 100 })
  const keys = createRemoteJWKSet(new URL(`${shop.url}/oidc/jwks`))
  const events = await Promise.all(told.map(async ({ body }) => (await jwtVerify(body, keys, { audience: 'marketing', issuer: `${shop.url}/oidc` })).payload))
  expect(told.map(({ type, body }) => [type, decodeProtectedHeader(body).typ])).toEqual([1, 2].map(() => ['application/jwt', 'consent-event+jwt']))
  expect(events.map(({ consents }) => consents)).toEqual([
    [{ purpose: 'email_marketing', state: 'PENDING', text_version: '2026-01', expires_at: null }],
    [{ purpose: 'email_marketing', state: expect.stringMatching(/REFUSED|WITHDRAWN/), text_version: '2026-01', expires_at: null }],
  ])
  expect(Number(events[0]?.['consent_version'])).toBeLessThan(Number(events[1]?.['consent_version']))
})

const golden = 'CQP6E8AQP6E8AEsABBDEBkFgAMNAAACAAAYgAEEEABoAMABAAGAA.IAEF0A'
const importTcf = (token: string, tcString: string) =>
  shop.graphql('mutation ($s: String!) { importTcf(tcString: $s) { consents { purpose state } } }', { s: tcString }, token)

test('an IAB TC string is taken over where it is news, with itself as evidence; v2.2 and v2.3 are told apart', async () => {
  const token = await person('person-105')
  expect((await importTcf(token, golden)).data.importTcf.consents).toContainEqual({ purpose: 'personalised_ads', state: 'REFUSED' })
  expect((await importTcf(token, golden)).data.importTcf).toBeNull()
  await say(token, yes('personalised_ads'))
  expect((await importTcf(token, golden)).data.importTcf).toBeNull()
  expect(await stateOf(token, 'personalised_ads')).toBe('GRANTED')
  const older = await person('person-106')
  await importTcf(older, golden.split('.')[0] ?? '')
  const entries = await shop.db.collection('consent_ledger').find({ 'evidence.by': 'TCF' }).toArray()
  expect(entries.map((entry) => entry['evidence'].version).sort()).toEqual(['2.2', '2.3'])
  expect(entries[0]?.['evidence']).toMatchObject({ created: '2025-04-15', cmp: 300, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) })
  for (const bad of ['', 'x', golden.slice(0, 20), 'C'.repeat(5000), `${golden}.x`, `B${golden.slice(1)}`])
    expect((await importTcf(token, bad)).errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT')
})

test('tags of a page are told what this client may do; of another one the person alone hears', async () => {
  const ask = (token: string, clientId?: string) =>
    shop.graphql('query ($c: ID) { consentSignals(clientId: $c) { type state } }', clientId === undefined ? {} : { c: clientId }, token)
  const granted = async (token: string, clientId?: string) =>
    (await ask(token, clientId)).data.consentSignals.filter((one: { state: string }) => one.state === 'granted').map((one: { type: string }) => one.type)
  const token = await person('person-107')
  expect(await granted(token, 'ads')).toEqual([])
  await say(token, yes('personalised_ads'))
  expect(await granted(token, 'ads')).toEqual(['ad_storage', 'ad_user_data', 'ad_personalization'])
  expect([await granted(token, 'marketing'), await granted(token, 'nobody')]).toEqual([[], []])
  const inShop = (await shop.signIn('google', { as: 'person-107' })).accessToken
  expect(await granted(inShop)).toEqual([])
  expect((await ask(inShop, 'ads')).errors?.[0]?.extensions.code).toBe('FORBIDDEN')
  expect((await ask(await shop.tool('ads'))).errors?.[0]?.extensions.code).toBe('FORBIDDEN')
})
