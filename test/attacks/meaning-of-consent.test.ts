import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LedgerRow } from '../../src/storage/consent-ledger.ts'
import { formsOf, type Browser, type Page } from '../support/browser.ts'
import { purposeIds, purposesOf } from '../support/canaries.ts'
import { openHouse } from '../support/house.ts'
import { atChoice, codeIn, redeem } from '../support/signing-in.ts'
import { startShop, type Shop } from '../support/shop.ts'

// A decision means what the person was shown and said, no more and no less.

let shop: Shop
beforeAll(async () => {
  shop = await startShop()
})
afterAll(() => shop[Symbol.asyncDispose]())

const decide = 'mutation ($decisions: [ConsentDecisionInput!]!, $locale: String) { setConsents(decisions: $decisions, locale: $locale) { id } }'
const asked = 'openid purpose:order_processing purpose:personalised_shop'

/** Somebody whom a shop asks, before they have answered. */
const atConsent = (as: string, more: Readonly<Record<string, string>> = {}) =>
  atChoice(shop, { client: 'storefront', scope: asked, provider: 'google', login_hint: as, ...more })
const to = (page: Page, path: string, purpose?: string) => (form: { action: string; fields: Record<string, string> }) =>
  new URL(form.action).pathname === path && (purpose === undefined || form.fields['purpose'] === purpose)

/** Language and hash of what a page says about a purpose, under a heading or in a question. */
function shownIn({ text }: Page, version: string): { locale: string; hash: string } {
  const before = text.slice(0, text.indexOf(version))
  const [, locale = '', title = ''] = [...before.matchAll(/<(?:legend|h3) lang="(\w+)">([^<]*)</g)].at(-1) ?? []
  const from = text.slice(text.indexOf(`>${title}<`))
  const [, said = ''] = /<p lang="\w+">([^<]*)</.exec(from) ?? []
  return {
    locale,
    hash: createHash('sha256')
      .update(JSON.stringify([title, said]))
      .digest('hex'),
  }
}

/** What the ledger's last entry of that person says about a purpose. */
async function written(email: string, purpose: string) {
  const row = await shop.db.collection<{ _id: string; email: string }>('customers').findOne({ email })
  const entries = await shop.db
    .collection<LedgerRow>('consent_ledger')
    .find({ _id: { $regex: `^${row?._id}/` } })
    .sort({ _id: -1 })
    .toArray()
  const found = entries.flatMap(({ decisions }) => decisions).find((one) => one.purpose === purpose)
  return { locale: found?.locale, hash: found?.textHash }
}

describe('I5 the text that is recorded is the one that was shown', () => {
  const german = { ui_locales: 'de' }
  const otherTab = (browser: Browser) => browser.open(`${shop.url}/login?lang=en`)

  test('on the consent page, though the browser speaks another language by the time of the answer', async () => {
    const { browser, page } = await atConsent('gmail-9301', german)
    const shown = shownIn(page, 'name="version:personalised_shop"')
    expect(shown.locale).toBe('de')
    await otherTab(browser)
    await browser.submit(page, { 'decision:personalised_shop': 'yes' }, to(page, '/consent'))
    expect(await written('gmail.person.9301@gmail.com', 'personalised_shop')).toEqual(shown)
  })

  test('in the account centre', async () => {
    const { browser } = await shop.signIn('google', { as: 'gmail-9302', client: 'account' })
    await browser.open(`${shop.url}/account`)
    const page = await browser.open(`${shop.url}/account?lang=de`)
    const shown = shownIn(page, 'name="purpose" value="email_marketing"')
    expect(shown.locale).toBe('de')
    await otherTab(browser)
    await browser.submit(page, { answer: 'yes' }, to(page, '/account/decision', 'email_marketing'))
    expect(await written('gmail.person.9302@gmail.com', 'email_marketing')).toEqual(shown)
  })

  test('to somebody who was not signed in yet', async () => {
    const browser = shop.newBrowser()
    const page = await browser.open(`${shop.url}/consent/anonymous?client=storefront&lang=de`)
    const shown = shownIn(page, 'name="version:personalised_shop"')
    await browser.submit(page, { 'decision:personalised_shop': 'yes' }, to(page, '/consent/anonymous'))
    await shop.signIn('google', { as: 'gmail-9303', browser })
    expect([shown.locale, await written('gmail.person.9303@gmail.com', 'personalised_shop')]).toEqual(['de', shown])
  })

  test('by a shop that says in which language it asked', async () => {
    const { accessToken } = await shop.signIn('google', { as: 'gmail-9304', client: 'account' })
    const { data } = await shop.graphql('{ purposes(locale: "de") { id title text textVersion } }')
    const { title, text, textVersion } = data.purposes.find(({ id }: { id: string }) => id === 'personalised_ads')
    await shop.graphql(decide, { decisions: [{ purpose: 'personalised_ads', granted: true, textVersion }], locale: 'de' }, accessToken)
    const hash = createHash('sha256')
      .update(JSON.stringify([title, text]))
      .digest('hex')
    expect(await written('gmail.person.9304@gmail.com', 'personalised_ads')).toEqual({ locale: 'de', hash })
  })
})

describe('I13 one question is one answer', () => {
  test('who says no to everything is signed in all the same, and nothing is recorded as a yes', async () => {
    const way = await atConsent('gmail-9311')
    const done = await way.browser.submit(way.page, { 'decision:personalised_shop': 'no' }, to(way.page, '/consent'))
    expect(codeIn(done)).not.toBeNull()
    const { accessToken } = await redeem(shop, way, done)
    const { data } = await shop.graphql('{ me { email pictureUrl consents { purpose state } } }', {}, accessToken)
    expect(data.me).toMatchObject({ email: 'gmail.person.9311@gmail.com', pictureUrl: null })
    expect(data.me.consents.filter(({ state }: { state: string }) => state === 'GRANTED')).toEqual([])
  })

  test('who leaves it open as well', async () => {
    const way = await atConsent('gmail-9312')
    expect(codeIn(await way.browser.submit(way.page, {}, to(way.page, '/consent')))).not.toBeNull()
  })

  test('a yes to one is no yes to the next', async () => {
    const { accessToken } = await shop.signIn('google', { as: 'gmail-9313', client: 'account' })
    await shop.graphql(decide, { decisions: [{ purpose: 'personalised_ads', granted: true, textVersion: '2026-01' }] }, accessToken)
    const { data } = await shop.graphql('{ me { consents { purpose state } } }', {}, accessToken)
    const granted = data.me.consents.filter(({ state }: { state: string }) => state === 'GRANTED')
    expect(granted).toEqual([{ purpose: 'personalised_ads', state: 'GRANTED' }])
  })
})

test('I14 taking a yes back takes the same steps as giving it: one press, no further proof, in force with the answer', async () => {
  const { browser } = await shop.signIn('google', { as: 'gmail-9314', client: 'account' })
  const press = async (answer: string) => {
    const page = await browser.open(`${shop.url}/account`)
    const before = browser.visited.length
    const after = await browser.submit(page, { answer }, to(page, '/account/decision', 'email_marketing'))
    const pages = browser.visited.slice(before).map((url) => new URL(url).pathname)
    return { pages, state: /class="state">([^<]*)</.exec(after.text.slice(after.text.indexOf('decision-email_marketing')))?.[1] }
  }
  const given = await press('yes')
  const taken = await press('no')
  expect([given.pages, given.state, taken.state]).toEqual([['/account/decision', '/account'], 'Allowed', 'Withdrawn'])
  expect(taken.pages).toEqual(given.pages)
})

test('I12 an objection to a legitimate interest holds for the next read, and the same press takes it back', async () => {
  const way = await shop.signIn('google', { as: 'gmail-9315', scope: 'openid purpose:fraud_prevention' })
  const account = await shop.signIn('google', { as: 'gmail-9315', client: 'account', browser: way.browser })
  const say = (granted: boolean) =>
    shop.graphql(decide, { decisions: [{ purpose: 'fraud_prevention', granted, ...(granted && { textVersion: '2026-01' }) }] }, account.accessToken)
  const read = async () => {
    const { data, extensions } = await shop.graphql('{ me { email } }', {}, way.accessToken)
    return [data.me.email === null, extensions?.withheld?.map(({ reason }) => reason)]
  }
  expect(await read()).toEqual([false, undefined])
  await say(false)
  expect(await read()).toEqual([true, ['OBJECTED']])
  const page = await way.browser.open(`${shop.url}/account`)
  expect(formsOf(page).filter(to(page, '/account/decision', 'fraud_prevention'))).toHaveLength(1)
  await say(true)
  expect(await read()).toEqual([false, undefined])
})

test('I20 what is taken back ends what was agreed to for it, and nothing else', async () => {
  await using house = await openHouse()
  const decidable = ['personalised_shop', 'email_marketing', 'personalised_ads', 'fraud_prevention']
  const clients = ['storefront', 'marketing', 'ads']
  for (const purpose of decidable) {
    const values = { email: 'ada@people.example', givenName: 'Ada', familyName: 'Lark', postcode: '10115', country: 'DE', locale: 'de', birthYear: 1987 }
    const key = await house.addCustomer({ ...values, granted: decidable.filter((id) => id !== purpose), refused: [purpose] })
    const seen: string[] = []
    for (const client of clients)
      for (const id of purposesOf(client)) {
        const token = house.tokenFor(client, [id])
        const { data } = await house.ask(`{ customer(id: "${house.ids.outwardOne(client, key)}") { email postcode country } }`, { token })
        if (data.customer !== null && Object.values(data.customer).some((value) => value !== null)) seen.push(id)
      }
    expect([purpose, seen.toSorted()]).toEqual([purpose, purposeIds.filter((id) => id !== purpose).toSorted()])
  }
})

test('I19 a tool that may read for several purposes is in the log with the one that let it, and is let by no other', async () => {
  await using house = await openHouse()
  const token = house.tokenFor('storefront', ['order_processing', 'personalised_shop'])
  const values = { email: 'ada@people.example', givenName: 'Ada', pictureUrl: 'https://pictures.example/ada' }
  const willing = await house.addCustomer({ ...values, granted: ['personalised_shop'] })
  const unwilling = await house.addCustomer({ ...values, refused: ['personalised_shop'] })
  const read = async (key: string, fields: string) => {
    await house.db.collection('audit_log').deleteMany({})
    await house.ask(`{ customer(id: "${house.ids.outwardOne('storefront', key)}") { ${fields} } }`, { token })
    return (await house.db.collection('audit_log').findOne({ type: 'data.read' }))?.['purposes']
  }
  expect(await read(willing, 'email givenName')).toEqual(['order_processing'])
  expect(await read(willing, 'email givenName pictureUrl')).toEqual(['order_processing', 'personalised_shop'])
  expect(await read(unwilling, 'email givenName pictureUrl')).toEqual(['order_processing'])
  expect(await read(unwilling, 'pictureUrl')).toEqual([])
})
