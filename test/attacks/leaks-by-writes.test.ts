import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { behaviourOf, type Behaviour } from '../support/behaviour.ts'
import { pick } from '../support/browser.ts'
import { newCanary, scannerOf, type Canary } from '../support/canaries.ts'
import { dumpOf } from '../support/erasing.ts'
import { openHouse } from '../support/house.ts'
import { code, merge, merging } from '../support/merging.ts'
import { redirectUri, startShop, type Answer, type Shop } from '../support/shop.ts'

// What the answer to a write tells, and what a write brings to whom it is not for. The numbers are those of leaks.
let shop: Shop
let on: Behaviour
let redis: Redis
beforeAll(async () => {
  shop = await startShop()
  on = behaviourOf(shop)
  redis = new Redis(shop.env.REDIS_URL)
}, 60_000)
afterAll(async () => {
  redis.disconnect()
  await shop[Symbol.asyncDispose]()
})

const update = 'mutation ($i: UpdateProfileInput!) { updateProfile(input: $i) { __typename email givenName locale traits { clothingSize } } }'
const rowOf = (customer: string) => shop.db.collection<{ _id: string }>('customers').findOne({ _id: customer })
const wholeOf = ({ headers, ...answer }: Answer) => JSON.stringify([answer, [...headers].filter(([name]) => name !== 'date')])

test('E2 E3 what was there before changes nothing of the answer: not its bytes, nor how much was written', async () => {
  await using house = await openHouse()
  const sent: Readonly<Record<string, string | number>> = {
    email: 'ada@people.example',
    givenName: 'Ada',
    familyName: 'Lovelace',
    birthYear: 1981,
    postcode: '10115',
    country: 'DE',
    locale: 'de',
  }
  // The same, the same otherwise spelt, another one of the same band or region, another one, none.
  const before = (value: string | number): readonly (string | number | undefined)[] =>
    typeof value === 'number' ? [value, value + 1, 1931, undefined] : [value, ` ${value.toUpperCase()}`, `${value.slice(0, 2)}x`, 'other', undefined]
  for (const [field, value] of Object.entries(sent)) {
    const told: unknown[] = []
    for (const stored of before(value)) {
      const key = await house.addCustomer({ ...(stored !== undefined && { [field]: stored }), sources: {} })
      // Nobody agreed to it, so the shop reads nothing.
      const token = house.tokenFor('storefront', ['personalised_shop'], key)
      const written = await house.ask(update, { token, variables: { i: { [field]: value } } })
      const read = await house.ask('{ me { email givenName familyName birthYear postcode country locale } }', { token })
      const row = await house.store.read(key)
      expect(row).toMatchObject({ [field]: value })
      told.push([String(written.text), String(read.text), row?.audit.seq, await house.events.chain(key).then((rows) => rows.map(({ type }) => type))])
    }
    expect([field, told]).toEqual([field, told.map(() => told[0])])
  }
})

test('E4 an address that is somebody else’s is taken down like a free one, and found by nobody', async () => {
  const owner = await on.person('person-101')
  const asks = await on.person('person-102')
  const told = []
  for (const address of ['person-101@people.example', 'person-999@people.example']) {
    const answer = await shop.graphql(update, { i: { email: address } }, asks.accessToken)
    const me = await shop.graphql('{ me { email } }', {}, asks.accessToken)
    told.push(`${wholeOf(answer)}${wholeOf(me)}`.replaceAll(address, 'ADDRESS'))
  }
  expect(told[0]).toBe(told[1])
  expect(told[0]).not.toContain('errors":[')
  expect(shop.mails('person-101@people.example')).toEqual(shop.mails('person-999@people.example'))
  expect((await shop.graphql('{ me { email } }', {}, owner.accessToken)).data.me.email).toBe('person-101@people.example')
})

describe('what becomes one, or goes', () => {
  const seen =
    '{ me { pictureUrl traits { clothingSize ordersLastYear } affinities { name } segments { id } recommendationContext { interests { name } } identities { email } sources { field } } }'
  const list = '{ customers(first: 100) { edges { node { email givenName pictureUrl traits { clothingSize } affinities { name } } } } }'

  test('E9 a merge shows nobody what they were not shown of either: profile, behaviour, addresses', async () => {
    const person = merging(shop)
    const canaries: Canary[] = []
    const own = (field: string, wrap = (one: string) => one) => {
      const value = wrap(newCanary())
      canaries.push({ person: 'the other', field, value })
      return value
    }
    // The one who stays reads letters and wants no offers; the other one wanted offers and was never asked about letters.
    await on.person('person-103', { personalised_shop: false, email_marketing: true })
    const other = await person.account('facebook', 'person-104')
    await person.yes(other.accessToken, 'personalised_shop')
    const shopping = await shop.signIn('facebook', { as: 'person-104', browser: other.browser })
    await on.record(shopping.accessToken, [
      on.viewed({ category: own('category') }),
      { ...on.viewed({ category: own('bought'), total: 1 }), name: 'Order Completed' },
    ])
    const change = {
      pictureUrl: own('picture', (one) => `https://pictures.example/${one}`),
      'traits.clothingSize': own('size'),
      'identities.0.email': own('address', (one) => `${one}@x.example`),
    }
    await shop.db.collection('customers').updateOne({ 'identities.provider': 'facebook', 'derived.personalised_shop': { $exists: true } }, { $set: change })
    const scan = scannerOf(canaries)
    expect(scan(wholeOf(await shop.graphql(seen, {}, shopping.accessToken))).length).toBeGreaterThan(2)

    const { accessToken, proof } = await person.shown('person-103', 'person-104')
    expect((await shop.graphql(merge, { proof }, accessToken)).errors).toBeUndefined()
    const again = await shop.signIn('google', { as: 'person-103' })
    const answers = [
      await shop.graphql(seen, {}, again.accessToken),
      await shop.graphql(list, {}, await shop.tool('marketing')),
      await shop.graphql(list, {}, await shop.tool('ads')),
    ]
    expect(answers.map((answer) => answer.errors)).toEqual([undefined, undefined, undefined])
    expect(answers.flatMap((answer) => scan(wholeOf(answer)))).toEqual([])
    // Nor is the other one's part read in letters, of whom nobody knows whether they want any.
    expect(wholeOf(answers[1] as Answer)).not.toContain('person-103@people.example')
  })

  test('E10 what a login brought goes with it: from the profile, from every answer, from the store', async () => {
    const canaries: Canary[] = ['given', 'family', 'picture'].map((field) => ({ person: 'at the provider', field, value: newCanary() }))
    const [given, family, picture] = canaries.map(({ value }) => value)
    shop.providers.google.misbehave({ claims: { given_name: given, family_name: family, picture: `https://pictures.example/${picture}.png` } })
    const account = await shop.signIn('google', { as: 'person-105', client: 'account' })
    shop.providers.google.behave()
    const scan = scannerOf(canaries)
    const mine = '{ me { givenName familyName pictureUrl identities { id provider } sources { field } } }'
    const before = await shop.graphql(mine, {}, account.accessToken)
    expect(scan(wholeOf(before))).toHaveLength(3)
    const started = await shop.graphql(`mutation { startLinking(provider: "facebook", redirectUri: "${redirectUri}") { url } }`, {}, account.accessToken)
    await pick(account.browser, await account.browser.open(started.data.startLinking.url), 'person-106')
    const google = before.data.me.identities[0].id
    const unlinked = await shop.graphql(
      'mutation ($id: ID!) { unlinkIdentity(id: $id) { givenName familyName pictureUrl } }',
      { id: google },
      account.accessToken,
    )
    expect(unlinked.errors).toBeUndefined()
    const after = await shop.signIn('facebook', { as: 'person-106', client: 'account' })
    const read = await shop.graphql(mine, {}, after.accessToken)
    expect(read.data.me.identities.map(({ provider }: { provider: string }) => provider)).toEqual(['facebook'])
    expect([scan(wholeOf(unlinked)), scan(wholeOf(read)), scan(await dumpOf(shop.db, redis, shop.env.REDIS_PREFIX))]).toEqual([[], [], []])
  })
})

describe('several writes, or none', () => {
  const purposes = ['personalised_shop', 'email_marketing', 'personalised_ads', 'fraud_prevention']

  test('E13 a write of the same operation reads what the write before it left', async () => {
    const { accessToken } = await on.person('person-107', { personalised_shop: true })
    await shop.graphql('mutation { updateProfile(input: { traits: { clothingSize: "M" } }) { id } }', {}, accessToken)
    const both = (granted: boolean) => `mutation {
      before: updateProfile(input: {}) { pictureUrl traits { clothingSize } }
      said: setConsents(decisions: [{ purpose: "personalised_shop", granted: ${granted}${granted ? ', textVersion: "2026-01"' : ''} }]) { closed { field } }
      after: updateProfile(input: {}) { pictureUrl traits { clothingSize } }
    }`
    const no = await shop.graphql(both(false), {}, accessToken)
    expect([no.data.before.traits.clothingSize, no.data.after.traits.clothingSize, no.data.after.pictureUrl]).toEqual(['M', null, null])
    expect(no.extensions?.withheld).toContainEqual(expect.objectContaining({ field: 'Traits.clothingSize', reason: 'CONSENT_WITHDRAWN', count: 1 }))
    const yes = await shop.graphql(both(true), {}, accessToken)
    expect([yes.data.before.traits.clothingSize, yes.data.after.traits.clothingSize]).toEqual([null, 'M'])
  })

  test('E14 of decisions that come together all are in force or none, whichever of them is wrong and wherever it fails', async () => {
    const { account, customer } = await on.person('person-108')
    const decide = 'mutation ($d: [ConsentDecisionInput!]!) { setConsents(decisions: $d) { id } }'
    const all = purposes.map((purpose): { readonly purpose: string; readonly granted: boolean; readonly textVersion?: string } => ({
      purpose,
      granted: purpose !== 'fraud_prevention',
      ...(purpose !== 'fraud_prevention' && { textVersion: '2026-01' }),
    }))
    const state = async () => [
      await rowOf(customer),
      await shop.db.collection('consent_ledger').countDocuments({}),
      await shop.db.collection('audit_log').countDocuments({ _id: new RegExp(`^${customer}/`) } as object),
      await shop.db.collection('jobs').countDocuments({}),
    ]
    const before = await state()
    const wrongs = [
      { purpose: 'nothing', granted: true },
      { purpose: 'personalised_ads', granted: true, textVersion: 'of last year' },
      { purpose: 'order_processing', granted: false },
      ...all.slice(0, 1),
    ]
    for (const wrong of wrongs)
      for (const at of [0, 2, 4])
        expect(code(await shop.graphql(decide, { d: all.toSpliced(at, 0, wrong) }, account))).toMatch(/BAD_USER_INPUT|CONSENT_TEXT_OUTDATED/)
    // The database refuses one of the documents that are written together.
    for (const collection of ['consent_ledger', 'audit_log', 'customers']) {
      await shop.db.command({ collMod: collection, validator: { neverThere: { $exists: true } } })
      expect([collection, code(await shop.graphql(decide, { d: all }, account))]).toEqual([collection, 'INTERNAL_SERVER_ERROR'])
      await shop.db.command({ collMod: collection, validator: {} })
    }
    expect(await state()).toEqual(before)
    expect((await shop.graphql(decide, { d: all }, account)).errors).toBeUndefined()
    expect(Object.keys((await rowOf(customer))?.['decisions' as '_id'] ?? {}).sort()).toEqual([...purposes].sort())
  })

  test('E16 a decision that something wrote past the ledger is found, and so is one that was taken out; an operator is told', async () => {
    const decisions = { state: 'granted', textVersion: '2026-01', at: new Date() }
    const [honest, imported, tidied] = [
      await on.person('person-109', { personalised_shop: true }),
      await on.person('person-110'),
      await on.person('person-111', { personalised_ads: false }),
    ]
    await on.say(honest.account, { personalised_shop: false, email_marketing: true })
    const rows = shop.db.collection<{ _id: string }>('customers')
    await rows.updateOne({ _id: imported.customer }, { $set: { 'decisions.email_marketing': decisions } })
    await rows.updateOne({ _id: tidied.customer }, { $unset: { 'decisions.personalised_ads': '' } })
    await shop.db.collection('jobs').updateMany({ kind: 'retention' }, { $set: { dueAt: new Date(0) } })
    const found = () => shop.db.collection('audit_log').find({ type: 'chain.broken', 'detail.kind': 'decisions' }).toArray()
    const [event] = await vi.waitFor(
      async () => {
        const events = await found()
        expect(events).toHaveLength(1)
        return events
      },
      { timeout: 20_000, interval: 100 },
    )
    const known = [honest, imported, tidied].map(({ customer }) => customer)
    expect(event?.['subjects'].filter((one: string) => known.includes(one)).sort()).toEqual([imported.customer, tidied.customer].sort())
  })
})
