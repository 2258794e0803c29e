import { afterAll, beforeAll, expect, test } from 'vitest'
import { Browser, pick } from '../support/browser.ts'
import { onward, redirectUri, startShop, type Shop } from '../support/shop.ts'
import { atChoice, byMail, confirmWith, idOf, redeem, withTotp } from '../support/signing-in.ts'

let shop: Shop
beforeAll(async () => {
  shop = await startShop()
})
afterAll(() => shop[Symbol.asyncDispose]())

const refresh = 'mutation ($input: RefreshTokensInput!) { refreshTokens(input: $input) { accessToken } }'
const code = (answer: { errors: readonly { extensions: { code: string } }[] | undefined }) => answer.errors?.[0]?.extensions.code
const ask = (token: string) => shop.graphql('{ me { id identities { id provider } } }', {}, token)
const idAt = async (token: string): Promise<string> => (await ask(token)).data.me.id

/** Ben with a second login at Facebook, in the account centre. */
async function withFacebook() {
  const ben = await shop.signIn('google', { as: 'ben', client: 'account' })
  const started = await shop.graphql(`mutation { startLinking(provider: "facebook", redirectUri: "${redirectUri}") { url } }`, {}, ben.accessToken)
  await pick(ben.browser, await ben.browser.open(started.data.startLinking.url), 'ben')
  const { identities } = (await ask(ben.accessToken)).data.me
  const facebook: string = identities.find(({ provider }: { provider: string }) => provider === 'facebook').id
  return { ...ben, unlink: () => shop.graphql('mutation ($id: ID!) { unlinkIdentity(id: $id) { identities { id } } }', { id: facebook }, ben.accessToken) }
}

test('B02 B36 B37 removing a login ends every session, grant and refresh token that there was: also the one that a stranger kept', async () => {
  const ben = await withFacebook()
  const stranger = await shop.signIn('facebook', { as: 'ben' })
  const elsewhere = await shop.signIn('google', { as: 'ben' })
  const me = await idAt(stranger.accessToken)
  expect((await ben.unlink()).errors).toBeUndefined()
  for (const { accessToken, refreshToken } of [stranger, elsewhere]) {
    expect(code(await ask(accessToken))).toBe('UNAUTHENTICATED')
    expect(code(await shop.graphql(refresh, { input: { clientId: 'storefront', refreshToken } }))).toBe('UNAUTHENTICATED')
  }
  // The stranger's browser is signed in no more, and the login that was removed is not the customer's.
  const back = await shop.signIn('facebook', { as: 'ben', browser: stranger.browser })
  expect(await idAt(back.accessToken)).not.toBe(me)
  expect(await idAt((await shop.signIn('google', { as: 'ben', browser: elsewhere.browser })).accessToken)).toBe(me)
})

/** A login whose customer is found, and whose browser has not come for its session yet. */
async function found(provider: string) {
  const stops = [redirectUri, `${shop.url}/oidc/auth/`]
  const browser = new Browser(stops)
  const { page } = await shop.walk(provider, { as: 'cem', browser })
  expect(page).toMatchObject({ status: 0, url: expect.stringContaining('/oidc/auth/') })
  stops.pop()
  const before = browser.visited.length
  return { goOn: async () => onward(browser, await browser.open(page.url), {}), since: () => browser.visited.slice(before) }
}

test('B39 a login in flight makes no session when the customer signs out everywhere before it arrives', async () => {
  const cem = await shop.signIn('google', { as: 'cem' })
  const calm = await found('google')
  await calm.goOn()
  expect(calm.since().some((url) => url.startsWith(shop.providers.google.url))).toBe(false)

  const late = await found('google')
  expect((await shop.graphql('mutation { logout(everywhere: true) }', {}, cem.accessToken)).data.logout).toBe(true)
  const end = await late.goOn()
  // It had to be shown at the provider anew, or was over already: the ending of all sessions goes on beside it.
  const isAnew = late.since().some((url) => url.startsWith(shop.providers.google.url))
  expect(isAnew || (end.status === 400 && end.text.includes('LOGIN_EXPIRED'))).toBe(true)
})

test('B37 the way back by a code to the mailbox ends every session that there was, and not the one that it opens', async () => {
  const stranger = await shop.signIn('google', { as: 'person-61' })
  const way = await atChoice(shop, { client: 'storefront' })
  const { accessToken } = await redeem(shop, way, await byMail(shop, way, 'person-61@people.example'))
  expect(code(await ask(stranger.accessToken))).toBe('UNAUTHENTICATED')
  expect(code(await shop.graphql(refresh, { input: { clientId: 'storefront', refreshToken: stranger.refreshToken } }))).toBe('UNAUTHENTICATED')
  expect(await idOf(shop, accessToken)).toBeTruthy()
  const sessions = () => shop.db.collection('openid').countDocuments({ _id: /^Session:/, customer: { $exists: true } } as object)
  const waiting = () => shop.db.collection('jobs').countDocuments({ kind: 'endSessions', doneAt: { $exists: false } })
  await expect.poll(waiting).toBe(0)
  expect(await sessions()).toBeGreaterThan(0)
  expect(await idOf(shop, accessToken)).toBeTruthy()
})

test('B37 where there is a factor, the mailbox alone ends nothing', async () => {
  const owner = await shop.signIn('google', { as: 'person-62', client: 'account' })
  const app = await withTotp(shop, owner.accessToken)
  const way = await atChoice(shop)
  const asked = await byMail(shop, way, 'person-62@people.example')
  expect(code(await ask(owner.accessToken))).toBeUndefined()
  const { accessToken } = await redeem(shop, way, await confirmWith(way.browser, asked, 'totp', app.next()))
  expect(code(await ask(owner.accessToken))).toBe('UNAUTHENTICATED')
  expect(await idOf(shop, accessToken)).toBeTruthy()
})

test('B02 the first proof of an address ends what was begun before anybody had proved it', async () => {
  shop.providers.google.misbehave({ emailVerified: false })
  const early = await shop.signIn('google', { as: 'person-63' })
  shop.providers.google.behave()
  const owner = await shop.signIn('google', { as: 'person-63' })
  expect(code(await ask(early.accessToken))).toBe('UNAUTHENTICATED')
  expect(await idOf(shop, owner.accessToken)).toBeTruthy()
  const third = await shop.signIn('google', { as: 'person-63' })
  for (const { accessToken } of [owner, third]) expect(code(await ask(accessToken))).toBeUndefined()
})
