import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { NoticeFacts } from '../../demo/providers/notices.ts'
import { merging } from '../support/merging.ts'
import { startShop, type Shop } from '../support/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await startShop()
})
afterAll(() => shop[Symbol.asyncDispose]())

type Telling = 'google' | 'apple' | 'facebook'

const tell = async (provider: Telling, person: string, facts: NoticeFacts): Promise<Response> => {
  const at = shop.providers[provider]
  return at.notify(shop.url, at.notice(person, facts))
}
const me = (token: string) => shop.graphql('{ me { id givenName pictureUrl identities { provider } } }', {}, token)
const codeOf = async (token: string) => (await me(token)).errors?.[0]?.extensions.code
const settled = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 10_000, interval: 30 })
const stateOf = async (provider: string, person: string) => {
  const rows = await shop.db.collection('identities').find({ provider }).toArray()
  const known = await shop.db
    .collection('customers')
    .find({ email: new RegExp(person) })
    .toArray()
  return rows.filter((row) => known.some((one) => String(one._id) === row['customer'])).map((row) => row['state'] ?? 'active')
}

test('Google revokes sessions: tokens end, the person signs in again and is the same customer', async () => {
  const before = await shop.signIn('google', { as: 'gmail-1' })
  const { id } = (await me(before.accessToken)).data.me
  expect((await tell('google', 'gmail-1', { type: 'risc/event-type/sessions-revoked' })).status).toBe(202)
  await settled(async () => expect(await codeOf(before.accessToken)).toBe('UNAUTHENTICATED'))
  const refresh = 'mutation ($input: RefreshTokensInput!) { refreshTokens(input: $input) { accessToken } }'
  await settled(async () => {
    const refused = await shop.graphql(refresh, { input: { clientId: 'storefront', refreshToken: before.refreshToken ?? '' } })
    expect(refused.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
  })
  const again = await shop.signIn('google', { as: 'gmail-1' })
  expect((await me(again.accessToken)).data.me.id).toBe(id)
})

test('Google revokes sessions: a login by a device’s own dialog ends too, refresh token or not', async () => {
  const login = 'mutation ($input: LoginWithIdTokenInput!) { loginWithIdToken(input: $input) { accessToken refreshToken } }'
  const device = async (scope: string, nonce: string) => {
    const idToken = await shop.providers.google.idToken('gmail-10', { audience: 'entente-demo.apps.example', nonce })
    return (await shop.graphql(login, { input: { clientId: 'storefront', provider: 'google', idToken, nonce, scope } })).data.loginWithIdToken
  }
  const short = await device('openid purpose:order_processing', 'of the first device')
  const long = await device('openid offline_access purpose:order_processing', 'of the second device')
  const { accessToken: elsewhere } = await shop.signIn('facebook', { as: 'person-11' })
  expect([short.refreshToken, typeof long.refreshToken, await codeOf(short.accessToken)]).toEqual([null, 'string', undefined])
  await tell('google', 'gmail-10', { type: 'risc/event-type/sessions-revoked' })
  for (const { accessToken } of [short, long]) await settled(async () => expect(await codeOf(accessToken)).toBe('UNAUTHENTICATED'))
  expect(await codeOf(elsewhere)).toBeUndefined()
  expect(await codeOf((await device('openid', 'of the first device again')).accessToken)).toBeUndefined()
})

test('a hijacked Google account is shut until Google says otherwise, asks for more at the next sign-in, and is told by mail', async () => {
  await shop.signIn('google', { as: 'gmail-2' })
  const now = Math.floor(Date.now() / 1000)
  await tell('google', 'gmail-2', { type: 'risc/event-type/account-disabled', reason: 'hijacking', at: now })
  await settled(async () => expect(await stateOf('google', 'gmail.person.2')).toEqual(['blocked']))
  const refused = await shop.walk('google', { as: 'gmail-2' })
  expect(refused.page.text).toContain('LOGIN_DENIED')
  expect((await shop.db.collection('customers').findOne({ email: 'gmail.person.2@gmail.com' }))?.['alert']?.why).toBe('providerEvent')
  await shop.mailFor('gmail.person.2@gmail.com', /Google/)
  // An older word does not open it, a newer one does.
  await tell('google', 'gmail-2', { type: 'risc/event-type/account-enabled', at: now - 60 })
  await tell('google', 'gmail-2', { type: 'risc/event-type/account-enabled', at: now + 1 })
  await settled(async () => expect(await stateOf('google', 'gmail.person.2')).toEqual(['active']))
})

test('Apple: consent taken back ends sessions and keeps the customer; signing in again opens it; a deleted account never returns', async () => {
  const before = await shop.signIn('apple', { as: 'ben' })
  const { id } = (await me(before.accessToken)).data.me
  expect((await tell('apple', 'ben', { type: 'consent-revoked' })).status).toBe(200)
  await settled(async () => expect(await codeOf(before.accessToken)).toBe('UNAUTHENTICATED'))
  const again = await shop.signIn('apple', { as: 'ben' })
  expect((await me(again.accessToken)).data.me.id).toBe(id)
  expect((await tell('apple', 'ben', { type: 'account-delete' })).status).toBe(200)
  await settled(async () => expect(await codeOf(again.accessToken)).toBe('UNAUTHENTICATED'))
  expect((await shop.walk('apple', { as: 'ben' })).page.text).toContain('LOGIN_DENIED')
  expect(await shop.db.collection('customers').countDocuments({ state: 'active', 'identities.provider': 'apple', email: /privaterelay/ })).toBeGreaterThan(0)
})

test('Apple: a relay address that no longer arrives gets no letters until it does again', async () => {
  await shop.signIn('apple', { as: 'mallory' })
  const flag = async () => (await shop.db.collection('customers').findOne({ 'identities.provider': 'apple', givenName: 'Mallory' }))?.['emailUndeliverable']
  await tell('apple', 'mallory', { type: 'email-disabled' })
  await settled(async () => expect(await flag()).toBe(true))
  await tell('apple', 'mallory', { type: 'email-enabled' })
  await settled(async () => expect(await flag()).toBe(false))
})

test('Apple: while mail to an address does not arrive, whoever writes on consent has no address to write to; by time, not by arrival', async () => {
  const { accessToken } = await shop.signIn('apple', { as: 'person-20', client: 'account' })
  await merging(shop).yes(accessToken, 'email_marketing')
  const tool = await shop.tool('marketing')
  const listed = async () => {
    const { data, extensions } = await shop.graphql('{ customers { edges { node { email } } } }', {}, tool)
    return { emails: data.customers.edges.map(({ node }: { node: { email: string | null } }) => node.email), withheld: extensions?.withheld }
  }
  const { emails } = await listed()
  expect(emails).toEqual([expect.stringContaining('@')])
  const own = async () => (await shop.graphql('{ me { email } }', {}, accessToken)).data.me.email
  const now = Math.floor(Date.now() / 1000)
  await tell('apple', 'person-20', { type: 'email-disabled', at: now })
  await settled(async () => expect(await listed()).toEqual({ emails: [null], withheld: undefined }))
  expect(await own()).toBe(emails[0])
  // An older word that comes late changes nothing, a newer one does.
  await tell('apple', 'person-20', { type: 'email-enabled', at: now - 60 })
  await settled(async () => expect(await shop.db.collection('jobs').countDocuments({ kind: 'providerEvent', dueAt: { $exists: true } })).toBe(0))
  expect((await listed()).emails).toEqual([null])
  await tell('apple', 'person-20', { type: 'email-enabled', at: now + 60 })
  await settled(async () => expect((await listed()).emails).toEqual(emails))
})

test('Facebook: deauthorising ends sessions; a deletion is confirmed, done, and has a page that says only that', async () => {
  const before = await shop.signIn('facebook', { as: 'person-3' })
  expect((await me(before.accessToken)).data.me.givenName).not.toBeUndefined()
  const gone = await tell('facebook', 'person-3', { type: 'deauthorize' })
  expect([gone.status, await gone.json()]).toEqual([200, {}])
  await settled(async () => expect(await codeOf(before.accessToken)).toBe('UNAUTHENTICATED'))

  const again = await shop.signIn('facebook', { as: 'person-3' })
  const notice = shop.providers.facebook.notice('person-3', { type: 'data-deletion' })
  const answers = await Promise.all([1, 2, 3].map(() => shop.providers.facebook.notify(shop.url, notice)))
  const bodies = await Promise.all(answers.map((one) => one.json() as Promise<{ url: string; confirmation_code: string }>))
  expect(new Set(bodies.map((one) => JSON.stringify(one))).size).toBe(1)
  const [{ url, confirmation_code: code } = { url: '', confirmation_code: '' }] = bodies
  expect(url).toBe(`${shop.url}/privacy/deletion/${code}`)
  await settled(async () => expect(await codeOf(again.accessToken)).toBe('UNAUTHENTICATED'))
  await settled(async () => expect(await (await fetch(url)).text()).toMatch(/Done|Erledigt/))
  expect((await fetch(`${shop.url}/privacy/deletion/${'A'.repeat(22)}`)).status).toBe(404)
  const row = await shop.db.collection('customers').findOne({ 'identities.provider': 'facebook', 'identities.state': 'revoked' })
  expect(row).toMatchObject({ state: 'active' })
  expect(row).not.toHaveProperty('givenName')
  expect(row).not.toHaveProperty('email')
})
