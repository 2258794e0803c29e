import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { behaviourOf } from '../support/behaviour.ts'
import { startShop, type Shop } from '../support/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await startShop({ gateways: 2 })
})
afterAll(() => shop[Symbol.asyncDispose]())

const next =
  'query ($purpose: ID!, $locale: String) { nextQuestion(purpose: $purpose, locale: $locale) { id field consentTo textVersion choices list question why gives } }'
const dismiss = 'mutation ($id: ID!) { dismissQuestion(id: $id) }'
const answer = 'mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { id } }'
const person = 'purpose:data_subject_access'

async function asked(token: string, purpose = 'personalised_shop', locale = 'en', at?: string) {
  const { data, errors } = await shop.graphql(next, { purpose, locale }, token, at)
  return errors ? errors[0]?.extensions.code : data.nextQuestion
}
/** As if so many days had gone by since whatever this person was asked or said. */
async function daysGoBy(email: string, days: number): Promise<void> {
  const row = await shop.db.collection('customers').findOne({ email })
  const earlier = (at: Date) => new Date(at.getTime() - days * 86_400_000)
  const before = Object.fromEntries(Object.entries((row?.['asked'] ?? {}) as Record<string, Date>).map(([id, at]) => [id, earlier(at)]))
  await shop.db.collection('customers').updateOne({ email }, { $set: { asked: before } })
}
const addressOf = (as: string) => `${as}@people.example`
const shopper = (as: string, consent: Record<string, boolean> = { personalised_shop: true }) => shop.signIn('google', { as, consent })

describe('the one question worth asking', () => {
  test('comes once, says why and what for, and is answered by updateProfile', async () => {
    const { accessToken } = await shopper('person-51')
    const question = await asked(accessToken)
    expect(question).toEqual({
      id: 'colours',
      field: 'traits.favouriteColours',
      consentTo: null,
      textVersion: null,
      choices: [],
      list: true,
      question: 'Which colours do you like?',
      why: 'We put what you like first.',
      gives: 'Offers in your colours.',
    })
    expect(await asked(accessToken)).toBeNull()
    await shop.graphql(answer, { input: { traits: { favouriteColours: ['green'] } } }, accessToken)
    expect(await asked(accessToken)).toBeNull()

    // The next day another one, in the reader's language; then nothing is left.
    await daysGoBy(addressOf('person-51'), 1)
    expect(await asked(accessToken, 'personalised_shop', 'de')).toMatchObject({ id: 'size', question: 'Welche Größe tragen Sie?' })
    await daysGoBy(addressOf('person-51'), 40)
    expect(await asked(accessToken)).toBeNull()
    await daysGoBy(addressOf('person-51'), 60)
    expect(await asked(accessToken)).toMatchObject({ id: 'size' })
  })

  test('is not put again within its pause by who would rather not say', async () => {
    const { accessToken } = await shopper('person-52')
    expect(await asked(accessToken)).toMatchObject({ id: 'colours' })
    await daysGoBy(addressOf('person-52'), 29)
    expect((await shop.graphql(dismiss, { id: 'colours' }, accessToken)).data.dismissQuestion).toBe(true)
    await daysGoBy(addressOf('person-52'), 2)
    expect(await asked(accessToken)).toMatchObject({ id: 'size' })
    expect((await shop.graphql(dismiss, { id: 'no such' }, accessToken)).errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT')
  })

  test('nor what was cleared, nor for what has no basis, nor by a client without the purpose', async () => {
    const { accessToken } = await shopper('person-53')
    await shop.graphql(answer, { input: { traits: { favouriteColours: ['red'] } } }, accessToken)
    await shop.graphql(answer, { input: { traits: { favouriteColours: null } } }, accessToken)
    expect(await asked(accessToken)).toMatchObject({ id: 'size' })

    const refuses = await shopper('person-54', { personalised_shop: false })
    expect(await asked(refuses.accessToken)).toBeNull()
    expect(await asked(refuses.accessToken, 'email_marketing')).toBe('FORBIDDEN')
    expect(await asked(refuses.accessToken, 'no such')).toBe('FORBIDDEN')
    expect(await asked(await shop.tool('marketing'), 'email_marketing')).toBe('FORBIDDEN')
    // A no is not asked about again.
    expect(await asked(refuses.accessToken, 'order_processing')).toBeNull()
  })

  test('may be about a purpose that nobody has decided yet, and is answered by setConsents', async () => {
    const { accessToken } = await shopper('person-55', {})
    const question = await asked(accessToken, 'order_processing')
    expect(question).toMatchObject({ id: 'personal_offers', field: null, consentTo: 'personalised_shop' })
    const decision = { purpose: question.consentTo, granted: true, textVersion: question.textVersion }
    const decided = await shop.graphql('mutation ($d: [ConsentDecisionInput!]!) { setConsents(decisions: $d) { id } }', { d: [decision] }, accessToken)
    expect(decided.errors).toBeUndefined()
    await daysGoBy(addressOf('person-55'), 200)
    expect(await asked(accessToken, 'order_processing')).toBeNull()
  })

  test('is given to one of many windows that ask at the same moment', async () => {
    const { accessToken } = await shopper('person-56')
    const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => asked(accessToken, 'personalised_shop', 'en', shop.urls[n % 2])))
    expect(answers.filter((one) => one !== null)).toHaveLength(1)
  })
})

test('each value says who said it, and how far that is to be relied on', async () => {
  const { accessToken } = await shopper('person-57')
  await shop.graphql(answer, { input: { birthYear: 1980 } }, accessToken)
  const mine = await shop.signIn('google', { as: 'person-57', client: 'account', scope: `openid ${person}` })
  const { data } = await shop.graphql('{ me { sources { field from at confidence } } }', {}, mine.accessToken)
  const sources = data.me.sources as { field: string; from: string; confidence: number }[]
  expect(sources.find(({ field }) => field === 'birthYear')).toMatchObject({ from: 'customer', confidence: 0.9 })
  expect(sources.find(({ field }) => field === 'givenName')).toMatchObject({ from: 'google', confidence: 0.7 })
  expect(sources.find(({ field }) => field === 'email')?.confidence).toBeGreaterThan(0.9)
  // A shop is not told who told what.
  expect((await shop.graphql('{ me { sources { field } } }', {}, accessToken)).data.me.sources).toBeNull()
})

test('a policy that asks for what it may not use does not start, and says so at once', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'entente-questions-'))
  const POLICY_FILE = join(directory, 'policy.yaml')
  const texts = 'texts: { en: { question: a, why: b, gives: c } }'
  const wrong = [
    `  - { id: one, about: { field: birthYear }, purpose: order_processing, ${texts} }`,
    `  - { id: one, about: { trait: shoes }, purpose: nothing, ${texts} }`,
    `  - { id: two, about: { purpose: order_processing }, purpose: order_processing, ${texts} }`,
  ]
  const demo = await readFile('demo/policy.yaml', 'utf8')
  const twice = 'loginPage: { variants: [{ id: all, share: 1 }, { id: all, share: 1 }] }'
  await writeFile(POLICY_FILE, `${demo.replace(/^questions:\n/m, `questions:\n${wrong.join('\n')}\n`)}\n${twice}\n`)
  const error = await startShop({ env: { POLICY_FILE } }).then(
    async (started) => started[Symbol.asyncDispose]().then(() => new Error('it started')),
    (problem: unknown) => problem as Error,
  )
  for (const said of [
    'order_processing does not cover user.demographic',
    'one is already there',
    'nothing is no purpose',
    'is no attribute',
    'order_processing is no purpose that waits for consent',
    'the text in de is missing',
    'all is already there',
  ])
    expect(error.message).toContain(said)
})

describe('what was inferred', () => {
  test('is shown in the account centre beside what was said and told; "not me" switches it off, without a script', { timeout: 180_000 }, async () => {
    const { person: opened, record, viewed } = behaviourOf(shop)
    const { accessToken, account } = await opened('person-58', { personalised_shop: true })
    await record(accessToken, [viewed({ product_id: 'p1', category: 'Skiing' }), viewed({ product_id: 'p2', category: 'Tents' })])
    const interests = async (token: string) =>
      ((await shop.graphql('{ me { affinities(kind: "category") { name } } }', {}, token)).data.me.affinities as { name: string }[])
        .map(({ name }) => name)
        .sort()
    expect(await interests(accessToken)).toEqual(['Skiing', 'Tents'])

    const browser = shop.newBrowser()
    const login = await browser.open(`${shop.url}/account`)
    const link = /\/login\/start\?[^"]*provider=google/.exec(login.text)?.[0].replaceAll('&amp;', '&') ?? ''
    let page = await browser.open(`${shop.url}${link}`)
    page = await browser.open(`${page.url}&login_hint=person-58`)
    expect(page.text).toMatch(/id="known"[\s\S]*Google[\s\S]*Skiing[\s\S]*Not me/)
    page = await browser.submit(page, {}, ({ action, fields }) => action.endsWith('/account/interests') && fields['name'] === 'Skiing')
    expect(page.text).toMatch(/Switched off[\s\S]*Skiing[\s\S]*Allow again/)
    expect(await interests(accessToken)).toEqual(['Tents'])
    expect(await interests(account)).toEqual(['Tents'])

    // What happens while it is off leaves nothing of it; switched on, it counts from then on.
    await record(accessToken, [viewed({ product_id: 'p3', category: 'Skiing' })])
    expect(await interests(accessToken)).toEqual(['Tents'])
    const { data } = await shop.graphql('mutation { switchInterest(kind: "category", name: "Skiing", off: false) }', {}, account)
    expect(data.switchInterest).toBe(true)
    expect(await interests(accessToken)).toEqual(['Tents'])
    await record(accessToken, [viewed({ product_id: 'p4', category: 'Skiing' })])
    expect(await interests(accessToken)).toEqual(['Skiing', 'Tents'])
    const unknown = await shop.graphql('mutation { switchInterest(kind: "no such", name: "Skiing", off: true) }', {}, account)
    expect(unknown.errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT')
  })
})
