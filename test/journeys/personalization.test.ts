import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { behaviourOf, type Behaviour } from '../support/behaviour.ts'
import { merge, merging, undo } from '../support/merging.ts'
import { startShop, type Shop } from '../support/shop.ts'

let shop: Shop
let on: Behaviour
beforeAll(async () => {
  shop = await startShop({ gateways: 2 })
  on = behaviourOf(shop)
}, 60_000)
afterAll(() => shop[Symbol.asyncDispose]())

const all = `{ id affinities(kind: "category") { name score } segments { id title } traits { ordersLastYear spentLastYear favouriteCategories clothingSize }
  recommendationContext { interests { kind name } features { name values } segments } }`
const me = `{ me ${all} }`
const restrict = 'mutation ($on: Boolean!) { restrictProcessing(restricted: $on) { id } }'
const nothing = { affinities: null, segments: null, recommendationContext: null }

const winter = () => on.viewed({ category: 'Winter sports', brand: 'Alm' })
const bought = (total: number) => ({ ...on.viewed({ category: 'Winter sports', brand: 'Alm', total }), name: 'Order Completed' })
const rowOf = (customer: string) => shop.db.collection<{ _id: string }>('customers').findOne({ _id: customer })

describe('what somebody does in a shop', () => {
  test('is read with the profile: interests, segments, computed traits, and what a recommender may be given', async () => {
    const { accessToken } = await on.person('person-1', { personalised_shop: true })
    await on.record(accessToken, [winter(), winter(), on.viewed({ category: 'Tents' }), bought(199.9), bought(0.1)])
    const { data, extensions } = await shop.graphql(me, {}, accessToken)
    expect(data.me).toMatchObject({
      affinities: [{ name: 'Winter sports' }, { name: 'Tents' }],
      segments: [{ id: 'winter_sport', title: 'Likes winter sports' }],
      traits: { ordersLastYear: 2, spentLastYear: 200, favouriteCategories: ['Winter sports', 'Tents'] },
      recommendationContext: { segments: ['winter_sport'], features: expect.arrayContaining([{ name: 'spentLastYear', values: ['200'] }]) },
    })
    expect(data.me.affinities[0].score).toBeCloseTo(12, 1)
    expect(extensions?.withheld).toBeUndefined()
  })

  test('is shown to each for their own purpose, from what was kept for it', async () => {
    const { accessToken, account, customer } = await on.person('person-2', { personalised_shop: true })
    await on.record(accessToken, [bought(10), bought(10)])
    await on.say(account, { email_marketing: true })
    await on.record(accessToken, [bought(10)])
    const marketing = await shop.tool('marketing')
    const { data } = await shop.graphql('{ customers(first: 50) { edges { node { id email segments { id } traits { ordersLastYear } } } } }', {}, marketing)
    const row = await rowOf(customer)
    const seen = data.customers.edges
      .map(({ node }: { node: { email: string } }) => node)
      .find(({ email }: { email: string }) => email === row?.['email' as '_id'])
    expect(seen).toMatchObject({ traits: { ordersLastYear: 1 } })
    expect((await shop.graphql(me, {}, accessToken)).data.me.traits.ordersLastYear).toBe(3)
  })

  test('is gone with the yes that it was kept under, at the next read, and does not come back with a new one', async () => {
    const { accessToken, account, customer } = await on.person('person-3', { personalised_shop: true, email_marketing: true })
    await on.record(accessToken, [bought(10), bought(10), bought(10)])
    expect((await rowOf(customer))?.['memberships' as '_id']).toEqual(expect.arrayContaining(['regulars@personalised_shop', 'regulars@email_marketing']))

    await on.say(account, { personalised_shop: false })
    const { data, extensions } = await shop.graphql(me, {}, accessToken)
    expect(data.me).toMatchObject({ ...nothing, traits: { ordersLastYear: null, favouriteCategories: null } })
    expect(extensions?.withheld).toContainEqual({ field: 'Customer.segments', category: 'user.behavior', reason: 'CONSENT_WITHDRAWN', count: 1 })
    const after = await rowOf(customer)
    expect(Object.keys(after?.['derived' as '_id'] ?? {})).toEqual(['email_marketing'])
    expect(after?.['memberships' as '_id']).toEqual(['winter_sport@email_marketing', 'regulars@email_marketing'])

    await on.say(account, { personalised_shop: true })
    expect((await shop.graphql(me, {}, accessToken)).data.me).toMatchObject({ affinities: [], segments: [], traits: { ordersLastYear: null } })
    await on.record(accessToken, [bought(10)])
    expect((await shop.graphql(me, {}, accessToken)).data.me.traits.ordersLastYear).toBe(1)
  })

  test('rests while processing is restricted, and goes on after', async () => {
    const { accessToken, account, customer } = await on.person('person-4', { personalised_shop: true })
    await on.record(accessToken, [bought(10), bought(10), bought(10)])
    await shop.graphql(restrict, { on: true }, account)
    expect((await shop.graphql(me, {}, accessToken)).data.me).toMatchObject(nothing)
    expect((await rowOf(customer))?.['memberships' as '_id']).toEqual([])
    await shop.graphql(restrict, { on: false }, account)
    expect((await shop.graphql(me, {}, accessToken)).data.me.traits.ordersLastYear).toBe(3)
    expect((await rowOf(customer))?.['memberships' as '_id']).toContain('regulars@personalised_shop')
  })

  test('is explained to the person, and to nobody else', async () => {
    const { accessToken, account } = await on.person('person-5', { personalised_shop: true })
    await on.record(accessToken, [bought(10), bought(10), bought(10)])
    const why = '{ explainSegment(id: "regulars") { title member purposes conditions { text holds } } }'
    expect((await shop.graphql(why, {}, account)).data.explainSegment).toEqual({
      title: 'Buys regularly',
      member: true,
      purposes: ['personalised_shop'],
      conditions: [{ text: 'What is known as “Orders in a year” is at least 3.', holds: true }],
    })
    for (const [token, code] of [
      [accessToken, 'FORBIDDEN'],
      [await shop.tool('marketing'), 'FORBIDDEN'],
      [undefined, 'UNAUTHENTICATED'],
    ] as const)
      expect((await shop.graphql(why, {}, token)).errors?.[0]?.extensions.code).toBe(code)
    const { data } = await shop.graphql(me, {}, account)
    expect(data.me.traits.ordersLastYear).toBe(3)
  })
})

describe('two accounts that become one', () => {
  test('keep what one of them did; the other has theirs again when that is undone', async () => {
    const person = merging(shop)
    const first = await on.person('person-6', { personalised_shop: true })
    await on.record(first.accessToken, [bought(10)])
    const other = await person.account('facebook', 'person-7')
    await person.yes(other.accessToken, 'personalised_shop')
    const theirs = await shop.signIn('facebook', { as: 'person-7', browser: other.browser })
    await on.record(theirs.accessToken, [bought(10), bought(10), bought(10)])

    const { accessToken, proof } = await person.shown('person-6', 'person-7')
    expect((await shop.graphql(merge, { proof }, accessToken)).errors).toBeUndefined()
    const absorbed = await shop.db.collection<{ _id: string }>('customers').findOne({ mergedInto: first.customer } as object)
    expect(absorbed).not.toHaveProperty('derived')
    expect(absorbed).not.toHaveProperty('memberships')
    const one = await on.person('person-6')
    expect((await shop.graphql(me, {}, one.accessToken)).data.me.traits.ordersLastYear).toBe(1)

    const [mark] = (await rowOf(first.customer))?.['merges' as '_id'] as unknown as { id: string }[]
    expect((await shop.graphql(undo, { id: mark?.id }, one.account)).errors).toBeUndefined()
    const again = await shop.signIn('facebook', { as: 'person-7' })
    expect((await shop.graphql(me, {}, again.accessToken)).data.me).toMatchObject({
      traits: { ordersLastYear: 3 },
      segments: [{ id: 'winter_sport' }, { id: 'regulars' }],
    })
  })
})

describe('a rule that is tried', () => {
  const trial = 'query ($rule: String!, $purpose: ID!) { trySegmentRule(rule: $rule, purpose: $purpose) { people among complete } }'
  const rule = JSON.stringify({ trait: { name: 'ordersLastYear', op: 'gte', value: 1 } })

  test('is counted without telling of anybody: few are none, and the same question has the same answer', async () => {
    const operator = await shop.tool('operator', 'segments:read')
    const first = await shop.graphql(trial, { rule, purpose: 'personalised_shop' }, operator)
    expect(first.errors).toBeUndefined()
    expect(first.data.trySegmentRule).toEqual({ people: null, among: 0, complete: true })
    const { accessToken } = await on.person('person-8', { personalised_shop: true })
    await on.record(accessToken, [bought(1)])
    expect((await shop.graphql(trial, { rule, purpose: 'personalised_shop' }, operator)).data).toEqual(first.data)
    expect((await shop.graphql(trial, { rule, purpose: 'personalised_shop' }, accessToken)).errors?.[0]?.extensions.code).toBe('FORBIDDEN')
  })

  test.each([
    ['not JSON', 'personalised_shop', 'is no rule'],
    [JSON.stringify({ not: { event: { name: 'Order Completed', atLeast: 1 } } }), 'personalised_shop', 'there is no index'],
    [JSON.stringify({ profile: { field: 'birthYear', op: 'gte', value: 1990 } }), 'email_marketing', 'is not told all of birthYear'],
    [JSON.stringify({ trait: { name: 'shoeSize', op: 'eq', value: 1 } }), 'personalised_shop', 'shoeSize is no trait'],
    [rule, 'fraud_prevention', 'no index'],
    [`${'{"not":'.repeat(30)}${rule}${'}'.repeat(30)}`, 'personalised_shop', 'nested deeper'],
  ])('is refused as %s for %s: %s', async (text, purpose, reason) => {
    const operator = await shop.tool('operator', 'segments:read')
    const { errors } = await shop.graphql(trial, { rule: text, purpose }, operator)
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'rule' })
    expect(JSON.stringify(errors?.[0]?.extensions['reasons'])).toContain(reason)
  })

  test('is one of a hundred in a day, whichever process is asked; the same once more is none', async () => {
    const operator = await shop.tool('operator', 'segments:read')
    const asked = (n: number) => {
      const nth = JSON.stringify({ trait: { name: 'ordersLastYear', op: 'gte', value: 1000 + n } })
      return shop.graphql(trial, { rule: nth, purpose: 'personalised_shop' }, operator, shop.urls[n % 2])
    }
    const codes: unknown[] = []
    for (let n = 0; n < 101; n++) codes.push((await asked(n)).errors?.[0]?.extensions.code)
    expect(codes.slice(0, 99)).toEqual(codes.slice(0, 99).map(() => undefined))
    expect(codes.at(-1)).toBe('RATE_LIMITED')
    expect((await asked(0)).errors).toBeUndefined()
  })
})
