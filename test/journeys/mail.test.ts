import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { pick } from '../support/browser.ts'
import { redirectUri, startShop, type Shop } from '../support/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await startShop()
})
afterAll(() => shop[Symbol.asyncDispose]())

const emailOf = async (token: string): Promise<string> => (await shop.graphql('{ me { email } }', {}, token)).data.me.email

/** Adds the Facebook login of this person in the account centre. */
async function addFacebook(as: string) {
  const { accessToken, browser } = await shop.signIn('google', { as, client: 'account' })
  const started = await shop.graphql(`mutation { startLinking(provider: "facebook", redirectUri: "${redirectUri}") { url } }`, {}, accessToken)
  const linked = await pick(browser, await browser.open(started.data.startLinking.url), as)
  expect(linked.url).toBe(`${redirectUri}?linked=facebook`)
  return { accessToken, address: await emailOf(accessToken) }
}

test('a login that is added and one that is removed are told by mail, once each', async () => {
  const { accessToken, address } = await addFacebook('ben')
  const added = await shop.mailFor(address, /Facebook opens your account|Facebook öffnet ab jetzt/)
  expect(added.text).toContain(`${shop.url}/account`)
  const { data } = await shop.graphql('{ me { identities { id provider } } }', {}, accessToken)
  const { id } = data.me.identities.find(({ provider }: { provider: string }) => provider === 'facebook')
  const unlinked = await shop.graphql('mutation ($id: ID!) { unlinkIdentity(id: $id) { identities { id } } }', { id }, accessToken)
  expect(unlinked.errors).toBeUndefined()
  await shop.mailFor(address, /Facebook no longer opens|Facebook öffnet Ihr Konto nicht mehr/)
  expect(shop.mails(address).filter(({ text }) => text.includes('Facebook'))).toHaveLength(2)
})

test('one that joins by its address alone is told too: the owner learns of it', async () => {
  await shop.signIn('google', { as: 'cem' })
  const { accessToken } = await shop.signIn('haus', { as: 'cem' })
  await shop.mailFor(await emailOf(accessToken), /Haus/)
})

test('a first login is no news to anybody', async () => {
  const { accessToken } = await shop.signIn('google', { as: 'gmail-3' })
  expect(await shop.db.collection('jobs').countDocuments({ kind: 'mail', customer: { $exists: true }, doneAt: { $exists: false } })).toBe(0)
  expect(shop.mails(await emailOf(accessToken))).toEqual([])
})

test('while the mail server refuses, accounts are linked all the same, and the letter comes when it takes mail again', async () => {
  shop.mailbox.refuse(451)
  const { address } = await addFacebook('anna')
  await vi.waitFor(
    async () => expect(await shop.db.collection('jobs').countDocuments({ kind: 'mail', attempts: { $gte: 1 }, doneAt: { $exists: false } })).toBe(1),
    {
      timeout: 5_000,
    },
  )
  expect(shop.mails(address)).toEqual([])
  shop.mailbox.refuse(null)
  await vi.waitFor(() => expect(shop.mails(address)).toHaveLength(1), { timeout: 10_000 })
})

test('without a mail server the gateway works, and no letter is kept for later', async () => {
  await using quiet = await startShop({ env: { SMTP_URL: '', MAIL_FROM: '' } })
  await quiet.signIn('google', { as: 'cem' })
  await quiet.signIn('haus', { as: 'cem' })
  expect(await quiet.db.collection('jobs').countDocuments({ kind: { $in: ['mail', 'mailCode'] } })).toBe(0)
})
