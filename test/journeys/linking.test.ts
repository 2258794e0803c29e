import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { redirectUri, onward, startShop, type Shop } from '../support/shop.ts'
import { linksOf, pick } from '../support/browser.ts'

let shop: Shop
beforeAll(async () => {
  shop = await startShop()
})
afterAll(() => shop[Symbol.asyncDispose]())

const idOf = async (token: string): Promise<string> => (await shop.graphql('{ me { id } }', {}, token)).data.me.id

test('the same verified address at another provider is not enough: the known way in must be shown, then both are linked', async () => {
  const google = await shop.signIn('google', { as: 'anna' })
  const before = await shop.db.collection('customers').countDocuments()
  const apple = await shop.walk('apple', { as: 'anna' })
  expect(apple.page.status).toBe(409)
  expect(apple.page.text).toContain('LINK_REQUIRED')
  expect(await shop.db.collection('customers').countDocuments()).toBe(before)

  const known = linksOf(apple.page).filter((href) => href.includes('/login/start'))
  expect(known.map((href) => new URL(href).searchParams.get('provider'))).toEqual(['google'])
  const picker = await apple.browser.open(known[0] ?? '')
  const done = await pick(apple.browser, picker, 'anna')
  const end = await onward(apple.browser, done, {})
  expect(end.url.startsWith(redirectUri)).toBe(true)

  const again = await shop.signIn('apple', { as: 'anna' })
  expect(await idOf(again.accessToken)).toBe(await idOf(google.accessToken))
  expect(await shop.db.collection('customers').countDocuments()).toBe(before)
})

test('an address that nobody vouches for opens nothing and tells nothing: Facebook makes a customer of its own', async () => {
  const google = await shop.signIn('google', { as: 'anna' })
  const facebook = await shop.signIn('facebook', { as: 'anna' })
  expect(await idOf(facebook.accessToken)).not.toBe(await idOf(google.accessToken))
  expect(await shop.db.collection('emails').countDocuments({ by: 'facebook' })).toBe(0)
})

test('two providers that both own the mailbox are one person at once', async () => {
  const google = await shop.signIn('google', { as: 'cem' })
  const haus = await shop.signIn('haus', { as: 'cem' })
  expect(await idOf(haus.accessToken)).toBe(await idOf(google.accessToken))
})

test('somebody without an address is a customer like any other', async () => {
  const cem = await shop.signIn('facebook', { as: 'cem' })
  expect((await shop.graphql('{ me { email givenName } }', {}, cem.accessToken)).data.me.email).toBeNull()
})

test('a customer adds a login in the account centre and takes it away again, but never the last one', async () => {
  const ben = await shop.signIn('google', { as: 'ben', client: 'account' })
  const started = await shop.graphql(`mutation { startLinking(provider: "facebook", redirectUri: "${redirectUri}") { url expiresAt } }`, {}, ben.accessToken)
  expect(started.errors).toBeUndefined()
  const atPicker = await ben.browser.open(started.data.startLinking.url)
  const linked = await pick(ben.browser, atPicker, 'ben')
  expect(linked.url).toBe(`${redirectUri}?linked=facebook`)

  const list = await shop.graphql('{ me { identities { id provider email } } }', {}, ben.accessToken)
  expect(list.data.me.identities.map((one: { provider: string }) => one.provider)).toEqual(['google', 'facebook'])
  const byFacebook = await shop.signIn('facebook', { as: 'ben' })
  expect(await idOf(byFacebook.accessToken)).not.toBe(await idOf(ben.accessToken)) // another house sees another id
  const customers = await shop.db.collection('identities').distinct('customer', { provider: { $in: ['google', 'facebook'] } })
  expect(new Set(customers).size).toBe(customers.length)

  const facebookId = list.data.me.identities[1].id
  const unlink = `mutation ($id: ID!) { unlinkIdentity(id: $id) { identities { provider } } }`
  const unlinked = await shop.graphql(unlink, { id: facebookId }, ben.accessToken)
  expect(unlinked.errors).toBeUndefined()
  expect(unlinked.data.unlinkIdentity.identities).toEqual([{ provider: 'google' }])

  const dead = await shop.graphql('{ me { id } }', {}, ben.accessToken)
  expect(dead.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
  const back = await shop.signIn('google', { as: 'ben', client: 'account' })
  const last = (await shop.graphql('{ me { identities { id } } }', {}, back.accessToken)).data.me.identities[0].id
  expect((await shop.graphql(unlink, { id: last }, back.accessToken)).errors?.[0]?.extensions.code).toBe('LAST_IDENTITY')
})

test('a shop cannot link or unlink for its customer', async () => {
  const ben = await shop.signIn('google', { as: 'ben' })
  const started = await shop.graphql(`mutation { startLinking(provider: "facebook", redirectUri: "${redirectUri}") { url } }`, {}, ben.accessToken)
  expect(started.errors?.[0]?.extensions.code).toBe('FORBIDDEN')
})

test('twenty first logins at the same instant, on two processes, are one customer', async () => {
  const both = await startShop({ gateways: 2 })
  try {
    const logins = await Promise.all(
      Array.from({ length: 20 }, (_, n) => both.signIn('google', { as: 'gmail-7', ...(both.urls[n % 2] !== undefined && { at: both.urls[n % 2] as string }) })),
    )
    expect(logins).toHaveLength(20)
    expect(await both.db.collection('customers').countDocuments()).toBe(1)
    expect(await both.db.collection('identities').countDocuments()).toBe(1)
  } finally {
    await both[Symbol.asyncDispose]()
  }
}, 60_000)

test.for([
  ['google', '/revoke'],
  ['apple', '/auth/revoke'],
  ['facebook', '/v26.0/me/permissions'],
] as const)('what %s gave us is taken back there when the login is removed, and lay encrypted here', async ([provider, path]) => {
  const start = provider === 'apple' ? 'google' : 'apple'
  const person = `person-${provider.length}`
  const first = await shop.signIn(start, { as: person, client: 'account' })
  const started = await shop.graphql(`mutation { startLinking(provider: "${provider}", redirectUri: "${redirectUri}") { url } }`, {}, first.accessToken)
  await onward(first.browser, await pick(first.browser, await first.browser.open(started.data.startLinking.url), person), {})
  const { identities } = (await shop.graphql('{ me { identities { id provider } } }', {}, first.accessToken)).data.me
  const { id } = identities.find((one: { provider: string }) => one.provider === provider)
  const kept = await shop.db.collection('identities').findOne({ publicId: id })
  expect(kept?.['grant']).toEqual(expect.any(String))
  expect(kept?.['grant']).not.toMatch(/^(ya29|EAA|r|1\/\/)\./)
  shop.providers[provider].forgetRequests()
  expect((await shop.graphql('mutation ($id: ID!) { unlinkIdentity(id: $id) { id } }', { id }, first.accessToken)).errors).toBeUndefined()
  await vi.waitFor(() => expect(shop.providers[provider].requests.map((one) => one.path)).toContain(path), { timeout: 10_000, interval: 30 })
  await vi.waitFor(async () => expect(await shop.db.collection('jobs').countDocuments({ kind: 'revokeGrant', doneAt: { $exists: false } })).toBe(0))
})
