import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { behaviourOf, type Behaviour } from '../support/behaviour.ts'
import { erase } from '../support/erasing.ts'
import { startShop, type Shop } from '../support/shop.ts'

let shop: Shop
let on: Behaviour
beforeAll(async () => {
  shop = await startShop()
  on = behaviourOf(shop)
})
afterAll(() => shop[Symbol.asyncDispose]())

describe('what somebody does who is signed in', () => {
  test('is kept for the purposes that they agree to, with what the catalogue names and nothing else', async () => {
    const { accessToken, customer } = await on.person('person-1', { personalised_shop: true })
    const answer = await on.record(accessToken, [
      on.viewed({ product_id: 'ski-1', category: 'ski', price: 199.5, secret: 'not in the catalogue' }),
      on.viewed({ product_id: 'ski-2', category: 'ski' }),
    ])
    expect(answer).toEqual({ accepted: 2, refused: [] })
    const rows = await on.kept(customer)
    expect(rows).toMatchObject([
      { name: 'Product Viewed', client: 'storefront', purposes: ['personalised_shop'], properties: { product_id: 'ski-1', category: 'ski', price: 199.5 } },
      { properties: { product_id: 'ski-2', category: 'ski' } },
    ])
    expect(JSON.stringify(rows)).not.toContain('not in the catalogue')
    expect(Object.keys((await on.derived(customer)) ?? {})).toEqual(['personalised_shop'])
  })

  test('is kept for a second purpose from the moment that they agree to it', async () => {
    const { accessToken, customer } = await on.person('person-2', { personalised_shop: true, email_marketing: true })
    await on.record(accessToken, [on.viewed({ category: 'sledge' })])
    expect(await on.kept(customer)).toMatchObject([{ purposes: ['personalised_shop', 'email_marketing'] }])
  })

  test('is not kept where nothing gives it a basis, and the person is told so', async () => {
    const { accessToken, customer } = await on.person('person-3', { personalised_shop: false })
    expect(await on.record(accessToken, [on.viewed({ category: 'sledge' })])).toEqual({ accepted: 0, refused: [{ index: 0, reason: 'NO_PURPOSE' }] })
    expect([await on.kept(customer), await on.derived(customer)]).toEqual([[], undefined])
  })

  test('is answered one by one, and the good ones are kept', async () => {
    const { accessToken, customer } = await on.person('person-4', { personalised_shop: true })
    const answer = await on.record(accessToken, [
      on.viewed({ category: 'tent' }),
      { ...on.viewed({}), name: 'Shop Robbed' },
      on.viewed({ category: 7 }),
      on.viewed({ price: 'much' }),
      on.viewed({ category: 'x'.repeat(501) }),
      { ...on.viewed({}), messageId: '' },
      { ...on.viewed({}), properties: [{ name: 'category', string: 'tent', number: 7 }] },
      on.viewed({ category: 'stove' }),
    ])
    expect(answer).toEqual({
      accepted: 2,
      refused: [
        { index: 1, reason: 'UNKNOWN_EVENT' },
        { index: 2, reason: 'INVALID_PROPERTIES' },
        { index: 3, reason: 'INVALID_PROPERTIES' },
        { index: 4, reason: 'TOO_LARGE' },
        { index: 5, reason: 'INVALID_PROPERTIES' },
        { index: 6, reason: 'INVALID_PROPERTIES' },
      ],
    })
    expect((await on.kept(customer)).map(({ properties }) => properties['category'])).toEqual(['tent', 'stove'])
  })

  test('counts once, however often and in whatever company it is sent', async () => {
    const { accessToken, customer } = await on.person('person-5', { personalised_shop: true })
    const [one, two] = [on.viewed({ category: 'rope' }), on.viewed({ category: 'rope' })]
    await Promise.all([on.record(accessToken, [one, one]), on.record(accessToken, [one]), on.record(accessToken, [two, one])])
    const once = await on.derived(customer)
    expect(await on.record(accessToken, [two, one, two])).toEqual({ accepted: 3, refused: [] })
    expect([await on.kept(customer).then((rows) => rows.length), await on.derived(customer)]).toEqual([2, once])
  })

  test('comes from a tool too, about a customer by the id that it knows; nobody is told from somebody without a basis', async () => {
    const { customer } = await on.person('person-6', { email_marketing: true })
    await on.person('person-7', { email_marketing: false })
    const token = await shop.tool('marketing')
    const ids = (await shop.graphql('{ customers(first: 50) { edges { node { id } } } }', {}, token)).data.customers.edges
    const answers = []
    for (const id of [...ids.map(({ node }: { node: { id: string } }) => node.id), 'AAAAAAAAAAAAAAAAAAAAAA', 'nobody'])
      answers.push(await on.record(token, [on.viewed({ category: 'map' })], { customerId: id }))
    expect(answers.slice(-2)).toEqual([
      { accepted: 0, refused: [{ index: 0, reason: 'NO_PURPOSE' }] },
      { accepted: 0, refused: [{ index: 0, reason: 'NO_PURPOSE' }] },
    ])
    expect(await on.kept(customer)).toMatchObject([{ client: 'marketing', purposes: ['email_marketing'] }])
    const { errors } = await shop.graphql(on.mutation, { events: [on.viewed({})] }, token)
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'customerId' })
  })
})

describe('clocks and ids', () => {
  test('nothing happened later than it was heard of, nor longer ago than it would be kept', async () => {
    const { accessToken, customer } = await on.person('person-8', { personalised_shop: true })
    await on.agreedLongAgo(customer, 'personalised_shop')
    const before = Date.now()
    await on.record(accessToken, [
      { ...on.viewed({}), timestamp: '2099-01-01T00:00:00Z' },
      { ...on.viewed({}), timestamp: '1970-01-01T00:00:00Z' },
      { ...on.viewed({}), timestamp: new Date(before - 60_000).toISOString() },
    ])
    const [ahead, old, fair] = await on.kept(customer)
    for (const row of [ahead, old, fair]) expect(row?.receivedAt.getTime()).toBeGreaterThanOrEqual(before)
    expect(ahead?.at).toEqual(ahead?.receivedAt)
    expect(old?.at.getTime()).toBeGreaterThan(before - 367 * 86_400_000)
    expect(fair?.at.getTime()).toBe(before - 60_000)
    expect(old?.expiresAt.getTime()).toBeGreaterThan(before + 364 * 86_400_000)
  })

  test('two clients that choose the same id mean two events', async () => {
    const { accessToken, customer } = await on.person('person-9', { personalised_shop: true, email_marketing: true })
    const event = { ...on.viewed({}), messageId: randomUUID() }
    await on.record(accessToken, [event])
    const { data } = await shop.graphql('{ customers(first: 50) { edges { node { id email } } } }', {}, await shop.tool('marketing'))
    for (const { node } of data.customers.edges)
      if (node.email === 'person-9@people.example') await on.record(await shop.tool('marketing'), [event], { customerId: node.id })
    expect((await on.kept(customer)).map(({ client }) => client).sort()).toEqual(['marketing', 'storefront'])
  })
})

describe('when a purpose ends', () => {
  const gone = async (customer: string, left: readonly (readonly string[])[]) =>
    vi.waitFor(async () => expect((await on.kept(customer)).map(({ purposes }) => purposes)).toEqual(left), { timeout: 10_000, interval: 50 })

  test('events lose it, and go when nothing else is left; a later yes brings none of them back', async () => {
    const { accessToken, account, customer } = await on.person('person-20', { personalised_shop: true, email_marketing: true })
    await on.record(accessToken, [{ ...on.viewed({}), name: '$page', properties: [{ name: 'path', string: '/' }] }, on.viewed({ category: 'ski' })])
    await on.say(account, { personalised_shop: false })
    await gone(customer, [['email_marketing']])
    await on.say(account, { personalised_shop: true })
    await on.record(accessToken, [on.viewed({ category: 'boots' })])
    await on.say(account, { email_marketing: false })
    await gone(customer, [['personalised_shop']])
  })

  test('a restriction keeps nothing new, and takes nothing away', async () => {
    const { accessToken, account, customer } = await on.person('person-21', { personalised_shop: true })
    await on.record(accessToken, [on.viewed({ category: 'ski' })])
    const restrict = 'mutation ($on: Boolean!) { restrictProcessing(restricted: $on) { id } }'
    expect((await shop.graphql(restrict, { on: true }, account)).errors).toBeUndefined()
    expect((await on.record(accessToken, [on.viewed({ category: 'boots' })])).accepted).toBe(0)
    expect(await on.kept(customer)).toHaveLength(1)
  })

  test('an erasure leaves none, whatever comes at the same moment', async () => {
    const { accessToken, account, customer, id } = await on.person('person-22', { personalised_shop: true })
    const send = () => shop.graphql(on.mutation, { events: [on.viewed({ category: 'ski' })] }, accessToken)
    await send()
    const [erased] = await Promise.all([shop.graphql(erase, { confirm: true }, account), ...Array.from({ length: 10 }, send)])
    expect(erased.errors).toBeUndefined()
    await gone(customer, [])
    expect((await send()).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
    const tool = await shop.tool('marketing')
    expect((await on.record(tool, [on.viewed({})], { customerId: id })).refused).toEqual([{ index: 0, reason: 'NO_PURPOSE' }])
    expect(await on.kept(customer)).toEqual([])
  })

  test('a decision at the same moment as events comes before or after them, never between them and what follows', async () => {
    const { accessToken, account, customer } = await on.person('person-23', { personalised_shop: true })
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all([
        ...Array.from({ length: 8 }, (_, n) => on.record(accessToken, [on.viewed({ category: `c${round}-${n}` })])),
        on.say(account, { personalised_shop: false }),
      ])
      expect(answers).toHaveLength(9)
      await gone(customer, [])
      await on.say(account, { personalised_shop: true })
    }
  }, 60_000)
})
