import { afterAll, beforeAll, expect, test } from 'vitest'
import { formsOf } from '../support/browser.ts'
import { startShop, type Shop } from '../support/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await startShop()
})
afterAll(() => shop[Symbol.asyncDispose]())

const code = (answer: { errors: readonly { extensions: { code: string } }[] | undefined }) => answer.errors?.[0]?.extensions.code
const isIn = async (token: string) => code(await shop.graphql('{ me { id } }', {}, token)) === undefined

async function linkFor(as: string) {
  const mine = await shop.signIn('google', { as, client: 'account' })
  const address: string = (await shop.graphql('{ me { email } }', {}, mine.accessToken)).data.me.email
  expect(shop.mails(address)).toEqual([])
  const theirs = await shop.signIn('google', { as })
  const mail = await shop.mailFor(address, /not-me/)
  return { mine, theirs, address, link: /https?:\S+\/account\/not-me\?t=[\w-]+/.exec(mail.text)?.[0] ?? '' }
}

test('a letter tells of a new device; one click in it signs everybody out, once, and looking at the link does nothing', async () => {
  const { mine, theirs, address, link } = await linkFor('ben')
  await shop.signIn('google', { as: 'ben', browser: mine.browser })
  expect(shop.mails(address)).toHaveLength(1)
  // A mail program that looks, without cookies.
  for (const lang of ['de', 'en']) expect((await fetch(`${link}&lang=${lang}`)).status).toBe(200)
  expect([await isIn(mine.accessToken), await isIn(theirs.accessToken)]).toEqual([true, true])

  const reader = shop.newBrowser()
  const page = await reader.open(link)
  expect(page.text).not.toContain(address)
  const [form] = formsOf(page)
  expect(form?.fields).toEqual({ t: new URL(link).searchParams.get('t') })
  const done = await reader.submit(page)
  expect(done.status).toBe(200)
  expect([await isIn(mine.accessToken), await isIn(theirs.accessToken)]).toEqual([false, false])
  expect(await shop.db.collection('openid').countDocuments({ customer: { $exists: true } })).toBe(0)
  expect(await shop.db.collection('customers').findOne({ 'alert.why': 'notMe' })).toMatchObject({ devices: [expect.anything()] })
  // From now on a login alone is not enough.
  const { page: asked } = await shop.walk('google', { as: 'ben', browser: mine.browser })
  expect(asked.url).toContain('/confirm?uid=')

  for (const again of [await reader.submit(page), await reader.open(link)]) expect(again.status).toBe(410)
})

test('a link that is made up, cut or another’s for this opens nothing', async () => {
  const { theirs, link } = await linkFor('anna')
  const t = new URL(link).searchParams.get('t') ?? ''
  const reader = shop.newBrowser()
  for (const value of ['', 'x', t.slice(0, -2), `${t.slice(0, -4)}AAAA`, 'A'.repeat(600)]) {
    expect((await reader.open(`${shop.url}/account/not-me?t=${value}`)).status).toBe(410)
    expect((await reader.open(`${shop.url}/account/not-me`, { method: 'POST', form: { t: value } })).status).toBe(410)
  }
  expect(await isIn(theirs.accessToken)).toBe(true)
})
