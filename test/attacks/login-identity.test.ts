import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startProviders } from '../../demo/providers/start.ts'
import { start } from '../../src/main.ts'
import { Browser, type Page } from '../support/browser.ts'
import { openAttackedShop, type AttackedShop } from '../support/callback.ts'
import { clientSide, onward, redirectUri, type Answer } from '../support/shop.ts'

// Two apps of one shop at Facebook, whose numbers glue: 100000000000001 and 1 and …, 1000000000000011 and …
const longerApp = '1000000000000011'
let shop: AttackedShop
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'clients-'))
  const clients = (await readFile(new URL('../../demo/clients.yaml', import.meta.url), 'utf8')).replace(
    `['100000000000001']`,
    `['100000000000001', '${longerApp}']`,
  )
  await writeFile(join(folder, 'clients.yaml'), clients)
  shop = await openAttackedShop({ CLIENTS_FILE: join(folder, 'clients.yaml') })
})
beforeEach(() => {
  for (const provider of ['google', 'apple', 'facebook', 'haus'] as const) shop.providers[provider].behave()
})
afterAll(() => shop[Symbol.asyncDispose]())

const mutation = 'mutation ($input: LoginWithIdTokenInput!) { loginWithIdToken(input: $input) { accessToken refreshToken } }'
const code = ({ errors }: Answer) => errors?.[0]?.extensions.code
const people = () => shop.db.collection('customers').countDocuments()
const customersOf = (filter: object) => shop.db.collection('identities').distinct('customer', filter)

let drawn = 0
interface Device {
  readonly provider?: 'google' | 'apple' | 'facebook'
  readonly as?: string
  readonly audience?: string
  /** What the token says; undefined leaves it out. */
  readonly said?: string | undefined
  readonly input?: Readonly<Record<string, unknown>>
}

const audiences = { google: 'entente-demo.apps.example', apple: 'example.entente.web', facebook: '100000000000001' }

/** What an app sends after the device's own dialog. */
async function device(given: Device = {}) {
  const { provider = 'google', as = 'person-900', audience = audiences[provider] } = given
  const nonce = `nonce-of-this-house-${++drawn}`
  const said = 'said' in given ? given.said : nonce
  const idToken = await shop.providers[provider].idToken(as, { audience, ...(said !== undefined && { nonce: said }) })
  return { clientId: 'storefront', provider, idToken, nonce, ...given.input }
}

const send = async (given: Device = {}): Promise<Answer> => shop.graphql(mutation, { input: await device(given) })

/** Refused, with nobody made or signed in and no word about the token. */
async function refuses(given: Device, expected: string): Promise<void> {
  const before = await shop.kept()
  const from = shop.lines.length
  const input = await device(given)
  const answer = await shop.graphql(mutation, { input })
  expect([code(answer), answer.data?.loginWithIdToken]).toEqual([expected, undefined])
  expect(await shop.kept()).toEqual(before)
  if (input.idToken.length > 20) expect(shop.lines.slice(from).join('') + JSON.stringify(answer)).not.toContain(input.idToken.slice(0, 20))
}

describe('ID token from the device', () => {
  test('A90 the nonce: left out, empty, or another than the token’s', async () => {
    expect((await send()).errors).toBeUndefined()
    await refuses({ said: undefined }, 'LOGIN_DENIED')
    await refuses({ said: 'another' }, 'LOGIN_DENIED')
    await refuses({ input: { nonce: '' } }, 'BAD_USER_INPUT')
    await refuses({ input: { nonce: undefined } }, 'BAD_USER_INPUT')
    await refuses({ said: '', input: { nonce: '' } }, 'BAD_USER_INPUT')
  })

  test('A91 one token, twenty times at once and again', async () => {
    const input = await device({ as: 'person-901' })
    const answers = await Promise.all(Array.from({ length: 20 }, () => shop.graphql(mutation, { input })))
    expect(answers.filter(({ errors }) => errors === undefined)).toHaveLength(1)
    expect(new Set(answers.filter(({ errors }) => errors !== undefined).map(code))).toEqual(new Set(['LOGIN_DENIED']))
    expect(code(await shop.graphql(mutation, { input }))).toBe('LOGIN_DENIED')
    // Another token under the same nonce is no better.
    const again = await shop.providers.google.idToken('person-901', { audience: audiences.google, nonce: input.nonce })
    expect(code(await shop.graphql(mutation, { input: { ...input, idToken: again } }))).toBe('LOGIN_DENIED')
    expect((await send({ as: 'person-901' })).errors).toBeUndefined()
  })

  test('A92 A93 A94 for another app, another provider, or a client that may not', async () => {
    await refuses({ audience: 'somebody-else.apps.example' }, 'LOGIN_DENIED')
    await refuses({ input: { provider: 'apple' } }, 'LOGIN_DENIED')
    await refuses({ provider: 'apple', input: { provider: 'google' } }, 'LOGIN_DENIED')
    for (const clientId of ['storefront-b', 'account', 'marketing', 'ads', 'operator']) await refuses({ input: { clientId } }, 'FORBIDDEN')
    await refuses({ input: { clientId: 'nobody' } }, 'UNAUTHENTICATED')
    await refuses({ input: { provider: 'haus' } }, 'LOGIN_DENIED') // no app of this client there
    expect((await send({ provider: 'apple', as: 'person-902' })).errors).toBeUndefined()
  })

  test('A24 A25 a provider that is none', async () => {
    for (const provider of ['__proto__', 'constructor', 'GOOGLE', '']) await refuses({ input: { provider } }, 'PROVIDER_UNKNOWN')
  })

  test('A96 oversize is refused before anything is decoded or asked', async () => {
    shop.providers.google.forgetRequests()
    for (const idToken of ['.'.repeat(1_000), 'a.b.c.d.e', `${'a'.repeat(20_000)}.b.c`]) await refuses({ input: { idToken } }, 'BAD_USER_INPUT')
    const huge = await fetch(`${shop.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: mutation, variables: { input: { idToken: 'a'.repeat(1_000_000) } } }),
    })
    expect(huge.status).toBe(413)
    expect(shop.providers.google.requests).toEqual([])
  })

  test('A97 a customer who is no longer there: refused at both doors, and nothing of theirs is told', async () => {
    await shop.signIn('google', { as: 'person-903' })
    await shop.db.collection('customers').updateOne({ email: 'person-903@people.example' }, { $set: { state: 'erased' } })
    const before = await people()
    const answer = await send({ as: 'person-903' })
    expect([code(answer), answer.data?.loginWithIdToken, await people()]).toEqual(['LOGIN_DENIED', undefined, before])
    const own = await shop.stand({ as: 'person-903' })
    const page = await own.browser.open(own.callback.href)
    expect([page.status, page.text.includes('LOGIN_DENIED'), /person-903|Person/.test(page.text)]).toEqual([200, true, false])
  })
})

describe('who it is', () => {
  const idOf = async (token: string): Promise<string> => (await shop.graphql('{ me { id } }', {}, token)).data.me.id
  const walk = async (provider: string, as: string): Promise<Page> => (await shop.walk(provider, { as })).page

  test('A84 B08 the mailbox has a new owner: a new subject with the same address and the same hd opens nothing', async () => {
    const cem = await shop.signIn('google', { as: 'cem' })
    const before = { people: await people(), identities: await shop.db.collection('identities').countDocuments() }
    shop.providers.google.misbehave({ subject: '999999999999999999999' })
    const page = await walk('google', 'cem')
    expect([page.status, page.text.includes('LINK_REQUIRED')]).toEqual([409, true])
    const answer = await send({ as: 'cem' })
    expect(code(answer)).toBe('LINK_REQUIRED')
    expect({ people: await people(), identities: await shop.db.collection('identities').countDocuments() }).toEqual(before)
    expect(await shop.db.collection('audit_log').countDocuments({ type: 'login.link_required' })).toBeGreaterThan(0)
    shop.providers.google.behave()
    expect(await idOf((await shop.signIn('google', { as: 'cem' })).accessToken)).toBe(await idOf(cem.accessToken))
  })

  test('A85 a known subject with another address is the same customer, whose first address stays claimed', async () => {
    const first = await shop.signIn('google', { as: 'person-910' })
    shop.providers.google.misbehave({ email: 'moved-910@people.example' })
    const second = await shop.signIn('google', { as: 'person-910' })
    expect(await idOf(second.accessToken)).toBe(await idOf(first.accessToken))
    shop.providers.google.behave()
    shop.providers.apple.misbehave({ email: 'person-910@people.example' })
    expect((await walk('apple', 'person-911')).status).toBe(409)
  })

  test('A98 issuer and subject are not glued: app 1 with subject 123 is not app 11 with subject 23', async () => {
    shop.providers.facebook.misbehave({ subject: '1777' })
    const one = await send({ provider: 'facebook', as: 'person-920' })
    shop.providers.facebook.misbehave({ subject: '777' })
    const other = await send({ provider: 'facebook', as: 'person-920', audience: longerApp })
    expect([one.errors, other.errors]).toEqual([undefined, undefined])
    expect(await idOf(one.data.loginWithIdToken.accessToken)).not.toBe(await idOf(other.data.loginWithIdToken.accessToken))
    shop.providers.facebook.misbehave({ subject: '1777' })
    const again = await send({ provider: 'facebook', as: 'person-920' })
    expect(await idOf(again.data.loginWithIdToken.accessToken)).toBe(await idOf(one.data.loginWithIdToken.accessToken))
  })

  test('A99 one number at two providers is two people', async () => {
    shop.providers.facebook.misbehave({ subject: '4711' })
    shop.providers.haus.misbehave({ subject: '4711', missingEmail: true })
    const [facebook, haus] = [await shop.signIn('facebook', { as: 'person-930' }), await shop.signIn('haus', { as: 'person-931' })]
    expect(await idOf(facebook.accessToken)).not.toBe(await idOf(haus.accessToken))
  })

  test('A99 a provider’s id that points to a new issuer opens nobody’s old account', async () => {
    await using elsewhere = await startProviders()
    const folder = await mkdtemp(join(tmpdir(), 'providers-'))
    const file = join(folder, 'providers.yaml')
    await writeFile(file, JSON.stringify([{ id: 'haus', name: 'Haus', issuer: elsewhere.haus.url, clientId: 'entente', clientSecret: 'haus-demo-secret' }]))
    const asked = { subject: 'the-same-subject', missingEmail: true }
    shop.providers.haus.misbehave(asked)
    elsewhere.haus.misbehave(asked)
    await shop.signIn('haus', { as: 'person-940' })
    const before = await customersOf({ provider: 'haus' })
    await using pointed = await start({ ...shop.env, PROVIDERS_FILE: file })
    const side = clientSide(pointed.url)
    const { page } = await side.walk('haus', { as: 'person-940', browser: new Browser([redirectUri]) })
    expect((await onward(new Browser([]), page, {})).url).toMatch(`${redirectUri}?code=`)
    expect(await customersOf({ provider: 'haus' })).toHaveLength(before.length + 1)
  })
})
