import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { linksOf, pick } from '../support/browser.ts'
import { code } from '../support/merging.ts'
import { onward, redirectUri, startShop, type Shop } from '../support/shop.ts'
import { askForCode, atChoice, giveCode, idOf } from '../support/signing-in.ts'

// Who is there first with somebody else’s address (arXiv 2205.10174), and addresses that look like somebody else’s.
let shop: Shop
beforeAll(async () => {
  shop = await startShop()
})
beforeEach(() => {
  for (const provider of ['google', 'apple', 'facebook', 'haus'] as const) shop.providers[provider].behave()
})
afterAll(() => shop[Symbol.asyncDispose]())

const account = (provider: string, as: string) => shop.signIn(provider, { as, client: 'account' })
const me = async (token: string) => (await shop.graphql('{ me { id email givenName identities { provider email } } }', {}, token)).data.me
const write = (input: Record<string, unknown>, token: string) =>
  shop.graphql('mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { id email givenName } }', { input }, token)
const owners = (address: string) => shop.db.collection('customers').find({ email: address }).toArray()

/** The account centre’s way to one login more. */
async function link(mine: Awaited<ReturnType<typeof account>>, provider: string, as: string) {
  const { data } = await shop.graphql(`mutation { startLinking(provider: "${provider}", redirectUri: "${redirectUri}") { url } }`, {}, mine.accessToken)
  return onward(mine.browser, await pick(mine.browser, await mine.browser.open(data.startLinking.url), as), {})
}

describe('B01 an account is waiting with the address of somebody who has not come yet', () => {
  test('made by a login that proves no address: the owner gets an account of their own, and the address', async () => {
    const victim = 'gmail.person.1@gmail.com'
    shop.providers.facebook.misbehave({ email: victim, emailVerified: true })
    const attacker = await account('facebook', 'person-1001')
    expect((await me(attacker.accessToken)).email).toBe(victim)
    const owner = await account('google', 'gmail-1')
    expect(await me(owner.accessToken)).toMatchObject({ email: victim, identities: [{ provider: 'google' }] })
    expect(await idOf(shop, attacker.accessToken)).not.toBe(await idOf(shop, owner.accessToken))
    expect((await me(attacker.accessToken)).identities.map((one: { provider: string }) => one.provider)).toEqual(['facebook'])
    expect(await shop.db.collection('emails').countDocuments({ by: 'facebook' })).toBe(0)
  })

  test('B50 written into a profile: it stays the word of whoever wrote it, and finds, links and proves nothing', async () => {
    const victim = 'gmail.person.2@gmail.com'
    const attacker = await account('google', 'person-1002')
    expect((await write({ email: victim }, attacker.accessToken)).errors).toBeUndefined()
    const [row] = await owners(victim)
    expect(row?.['emailProof']).toBe('none')
    const owner = await account('google', 'gmail-2')
    expect(await idOf(shop, owner.accessToken)).not.toBe(await idOf(shop, attacker.accessToken))
    expect((await shop.walk('apple', { as: 'gmail-2' })).page.text).toContain('LINK_REQUIRED')
    const userinfo = await fetch(`${shop.url}/oidc/me`, { headers: { authorization: `Bearer ${attacker.accessToken}` } })
    expect(await userinfo.json()).toMatchObject({ email: victim, email_verified: false })
  })
})

test('B03 B04 what the attacker set up waits for nobody: no code goes to an address that was never proved, and the owner’s account has one login', async () => {
  const victim = 'gmail.person.3@gmail.com'
  shop.providers.facebook.misbehave({ email: victim, emailVerified: true })
  const attacker = await account('facebook', 'person-1003')
  shop.providers.facebook.behave()
  expect((await link(attacker, 'google', 'person-1004')).url).toBe(`${redirectUri}?linked=google`)
  await write({ email: victim }, attacker.accessToken)

  // The owner tries to recover what they never made: the page is that of any address, and the mailbox stays empty.
  const way = await atChoice(shop)
  const page = await askForCode(way, victim)
  expect((await giveCode(way.browser, page, '00000000')).status).toBe(400)
  const owner = await account('google', 'gmail-3')
  expect((await me(owner.accessToken)).identities).toEqual([{ provider: 'google', email: victim }])
  // What is done at the attacker’s account is not told at the owner’s address either, nor is there a link that would change it later.
  await link(attacker, 'haus', 'person-1005')
  const known = await atChoice(shop)
  await askForCode(known, victim)
  await shop.mailFor(victim, /\d{4}[ -]?\d{4}/)
  expect(shop.mails(victim)).toHaveLength(1)
})

describe('B05 B06 a provider that lets people claim what they like', () => {
  const victim = 'gmail.person.5@gmail.com'

  test('is believed for its own domains only: before the owner comes, and after', async () => {
    shop.providers.haus.misbehave({ email: victim, emailVerified: true })
    const first = await account('haus', 'person-1010')
    const owner = await account('google', 'gmail-5')
    const second = await account('haus', 'person-1011')
    expect(new Set(await Promise.all([first, owner, second].map((one) => idOf(shop, one.accessToken)))).size).toBe(3)
    expect((await me(owner.accessToken)).identities).toEqual([{ provider: 'google', email: victim }])
    const proved = (await owners(victim)).filter((row) => row['emailProof'] !== 'none')
    expect(proved.map((row) => row['identities'][0].provider)).toEqual(['google'])
    // A code to the mailbox leads its owner to their own account, not to one that was waiting.
    const way = await atChoice(shop)
    const page = await askForCode(way, victim)
    const mail = await shop.mailFor(victim, /\d{4}[ -]?\d{4}/)
    const done = await giveCode(way.browser, page, /\b\d{4}[ -]?\d{4}\b/.exec(mail.text)?.[0] ?? '')
    expect(done.url).toContain('code=')
    const entered = await shop.db.collection('audit_log').findOne({ type: 'login.succeeded', 'detail.provider': 'mail' })
    expect(entered?.['subjects']).toEqual([proved[0]?._id])
    // For its own it is: the same claim, repaired.
    shop.providers.haus.misbehave({ email: 'person.1012@haus.example', emailVerified: true })
    await account('haus', 'person-1012')
    expect(await shop.db.collection('emails').countDocuments({ by: 'haus', proof: 'authoritative' })).toBe(1)
  })

  test('whoever changes their address there later is who they were, and nobody else', async () => {
    const before = await account('haus', 'person-1013')
    shop.providers.haus.misbehave({ email: victim, emailVerified: true })
    const after = await account('haus', 'person-1013')
    expect(await idOf(shop, after.accessToken)).toBe(await idOf(shop, before.accessToken))
    expect((await me((await account('google', 'gmail-5')).accessToken)).identities).toHaveLength(1)
  })
})

const says: readonly unknown[] = [undefined, null, 1, 'yes', 'TRUE', [], {}, false]
test.for(says.map((said) => [JSON.stringify(said) ?? 'nothing', said] as const))(
  'B09 B10 %s is no word for verified: nothing is claimed or joined',
  async ([, said]) => {
    const n = 1100 + says.indexOf(said)
    shop.providers.google.misbehave({ email: `gmail.person.${n}@gmail.com`, emailVerified: said })
    const unproved = await account('google', `person-${n}`)
    shop.providers.google.behave()
    const owner = await account('google', `gmail-${n}`)
    expect(await idOf(shop, unproved.accessToken)).not.toBe(await idOf(shop, owner.accessToken))
  },
)

describe('addresses that look like another', () => {
  const rows = [
    ['B12 dots', 'a.lice.1200@gmail.com'],
    ['B12 a tag', 'alice1200+x@gmail.com'],
    ['B13 full-width at', 'alice1200\uff20gmail.com'],
    ['B13 full-width letter', '\uff41lice1200@gmail.com'],
    ['B14 Kelvin sign', 'alice1200@gmail.com'.replace('l', '\u212a')],
    ['B14 dotless i', 'al\u0131ce1200@gmail.com'],
    ['B15 Cyrillic letter', '\u0430lice1200@gmail.com'],
    ['B15 Cyrillic domain', 'alice1200@gm\u0430il.com'],
    ['B16 zero width', 'alice1200\u200b@gmail.com'],
    ['B16 soft hyphen', 'alice1200@gma\u00adil.com'],
    ['B16 NUL', 'alice1200\0@gmail.com'],
    ['B16 trailing dot', 'alice1200@gmail.com.'],
    ['B16 trailing space', 'alice1200@gmail.com '],
    ['B17 two', 'alice1200@gmail.com,b@gmail.com'],
    ['B17 quoted', '"alice1200@gmail.com"@gmail.com'],
    ['B17 a header', 'alice1200@gmail.com\r\nBcc: b@gmail.com'],
  ] as const

  test('are somebody else’s or nobody’s; the person is signed in all the same', async () => {
    shop.providers.google.misbehave({ email: 'alice1200@gmail.com', emailVerified: true })
    const alice = await idOf(shop, (await account('google', 'person-1200')).accessToken)
    const ids = new Set([alice])
    for (const [n, [name, email]] of rows.entries()) {
      shop.providers.google.misbehave({ email, emailVerified: true })
      const other = await account('google', `person-${1201 + n}`)
      ids.add(await idOf(shop, other.accessToken))
      expect([name, ids.size]).toEqual([name, n + 2])
      const shown = (await me(other.accessToken)).email
      if (!name.startsWith('B12')) expect([name, shown === null || shown.includes('xn--')]).toEqual([name, true])
    }
  })

  test('B11 another letter case is the same address, by every way in', async () => {
    shop.providers.google.misbehave({ email: 'BELLA1300@GMail.com', emailVerified: true })
    await account('google', 'person-1300')
    shop.providers.google.misbehave({ email: 'bella1300@gmail.com', emailVerified: true })
    expect((await shop.walk('google', { as: 'person-1301' })).page.text).toContain('LINK_REQUIRED')
    await askForCode(await atChoice(shop), 'Bella1300@gmail.COM')
    expect((await shop.mailFor('bella1300@gmail.com', /\d{4}[ -]?\d{4}/)).text).toMatch(/\d{4}/)
  })
})

describe('a login that waits to be linked', () => {
  const providersOf = async (person: string) =>
    (await me((await account('google', person)).accessToken)).identities.map((one: { provider: string }) => one.provider)
  const startOf = (page: Parameters<typeof linksOf>[0], provider: string) =>
    linksOf(page).find((href) => href.includes('/login/start') && new URL(href).searchParams.get('provider') === provider) ?? ''

  test('B29 is the one that was shown last in this browser: neither an earlier one nor one of another browser is linked with it', async () => {
    const asApple = (subject: string) => shop.providers.apple.misbehave({ subject, email: 'gmail.person.20@gmail.com', emailVerified: true })
    await account('google', 'gmail-20')
    asApple('000792.first.0638')
    const { page, browser } = await shop.walk('apple', { as: 'gmail-20' })
    const known = startOf(page, 'google')
    // In another browser the owner signs in: nothing waits there.
    expect(await providersOf('gmail-20')).toEqual(['google'])
    // In the same one another account of the same provider comes, and then the owner.
    asApple('000792.second.0638')
    const second = await onward(browser, await browser.open(known.replace('provider=google', 'provider=apple')), {})
    expect(second.text).toContain('LINK_REQUIRED')
    expect((await onward(browser, await browser.open(known), {})).url).toContain('code=')
    expect(await providersOf('gmail-20')).toEqual(['google', 'apple'])
    expect((await shop.walk('apple', { as: 'gmail-20' })).page.url).toContain('code=')
    asApple('000792.first.0638')
    expect((await shop.walk('apple', { as: 'gmail-20' })).page.text).toContain('LINK_REQUIRED')
  })

  test('B30 is not ended by saying so: unknown members are refused, and pages go by what the server knows', async () => {
    await account('google', 'gmail-21')
    shop.providers.apple.misbehave({ email: 'gmail.person.21@gmail.com', emailVerified: true })
    const { page, browser, verifier } = await shop.walk('apple', { as: 'person-1402' })
    const uid = new URL(startOf(page, 'google')).searchParams.get('uid') ?? ''
    const complete = 'mutation ($input: CompleteLoginInput!) { completeLogin(input: $input) { accessToken } }'
    const input = { clientId: 'storefront', code: uid, codeVerifier: verifier, redirectUri }
    for (const more of [{ link: true }, { adoptName: 'Anna' }, { customer: 'x' }, { decision: 'link' }])
      expect(code(await shop.graphql(complete, { input: { ...input, ...more } }))).toBe('BAD_USER_INPUT')
    expect(code(await shop.graphql(complete, { input }))).toBe('LOGIN_DENIED')
    for (const path of [`/oidc/auth/${uid}`, `/login?uid=${uid}&link=true&customer=x`, `/consent?uid=${uid}`]) {
      const next = await browser.open(shop.url + path)
      expect([path, next.url.includes('code=')]).toEqual([path, false])
    }
    expect(await providersOf('gmail-21')).toEqual(['google'])
  })
})
