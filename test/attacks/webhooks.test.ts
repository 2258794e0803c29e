import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { NoticeFacts } from '../../demo/providers/notices.ts'
import type { Switches } from '../../demo/providers/switches.ts'
import { Browser } from '../support/browser.ts'
import { onward, redirectUri, startShop, type Shop } from '../support/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await startShop({ gateways: 2 })
})
afterAll(() => shop[Symbol.asyncDispose]())
beforeEach(() => Object.values(shop.providers).forEach((provider) => 'behave' in provider && provider.behave()))

type Telling = 'google' | 'apple' | 'facebook'
const revoked: Record<Telling, NoticeFacts> = {
  google: { type: 'risc/event-type/sessions-revoked' },
  apple: { type: 'consent-revoked' },
  facebook: { type: 'data-deletion' },
}
const jobs = () => shop.db.collection('jobs').countDocuments({ kind: 'providerEvent' })
const waiting = () => shop.db.collection('jobs').countDocuments({ kind: 'providerEvent', doneAt: { $exists: false } })
const workedOff = () => vi.waitFor(async () => expect(await waiting()).toBe(0), { timeout: 10_000, interval: 30 })
const lives = async (token: string) => (await shop.graphql('{ me { id } }', {}, token)).errors === undefined
const tell = (provider: Telling, facts: NoticeFacts, person = 'anna') => {
  const at = shop.providers[provider]
  return at.notify(shop.url, at.notice(person, facts))
}
const post = (path: string, body: string | Uint8Array<ArrayBuffer>, mediaType: string) =>
  fetch(`${shop.url}/webhooks/${path}`, { method: 'POST', headers: { 'content-type': mediaType }, body })

/** Nothing was kept, and it is written down that somebody tried. */
async function refused(send: () => Promise<Response>): Promise<void> {
  const [kept, noted] = [await jobs(), await shop.db.collection('audit_log').countDocuments({ type: 'provider.event_refused' })]
  const answer = await send()
  expect(answer.status).toBe(400)
  expect(await answer.json()).toMatchObject({ err: 'invalid_request' })
  expect(await jobs()).toBe(kept)
  expect(await shop.db.collection('audit_log').countDocuments({ type: 'provider.event_refused' })).toBe(noted + 1)
}

const lies: readonly Switches[] = [
  { badSignature: true },
  { algNone: true },
  { algNone: 'nOnE' },
  { hs256: true },
  { wrongIssuer: true },
  { wrongAudience: true },
  { dropClaims: ['aud'] },
  { dropClaims: ['events'] },
  { dropClaims: ['jti'] },
  { issuedInFuture: true },
  { header: { jwk: { kty: 'RSA', n: 'AQAB', e: 'AQAB' } } },
]
test.for(lies.flatMap((lie) => (['apple', 'google'] as const).map((provider) => [provider, JSON.stringify(lie), lie] as const)))(
  'F01 F06 %s: a notice with %s is refused and kept nowhere',
  async ([provider, , lie]) => {
    shop.providers[provider].misbehave(lie)
    await refused(() => tell(provider, revoked[provider]))
  },
)

test('F02 an ID token is no notice; events may be text or an object, but must be there', async () => {
  const idToken = await shop.providers.apple.idToken('anna', { audience: 'example.entente.web' })
  await refused(() => post('apple', JSON.stringify({ payload: idToken }), 'application/json'))
  const google = await shop.providers.google.idToken('anna', { audience: 'entente-demo.apps.example' })
  await refused(() => post('google', google, 'application/secevent+jwt'))
  for (const events of ['not JSON', '"text in text"', [], 7]) await refused(() => tell('apple', { ...revoked.apple, claims: { events } }))
  shop.providers.apple.misbehave({ strings: false })
  expect((await tell('apple', revoked.apple, 'person-1')).status).toBe(200)
})

const secret = 'demo-app-secret'
const signed = (payload: object, by = secret) => {
  const encoded = Buffer.from(JSON.stringify(payload)).toString('base64url')
  return { encoded, signature: createHmac('sha256', by).update(encoded).digest('base64url') }
}
const facebook = (text: string, path = 'facebook') => post(path, new URLSearchParams({ signed_request: text }).toString(), 'application/x-www-form-urlencoded')
const honest = { user_id: '10159000000000001', algorithm: 'HMAC-SHA256', issued_at: 1_700_000_000 }

test('F03 signed requests: another secret, algorithm or shape is refused', async () => {
  const { encoded, signature } = signed(honest)
  const wrong = [
    `${signed(honest, 'other-app-secret').signature}.${encoded}`,
    `${signature.slice(0, 20)}.${encoded}`,
    `.${encoded}`,
    `${signature}`,
    `${signature}.`,
    `${signature}.${encoded}.${encoded}`,
    `${signature}.${encoded.slice(0, -2)}`,
    ...['none', 'hmac-sha256', 'HMAC-SHA1', null].map((algorithm) => {
      const other = signed({ ...honest, algorithm })
      return `${other.signature}.${other.encoded}`
    }),
    ...[{ user_id: 7 }, { user_id: '1 or 1' }, { issued_at: 9_999_999_999 }, { issued_at: 'now' }].map((members) => {
      const other = signed({ ...honest, ...members })
      return `${other.signature}.${other.encoded}`
    }),
  ]
  for (const text of wrong) await refused(() => facebook(text))
  await refused(() => post('facebook', `signed_request=${signature}.${encoded}&signed_request=${signature}.${encoded}`, 'application/x-www-form-urlencoded'))
  await refused(() => facebook(`${signature}.${encoded}`, 'facebook/elsewhere'))
})

test('F04 F08 an old signed request and one that pads its signature are carried out once, and answered alike each time', async () => {
  // The golden value of the provider's manual.
  const golden =
    '-JHfJEcitv9GxtGEwsh1KrxaGrAtbXVRyarfqhZrP68.eyJ1c2VyX2lkIjoiMTAxNTkwMDAwMDAwMDAwMSIsImFsZ29yaXRobSI6IkhNQUMtU0hBMjU2IiwiaXNzdWVkX2F0IjoxNzAwMDAwMDAwfQ'
  const before = await jobs()
  const answers = await Promise.all([golden, golden.replace('.', '=.'), golden, golden].map(async (text) => (await facebook(text)).json()))
  expect(new Set(answers.map((one) => JSON.stringify(one))).size).toBe(1)
  expect(await jobs()).toBe(before + 1)
})

test('F05 a deletion is asked about by 128 random bits; the page says received or done and nothing else', async () => {
  const person = await shop.signIn('facebook', { as: 'person-5' })
  const { url } = (await (await tell('facebook', revoked.facebook, 'person-5')).json()) as { url: string }
  await vi.waitFor(async () => expect(await lives(person.accessToken)).toBe(false), { timeout: 10_000, interval: 30 })
  await workedOff()
  const page = await (await fetch(url, { headers: { 'accept-language': 'en' } })).text()
  expect(page).toContain('Done')
  expect(page).not.toMatch(/Person|person-5|people\.example|1015\d{10}/)
  expect(Buffer.from(url.split('/').at(-1) ?? '', 'base64url')).toHaveLength(16)
  for (const guess of ['A'.repeat(22), 'a', '..%2f', `${'A'.repeat(21)}!`]) expect((await fetch(`${shop.url}/privacy/deletion/${guess}`)).status).toBe(404)
})

test('F07 a notice without exp, an hour old, counts: events speak of the past', async () => {
  const person = await shop.signIn('google', { as: 'gmail-7' })
  const hourAgo = Math.floor(Date.now() / 1000) - 3600
  expect((await tell('google', { ...revoked.google, at: hourAgo }, 'gmail-7')).status).toBe(202)
  await vi.waitFor(async () => expect(await lives(person.accessToken)).toBe(false), { timeout: 10_000, interval: 30 })
})

test('F08 the same notice twenty times at once, at two processes, works once', async () => {
  await shop.signIn('google', { as: 'gmail-8' })
  const at = shop.providers.google
  const notice = at.notice('gmail-8', revoked.google)
  const before = await jobs()
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => at.notify(shop.urls[n % 2] ?? '', notice)))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
  expect(await jobs()).toBe(before + 1)
  await workedOff()
  const customer = await shop.db.collection('customers').findOne({ email: 'gmail.person.8@gmail.com' })
  const told = { type: 'provider.event', subjects: String(customer?._id) }
  expect(await shop.db.collection('audit_log').countDocuments(told)).toBe(1)
  // It comes again when nobody remembers the job any more.
  await shop.db.collection('jobs').deleteMany({ kind: 'providerEvent' })
  await at.notify(shop.url, notice)
  await workedOff()
  expect(await shop.db.collection('audit_log').countDocuments(told)).toBe(1)
})

test('F10 F11 a stranger, an unknown kind, a test and a subject of another issuer are answered like any other and do nothing', async () => {
  const anna = await shop.signIn('google', { as: 'anna' })
  const now = Math.floor(Date.now() / 1000)
  const google = shop.providers.google
  const events = (subject: object, type = 'risc/event-type/sessions-revoked') => ({
    claims: { events: { [`https://schemas.openid.net/secevent/${type}`]: { subject } } },
  })
  const [, claims = ''] = (await google.idToken('anna', { audience: 'x' })).split('.')
  const { sub } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { sub: string }
  const harmless: NoticeFacts[] = [
    { type: 'risc/event-type/verification' },
    { type: 'risc/event-type/of-tomorrow' },
    { type: '', ...events({ subject_type: 'iss-sub', iss: 'https://issuer.evil.example', sub }) },
    { type: '', ...events({ subject_type: 'email', email: 'anna.demo@gmail.com' }) },
    { type: '', ...events({ subject_type: 'iss-sub', iss: shop.providers.apple.url, sub }) },
    { type: '', claims: { events: {} } },
  ]
  const statuses = new Set<number>()
  for (const facts of harmless) statuses.add((await tell('google', facts)).status)
  statuses.add((await tell('google', { ...revoked.google, at: now }, 'person-404')).status)
  expect(statuses).toEqual(new Set([202]))
  // Apple names somebody by a number of Google's.
  const event = JSON.stringify({ type: 'consent-revoked', sub, event_time: Date.now() })
  expect((await tell('apple', { ...revoked.apple, claims: { events: event } })).status).toBe(200)
  await workedOff()
  expect(await lives(anna.accessToken)).toBe(true)
})

test('F13 a login in flight makes no session when its provider revokes sessions before it arrives', async () => {
  const stops = [redirectUri, `${shop.url}/oidc/auth/`]
  const found = async () => {
    const browser = new Browser(stops)
    return shop.walk('google', { as: 'gmail-13', browser })
  }
  const calm = await found()
  const late = await found()
  stops.pop()
  const arrived = async ({ browser, page }: Awaited<ReturnType<typeof found>>) => {
    const before = browser.visited.length
    await onward(browser, await browser.open(page.url), {})
    return browser.visited.slice(before).every((url) => !url.startsWith(shop.providers.google.url))
  }
  expect(await arrived(calm)).toBe(true)
  await tell('google', revoked.google, 'gmail-13')
  await workedOff()
  expect(await arrived(late)).toBe(false)
})

test('F14 forged notices in number fetch no keys and hold nobody up', async () => {
  shop.providers.google.forgetRequests()
  shop.providers.google.misbehave({ unknownKid: true })
  const forged = shop.providers.google.notice('anna', revoked.google)
  for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 50 }, () => shop.providers.google.notify(shop.url, forged)))
  expect(shop.providers.google.requests.filter(({ path }) => path.endsWith('/certs')).length).toBeLessThanOrEqual(3)
  shop.providers.google.behave()
  expect((await tell('google', revoked.google, 'gmail-14')).status).toBe(202)
})

test('F15 F17 another path, method, type or body is refused', async () => {
  const apple = shop.providers.apple.notice('anna', revoked.apple)
  const google = shop.providers.google.notice('anna', revoked.google)
  expect((await post('nobody', '{}', 'application/json')).status).toBe(404)
  expect((await post('haus', '{}', 'application/json')).status).toBe(404)
  expect((await fetch(`${shop.url}/webhooks/google`)).status).toBe(405)
  await refused(() => post('google', apple.body, 'application/json'))
  await refused(() => post('apple', google.body, 'application/secevent+jwt'))
  await refused(() => post('apple', google.body, 'application/json'))
  expect((await post('apple', '<xml/>', 'text/xml')).status).toBe(415)
  expect((await post('apple', `{"payload":"${'x'.repeat(2_000_000)}"}`, 'application/json')).status).toBe(413)
  await refused(() => post('apple', Uint8Array.of(0x7b, 0xff, 0xfe, 0x7d), 'application/json'))
  await refused(() => post('apple', '{"__proto__":{"payload":"x"}}', 'application/json'))
  await refused(() => post('google', '', 'application/secevent+jwt'))
})
