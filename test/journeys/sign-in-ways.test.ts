import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { acrs } from '../../src/access/session-marks.ts'
import { formsOf, linksOf, pick, type Page } from '../support/browser.ts'
import { onward, redirectUri, startShop, type Shop } from '../support/shop.ts'
import {
  askForCode,
  atChoice,
  byMail,
  codeIn,
  codeSentTo,
  confirmWith,
  giveCode,
  idOf,
  knownAgain,
  redeem,
  usePasskey,
  withPasskey,
  withTotp,
} from '../support/signing-in.ts'

interface Started {
  readonly commandName: string
  readonly command: Readonly<Record<string, unknown>>
}

let shop: Shop
let commands: string[] = []
beforeAll(async () => {
  const watchCommands = (db: { getClient(): { on(event: 'commandStarted', listener: (event: Started) => void): unknown } }) =>
    void db.getClient().on('commandStarted', ({ commandName, command }) => {
      // Checkpoints read whole collections, by the clock.
      const isOfTheClock = commandName === 'getMore' || JSON.stringify(command['filter']) === '{}'
      if (!isOfTheClock) commands.push(`${commandName} ${String(command[commandName])}`)
    })
  shop = await startShop({ other: { watchCommands } })
})
afterAll(() => shop[Symbol.asyncDispose]())

const pathOf = (page: Page) => new URL(page.url).pathname
const customer = (email: string) => shop.db.collection('customers').findOne({ email })
const enter = (as: string, provider = 'google') => shop.signIn(provider, { as, client: 'account' })
const saying = (page: Page, text: RegExp) => expect([page.url, page.status, text.test(page.text)]).toEqual([page.url, page.status, true])

describe('a code by mail', () => {
  test('lets a customer in whose provider is lost, in a browser without scripts', async () => {
    const id = await idOf(shop, (await enter('person-1')).accessToken)
    const way = await atChoice(shop)
    const page = await byMail(shop, way, 'person-1@people.example')
    const { accessToken, idToken } = await redeem(shop, way, page)
    expect(await idOf(shop, accessToken)).toBe(id)
    expect(decodeJwt(idToken)).toMatchObject({ amr: ['otp'], acr: acrs.oneWay })
    const row = await customer('person-1@people.example')
    expect(row?.['devices']).toHaveLength(2)
    expect(await shop.db.collection('audit_log').countDocuments({ type: 'login.succeeded', 'detail.provider': 'mail', subjects: row?._id })).toBe(1)
  })

  test('B43 known and unknown addresses get the same bytes, and the same five tries', async () => {
    await enter('person-2')
    const answers = async (address: string) => {
      const way = await atChoice(shop)
      const asked = await askForCode(way, address)
      const tried: Page[] = []
      for (let n = 0; n < 6; n++) tried.push(await giveCode(way.browser, asked, '00000000'))
      const own = new RegExp(`${new URL(asked.url).searchParams.get('uid')}|[\\w-]{43}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`, 'g')
      return [asked, ...tried].map(({ status, text, headers }) => [status, text.replaceAll(own, '…'), [...headers.keys()].toSorted()])
    }
    const known = await answers('person-2@people.example')
    expect(known).toEqual(await answers('nobody-at-all@people.example'))
    expect(known.map(([status]) => status)).toEqual([200, 400, 400, 400, 400, 400, 400])
    expect(shop.mails('nobody-at-all@people.example')).toEqual([])
  })

  test('B44 a wrong code for a known address and for an unknown one is the same work', async () => {
    await enter('person-5')
    const work = async (address: string) => {
      const way = await atChoice(shop)
      commands = []
      const page = await askForCode(way, address)
      expect(commands.length).toBeGreaterThan(0)
      // The letter is written elsewhere, and over by then.
      await vi.waitFor(
        async () => expect(await shop.db.collection('jobs').countDocuments({ kind: { $in: ['mail', 'mailCode'] }, doneAt: { $exists: false } })).toBe(0),
        { timeout: 5_000 },
      )
      commands = []
      for (let n = 0; n < 3; n++) await giveCode(way.browser, page, '00000000')
      return commands.filter((one) => / (emails|customers|identities|credentials|guesses|openid)/.test(one)).toSorted()
    }
    // All that is asked on the way lies in Redis: MongoDB has nothing to say about either.
    expect([await work('person-5@people.example'), await work('nobody-5@people.example')]).toEqual([[], []])
  })

  test('B48 counts only where it was asked for, five tries long, once', async () => {
    await enter('person-3')
    const address = 'person-3@people.example'
    const way = await atChoice(shop)
    const never = await way.browser.open(`${shop.url}/login/code?uid=${new URL(way.page.url).searchParams.get('uid')}`)
    expect((await giveCode(way.browser, never, '12345678')).status).toBe(400)
    const page = await askForCode(way, address)
    const code = await codeSentTo(shop, address)
    const stranger = await atChoice(shop)
    const theirs = await stranger.browser.open(`${shop.url}/login/code?uid=${new URL(stranger.page.url).searchParams.get('uid')}`)
    expect((await giveCode(stranger.browser, theirs, code)).status).toBe(400)
    for (let n = 0; n < 4; n++) expect((await giveCode(way.browser, page, '00000000')).status).toBe(400)
    expect(codeIn(await giveCode(way.browser, page, code))).not.toBeNull()

    const late = await atChoice(shop)
    const again = await askForCode(late, address)
    const second = await codeSentTo(shop, address)
    for (let n = 0; n < 5; n++) await giveCode(late.browser, again, second === '00000000' ? '00000001' : '00000000')
    const right = await giveCode(late.browser, again, second)
    expect([right.status, codeIn(right)]).toEqual([400, null])
  })

  test('B49 a flood for one address ends in the same refusal, known or not, and in few mails', async () => {
    await enter('person-4')
    const flood = async (address: string) => {
      const statuses: number[] = []
      for (let n = 0; n < 7; n++) statuses.push((await askForCode(await atChoice(shop), address)).status)
      return statuses
    }
    expect(await flood('person-4@people.example')).toEqual([200, 200, 200, 200, 200, 429, 429])
    expect(await flood('person-4000@people.example')).toEqual([200, 200, 200, 200, 200, 429, 429])
    expect(shop.mails('person-4@people.example').length).toBeLessThanOrEqual(5)
  })

  test('what is no address is told so, and the page stays', async () => {
    const page = await askForCode(await atChoice(shop), 'not an address')
    expect(page.status).toBe(400)
    saying(page, /BAD_USER_INPUT/)
    expect(formsOf(page).some(({ action }) => action.endsWith('/login/mail'))).toBe(true)
  })
})

describe('a passkey as the only way shown', () => {
  test('lets its customer in on any device, and says so in the tokens', async () => {
    const google = await enter('person-10')
    const key = await withPasskey(shop, google.accessToken)
    const way = await atChoice(shop)
    const { accessToken, idToken } = await redeem(shop, way, await usePasskey(way.browser, way.page, key))
    expect(await idOf(shop, accessToken)).toBe(await idOf(shop, google.accessToken))
    expect(decodeJwt(idToken)).toMatchObject({ amr: ['hwk', 'user', 'mfa'], acr: acrs.factor })
  })

  test('another site, another challenge, a wrong signature: nobody is signed in, and the page offers to try again', async () => {
    const key = await withPasskey(shop, (await enter('person-11')).accessToken)
    const way = await atChoice(shop)
    for (const odd of [{ origin: 'https://elsewhere.example' }, { challenge: 'AAAA' }, { signature: Buffer.alloc(70) }, { verified: false }]) {
      const page = await usePasskey(way.browser, await way.browser.open(way.page.url), key, odd)
      expect([page.status, codeIn(page)]).toEqual([400, null])
    }
    const stranger = await atChoice(shop)
    const foreign = { ...stranger.page, text: way.page.text.replaceAll(/name="(uid|token)" value="[^"]*"/g, '') }
    expect((await usePasskey(stranger.browser, foreign, key)).status).toBeGreaterThanOrEqual(400)
    expect(codeIn(await usePasskey(way.browser, await way.browser.open(way.page.url), key))).not.toBeNull()
  })
})

describe('a login that got LINK_REQUIRED', () => {
  const identities = (email: string) => customer(email).then((row) => (row?.['identities'] as { provider: string }[]).map(({ provider }) => provider))

  test('is linked by a code to the proved address, after the page has said what will happen; who leaves has changed nothing', async () => {
    const id = await idOf(shop, (await enter('person-20')).accessToken)
    const apple = await shop.walk('apple', { as: 'person-20', client: 'account' })
    expect(apple.page.status).toBe(409)
    saying(apple.page, /Signing in with Apple will from now on open the account/)
    expect(linksOf(apple.page).filter((href) => href.includes('/login/start'))).toHaveLength(1)
    expect(formsOf(apple.page).map(({ action }) => new URL(action).pathname)).toEqual(['/login/mail', '/login/back'])
    expect(await identities('person-20@people.example')).toEqual(['google'])
    const page = await askForCode({ ...apple, verifier: '' }, 'person-20@people.example')
    saying(page, /Signing in with Apple will from now on open the account/)
    const end = await giveCode(apple.browser, page, await codeSentTo(shop, 'person-20@people.example'))
    expect(codeIn(end)).not.toBeNull()
    expect(await identities('person-20@people.example')).toEqual(['google', 'apple'])
    expect(await idOf(shop, (await enter('person-20', 'apple')).accessToken)).toBe(id)
  })

  test('is linked by a passkey too', async () => {
    const key = await withPasskey(shop, (await enter('person-21')).accessToken)
    const apple = await shop.walk('apple', { as: 'person-21', client: 'account' })
    expect(codeIn(await usePasskey(apple.browser, apple.page, key))).not.toBeNull()
    expect(await identities('person-21@people.example')).toEqual(['google', 'apple'])
  })

  test('B08 of a mailbox that changed hands is neither linked nor let in by a code to it', async () => {
    const address = 'gmail.person.22@gmail.com'
    await enter('gmail-22')
    shop.providers.google.misbehave({ subject: '999999999999999999922' })
    const recycled = await shop.walk('google', { as: 'gmail-22', client: 'account' })
    shop.providers.google.behave()
    expect(recycled.page.status).toBe(409)
    expect(formsOf(recycled.page).map(({ action }) => new URL(action).pathname)).toEqual(['/login/back'])
    // The page does not offer it; whoever finds the way all the same is no further.
    const choice = await recycled.browser.open(`${shop.url}/login?ways=all&uid=${formsOf(recycled.page)[0]?.fields['uid']}`)
    const refused = await byMail(shop, { ...recycled, page: choice, verifier: '' }, address)
    expect([refused.status, codeIn(refused)]).toEqual([409, null])
    saying(refused, /LINK_REQUIRED/)
    expect(await identities(address)).toEqual(['google'])
    expect(await shop.db.collection('identities').countDocuments({ customer: (await customer(address))?._id })).toBe(1)
  })

  test('D26 waits for the second factor of its owner, however the owner comes', async () => {
    const google = await enter('person-23')
    const app = await withTotp(shop, google.accessToken)
    const apple = await shop.walk('apple', { as: 'person-23', client: 'account', browser: knownAgain(shop, google.browser) })
    const known = linksOf(apple.page).find((href) => href.includes('/login/start')) ?? ''
    const asked = await pick(apple.browser, await apple.browser.open(known), 'person-23')
    expect(pathOf(asked)).toBe('/confirm')
    saying(asked, /Signing in with Apple will from now on open the account/)
    expect(await identities('person-23@people.example')).toEqual(['google'])
    expect(codeIn(await confirmWith(apple.browser, asked, 'totp', app.next()))).not.toBeNull()
    expect(await identities('person-23@people.example')).toEqual(['google', 'apple'])
  })
})

describe('a sign-in that takes more', () => {
  test('B47 D25 a code by mail never opens past the factor, and enrols none', async () => {
    const google = await enter('person-30')
    const app = await withTotp(shop, google.accessToken)
    const way = await atChoice(shop, { browser: knownAgain(shop, google.browser) })
    const asked = await byMail(shop, way, 'person-30@people.example')
    expect(pathOf(asked)).toBe('/confirm')
    saying(asked, /A code by mail alone does not open an account/)
    // D25 Another way than those that are accepted is none, whatever the form says.
    for (const kind of ['mailCode', 'passkey', 'sendCode']) {
      const page = await way.browser.submit(asked, { kind, code: '12345678', handle: 'h', response: '{}' }, (form) => form.action.endsWith('/confirm'))
      expect([kind, page.status, codeIn(page)]).toEqual([kind, 400, null])
    }
    expect((await way.browser.open(`${shop.url}/account`)).url).toContain('/login?uid=')
    const end = await confirmWith(way.browser, asked, 'totp', app.next())
    expect(decodeJwt((await redeem(shop, way, end)).idToken)).toMatchObject({ amr: ['otp', 'mfa'], acr: acrs.factor })
    expect((await customer('person-30@people.example'))?.['factors']).toHaveLength(1)
  })

  test('D29 every way in is asked for the factor alike on a device that is not known, and asked again until it was shown', async () => {
    const google = await enter('person-31')
    const app = await withTotp(shop, google.accessToken)
    const address = 'person-31@people.example'
    expect(codeIn((await shop.walk('google', { as: 'person-31', client: 'account', browser: knownAgain(shop, google.browser) })).page)).not.toBeNull()

    const stranger = shop.newBrowser()
    for (let n = 0; n < 2; n++) {
      const { page } = await shop.walk('google', { as: 'person-31', client: 'account', browser: stranger })
      expect(pathOf(page)).toBe('/confirm')
      saying(page, /This browser has not been used with your account before/)
    }
    expect((await customer(address))?.['devices']).toHaveLength(1)
    expect(pathOf(await byMail(shop, await atChoice(shop, { browser: stranger }), address))).toBe('/confirm')
    // A login that was linked a moment ago is asked like any other.
    const linked = await shop.walk('apple', { as: 'person-31', client: 'account', browser: knownAgain(shop, google.browser) })
    const known = linksOf(linked.page).find((href) => href.includes('/login/start')) ?? ''
    const asked = await pick(linked.browser, await linked.browser.open(known), 'person-31')
    await confirmWith(linked.browser, asked, 'totp', app.next())
    const bySecond = await shop.walk('apple', { as: 'person-31', client: 'account', browser: stranger })
    expect(pathOf(bySecond.page)).toBe('/confirm')
    expect(codeIn(await confirmWith(stranger, bySecond.page, 'totp', app.next()))).not.toBeNull()
    expect((await customer(address))?.['devices']).toHaveLength(2)
    expect(await shop.db.collection('audit_log').countDocuments({ type: 'step_up.asked', 'detail.reasons': 'newDevice' })).toBeGreaterThan(2)
  })

  test('D30 half a session opens nothing: no page, no other shop, no token', async () => {
    await withTotp(shop, (await enter('person-32')).accessToken)
    const half = await shop.walk('google', { as: 'person-32', client: 'account' })
    expect(pathOf(half.page)).toBe('/confirm')
    const silent = await atChoice(shop, { browser: half.browser, client: 'storefront-b', prompt: 'none' })
    expect(new URL(silent.page.url).searchParams.get('error')).toBe('login_required')
    expect((await half.browser.open(`${shop.url}/account`)).url).toContain('/login?uid=')
    const uid = new URL(half.page.url).searchParams.get('uid')
    expect(codeIn(await half.browser.open(`${shop.url}/consent?uid=${uid}`))).toBeNull()
    // The page belongs to this browser: its address opens nothing elsewhere.
    const elsewhere = await shop.newBrowser().open(half.page.url)
    expect([elsewhere.status, /LOGIN_EXPIRED/.test(elsewhere.text)]).toEqual([400, true])
    const left = await half.browser.submit(half.page, {}, (form) => form.action.endsWith('/login/back'))
    expect(left.url).toContain(`${redirectUri}?error=access_denied`)
    expect((await customer('person-32@people.example'))?.['devices']).toHaveLength(1)
  })

  test('who said that it was somebody else confirms by a code to the mailbox where there is no factor, and is told why', async () => {
    const { browser } = await enter('person-33')
    const address = 'person-33@people.example'
    await shop.db.collection('customers').updateOne({ email: address }, { $set: { alert: { since: new Date(), why: 'notMe' } } })
    const { page, browser: again } = await shop.walk('google', { as: 'person-33', client: 'account', browser: knownAgain(shop, browser) })
    expect(pathOf(page)).toBe('/confirm')
    saying(page, /A sign-in was reported that was not you/)
    const sent = await again.submit(page, { kind: 'sendCode' }, (form) => form.action.endsWith('/confirm'))
    saying(sent, /autocomplete="one-time-code"/)
    const wrong = await confirmWith(again, sent, 'mailCode', '00000000')
    expect([wrong.status, codeIn(wrong)]).toEqual([400, null])
    expect(codeIn(await confirmWith(again, wrong, 'mailCode', await codeSentTo(shop, address)))).not.toBeNull()
    expect((await customer(address))?.['alert']).toBeUndefined()
    expect(await shop.db.collection('audit_log').countDocuments({ type: 'step_up.asked', 'detail.reasons': 'notMe' })).toBe(1)
  })

  test('a mailed code as the way in answers such an alert, since it is what would be asked', async () => {
    await enter('person-34')
    const address = 'person-34@people.example'
    await shop.db.collection('customers').updateOne({ email: address }, { $set: { alert: { since: new Date(), why: 'notMe' } } })
    expect(codeIn(await byMail(shop, await atChoice(shop), address))).not.toBeNull()
    expect((await customer(address))?.['alert']).toBeUndefined()
  })

  test('an alert on an account that has neither a factor nor a proved address ends with the next sign-in at the provider', async () => {
    await enter('cem', 'facebook')
    const cem = { 'identities.provider': 'facebook', givenName: 'Cem' }
    const alarmed = await shop.db.collection('customers').updateOne(cem, { $set: { alert: { since: new Date(), why: 'notMe' } } })
    expect(alarmed.modifiedCount).toBe(1)
    await enter('cem', 'facebook')
    expect((await shop.db.collection('customers').findOne(cem))?.['alert']).toBeUndefined()
  })

  test('D25 a shop that asks for a factor gets it proved, one that leaves it out takes nothing away, and where there is none it hears so', async () => {
    const google = await enter('person-35')
    const app = await withTotp(shop, google.accessToken)
    const asked = await atChoice(shop, { browser: google.browser, acr_values: acrs.factor })
    expect(pathOf(asked.page)).toBe('/confirm')
    saying(asked.page, /The shop asks for this/)
    const { idToken } = await redeem(shop, asked, await confirmWith(asked.browser, asked.page, 'totp', app.next()))
    expect(decodeJwt(idToken)).toMatchObject({ acr: acrs.factor })

    const stranger = await atChoice(shop, { acr_values: acrs.oneWay })
    expect(pathOf(await byMail(shop, stranger, 'person-35@people.example'))).toBe('/confirm')

    const facebook = await enter('cem', 'facebook')
    const unmet = await atChoice(shop, { browser: facebook.browser, acr_values: acrs.factor })
    expect(new URL(unmet.page.url).searchParams.get('error')).toBe('unmet_authentication_requirements')
    await enter('person-36')
    const mailed = await atChoice(shop, { acr_values: acrs.factor })
    const twice = await byMail(shop, mailed, 'person-36@people.example')
    expect(new URL(twice.url).searchParams.get('error')).toBe('unmet_authentication_requirements')
  })

  test('a passkey is a second factor at /confirm too', async () => {
    const key = await withPasskey(shop, (await enter('person-37')).accessToken)
    const { page, browser } = await shop.walk('google', { as: 'person-37', client: 'account' })
    expect(pathOf(page)).toBe('/confirm')
    expect(codeIn(await onward(browser, await usePasskey(browser, page, key), {}))).not.toBeNull()
  })
})

test('D13 D26 the account centre names what is about to happen, takes the factor, and then does it', async () => {
  const google = await enter('person-40')
  const app = await withTotp(shop, google.accessToken)
  const { browser } = google
  await browser.open(`${shop.url}/account`)
  const step = await browser.open(`${shop.url}/account/logins/add?provider=facebook`)
  const asked = await browser.submit(step, {}, (form) => form.action.endsWith('/account/logins/add'))
  saying(asked, /Add another login/)
  const wrong = await browser.submit(asked, { kind: 'totp', code: '000000' }, (form) => form.action.endsWith('/account/confirm'))
  expect(wrong.status).toBe(400)
  const done = await browser.submit(wrong, { kind: 'totp', code: app.next() }, (form) => form.action.endsWith('/account/confirm'))
  expect(pathOf(done)).toBe('/onward')
})
