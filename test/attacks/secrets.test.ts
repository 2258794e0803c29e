import { afterAll, beforeAll, expect, test } from 'vitest'
import { memoryLog } from '../support/callback.ts'
import { linksOf } from '../support/browser.ts'
import { startShop, type Shop } from '../support/shop.ts'
import {
  askForCode,
  atChoice,
  codeIn,
  codeSentTo,
  giveCode,
  knownAgain,
  redeem,
  usePasskey,
  withPasskey,
  withTotp,
  confirmWith,
} from '../support/signing-in.ts'

// All that opens a door, collected while people use it, and then looked for where it must not be.
const { log, lines } = memoryLog()
const secret = 'the-secret-of-this-house-4711-0815'
let shop: Shop
beforeAll(async () => {
  shop = await startShop({ env: { ENTENTE_SECRET: secret }, other: { log } })
})
afterAll(() => shop[Symbol.asyncDispose]())

/** As it is, in a URL, in base64 at any offset, in hex. */
function formsOf(value: string): string[] {
  const bytes = Buffer.from(value)
  const packed = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
    return text.slice(Math.ceil((offset * 4) / 3), Math.floor(((offset + bytes.length) * 4) / 3))
  })
  return [value, encodeURIComponent(value), bytes.toString('hex'), ...packed, ...packed.map((one) => one.replaceAll('+', '-').replaceAll('/', '_'))]
}
const foundIn = (text: string, known: ReadonlyMap<string, string>): string[] =>
  [...known].flatMap(([value, name]) => (formsOf(value).some((form) => text.includes(form)) ? [name] : []))

async function everyJourney(): Promise<Map<string, string>> {
  const known = new Map<string, string>([[secret, 'ENTENTE_SECRET']])
  const know = (name: string, value: string | null | undefined): void => {
    if (value === undefined || value === null || value.length < 6) throw new Error(`no ${name}`)
    known.set(value, name)
  }
  const address = 'person-5100@people.example'
  know('address', address)
  for (const name of ['GOOGLE_CLIENT_SECRET', 'FACEBOOK_CLIENT_SECRET'] as const) know(name, shop.env[name])
  know('client secret', 'operator-demo-secret')
  know('tool token', await shop.tool('operator'))

  const first = await shop.signIn('google', { as: 'person-5100', client: 'account' })
  for (const provider of ['apple', 'facebook', 'haus'])
    await shop.signIn(provider, { as: 'person-5101' }).then((one) => know(`access token by ${provider}`, one.accessToken))
  const buyer = await shop.signIn('google', { as: 'person-5100' })
  for (const member of ['accessToken', 'refreshToken', 'idToken'] as const) know(member, buyer[member])
  const refreshed = await shop.graphql('mutation ($i: RefreshTokensInput!) { refreshTokens(input: $i) { accessToken refreshToken } }', {
    i: { clientId: 'storefront', refreshToken: buyer.refreshToken },
  })
  know('second refresh token', refreshed.data.refreshTokens.refreshToken)

  const app = await withTotp(shop, first.accessToken)
  know('TOTP secret', app.secret)
  const other = await shop.signIn('google', { as: 'person-5102', client: 'account' })
  const key = await withPasskey(shop, other.accessToken)

  const way = await atChoice(shop, { browser: knownAgain(shop, first.browser) })
  const asked = await askForCode(way, address)
  const code = await codeSentTo(shop, address)
  know('code by mail', code)
  const entered = await giveCode(way.browser, asked, code)
  const otp = app.next()
  know('TOTP code', otp)
  const done = codeIn(entered) === null ? await confirmWith(way.browser, entered, 'totp', otp) : entered
  know('authorization code', codeIn(done))
  know('access token by mail', (await redeem(shop, way, done)).accessToken)
  const byKey = await atChoice(shop, { browser: knownAgain(shop, other.browser) })
  know('code by passkey', codeIn(await usePasskey(byKey.browser, byKey.page, key)))

  const links = shop.mails(address).flatMap((mail) => [...mail.text.matchAll(/\/not-me[^\s]*[/=]([\w.-]{20,})/g)].map(([, token]) => token))
  for (const token of links) know('link in a letter', token)
  for (const browser of [first.browser, buyer.browser, way.browser, byKey.browser]) {
    for (const line of browser.setCookies) {
      const [pair = ''] = line.split(';')
      const value = pair.slice(pair.indexOf('=') + 1)
      if (value.length > 16) know(`cookie ${pair.slice(0, pair.indexOf('='))}`, value)
    }
    for (const url of browser.visited)
      for (const name of ['code', 'state', 'nonce'])
        if ((new URL(url).searchParams.get(name)?.length ?? 0) > 16) know(name, new URL(url).searchParams.get(name))
  }
  // Wrong ones are secrets as well: somebody mistyped them.
  await giveCode(way.browser, asked, '31415926')
  know('wrong code', '31415926')
  await shop.graphql('{ me { id } }', {}, 'a-token-that-is-none-but-was-sent')
  know('wrong token', 'a-token-that-is-none-but-was-sent')
  expect(linksOf(asked).length).toBeGreaterThan(0)
  return known
}

test('F33 nothing that opens a door, nor an address, is in the log at its most verbose, in the metrics or in the audit log', { timeout: 60_000 }, async () => {
  const known = await everyJourney()
  expect(known.size).toBeGreaterThan(40)
  const audit = JSON.stringify(await shop.db.collection('audit_log').find({}).toArray())
  const operator = await shop.graphql(
    '{ auditEvents(first: 100) { edges { node { type clientId subjects purposes categories } } } }',
    {},
    await shop.tool('operator'),
  )
  const metrics = await (await fetch(`${shop.url}/metrics`)).text()
  const places = { log: lines.join(''), audit, operator: JSON.stringify(operator), metrics }
  for (const [place, text] of Object.entries(places)) expect([place, text.length > 1_000, foundIn(text, known)]).toEqual([place, true, []])
})

test('F33 the search finds what is planted, in each form', () => {
  const known = new Map([['a secret/with+signs?', 'planted']])
  const [value = ''] = known.keys()
  for (const form of formsOf(value)) expect(foundIn(`before ${form} after`, known)).toEqual(['planted'])
  for (const before of ['', 'x', 'xy']) expect(foundIn(Buffer.from(`${before}${value} after`).toString('base64'), known)).toEqual(['planted'])
  expect(foundIn('before after', known)).toEqual([])
})
