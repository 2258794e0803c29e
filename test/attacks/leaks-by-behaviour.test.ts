import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readPolicy } from '../../src/config/policy.ts'
import { deriver, type KeptEvent } from '../../src/personalization/derive.ts'
import { behaviourOf, type Behaviour } from '../support/behaviour.ts'
import { newCanary, scannerOf, type Canary } from '../support/canaries.ts'
import { memoryLog } from '../support/callback.ts'
import { dumpOf, policyWith } from '../support/erasing.ts'
import { addMembers, take } from '../support/audiences.ts'
import { demoPolicy, openHouse } from '../support/house.ts'
import { startShop, type Shop } from '../support/shop.ts'

// What shops tell of people's behaviour, and what is made of it. The numbers are those of leaks.
const { log, lines } = memoryLog()
const writeKey = 'storefront-demo-write-key'
const demo = readFileSync(new URL('../../demo/policy.yaml', import.meta.url), 'utf8')
const secretSegment = newCanary()
let shop: Shop
let on: Behaviour
let redis: Redis
beforeAll(async () => {
  // One segment for letters only, with a name that says too much.
  const policy = await policyWith((text) =>
    text.replace(
      'segments:\n',
      `segments:\n  - { id: ${secretSegment}, title: { en: ${secretSegment}, de: ${secretSegment} }, purposes: [email_marketing], rule: { trait: { name: ordersLastYear, op: gte, value: 1 } } }\n`,
    ),
  )
  shop = await startShop({ env: { POLICY_FILE: policy }, other: { log } })
  on = behaviourOf(shop)
  redis = new Redis(shop.env.REDIS_URL)
}, 60_000)
afterAll(async () => {
  redis.disconnect()
  await shop[Symbol.asyncDispose]()
})

const bought = (total = 10) => ({ ...on.viewed({ category: 'Tents', brand: 'Alm', total }), name: 'Order Completed' })
const idAt = async (token: string, email: string): Promise<string> =>
  (await shop.graphql('{ customers(first: 100) { edges { node { id email } } } }', {}, token)).data.customers.edges.find(
    ({ node }: { node: { email: string } }) => node.email === email,
  ).node.id

async function send(path: string, call: object): Promise<void> {
  const headers = { 'content-type': 'application/json', authorization: `Basic ${btoa(`${writeKey}:`)}` }
  const response = await fetch(`${shop.url}/v1/${path}`, { method: 'POST', headers, body: JSON.stringify({ messageId: randomUUID(), ...call }) })
  expect(response.status).toBe(200)
}

test('E15 the answer to an event tells a client of its own purposes only: neither what others are allowed, nor by sending it again', async () => {
  const marketing = await shop.tool('marketing')
  const answers = []
  for (const [n, foreign] of [true, false].entries()) {
    // Both said no to the shop; one of them reads letters. Both said yes to letters; one of them likes offers.
    const shy = await on.person(`person-${n}`, { personalised_shop: false, email_marketing: foreign })
    const open = await on.person(`person-${10 + n}`, { personalised_shop: foreign, email_marketing: true })
    const event = on.viewed({ category: 'ski' })
    const told = [await on.record(shy.accessToken, [event, bought()]), await on.record(shy.accessToken, [event])]
    const customerId = await idAt(marketing, `person-${10 + n}@people.example`)
    told.push(await on.record(marketing, [event], { customerId }), await on.record(marketing, [event], { customerId }))
    answers.push(told)
    expect((await on.kept(shy.customer)).map(({ purposes }) => purposes)).toEqual(foreign ? [['email_marketing'], ['email_marketing']] : [])
    expect(await on.kept(open.customer)).toMatchObject([{ purposes: foreign ? ['personalised_shop', 'email_marketing'] : ['email_marketing'] }])
  }
  expect(answers[0]).toEqual(answers[1])
  expect(answers[0]?.map(({ accepted }) => accepted)).toEqual([0, 0, 1, 1])
})

describe('what shops put into events without meaning to', () => {
  test('F12 an address or a number in any property is kept nowhere, the rest of the event is, and it is counted', async () => {
    const { accessToken, customer } = await on.person('person-20', { personalised_shop: true })
    const canaries: Canary[] = []
    const own = (field: string, wrap: (canary: string) => string): string => {
      const value = wrap(newCanary())
      canaries.push({ person: 'whoever is in it', field, value })
      return value
    }
    const hidden = [
      own('address', (one) => `${one}@people.example`),
      own('in a sentence', (one) => `For ${one}@people.example, with love`),
      own('escaped', (one) => `gift%20for%20${one}%40people.example`),
      own('unknown', (one) => one),
    ]
    const number = '+49 (0)30 901820'
    await on.record(accessToken, [
      on.viewed({ category: hidden[0] ?? '', brand: 'Alm' }),
      on.viewed({ category: 'Tents', brand: hidden[1] ?? '' }),
      on.viewed({ product_id: hidden[2] ?? '', brand: `call ${number}` }),
      on.viewed({ email: hidden[0] ?? '', note: hidden[3] ?? '', category: 'Ropes' }),
    ])
    expect((await on.kept(customer)).map(({ properties }) => properties)).toEqual([{ brand: 'Alm' }, { category: 'Tents' }, {}, { category: 'Ropes' }])
    const scan = scannerOf(canaries)
    const all = `${await dumpOf(shop.db, redis, shop.env.REDIS_PREFIX)}\n${lines.join('')}`
    expect([scan(all), all.includes('901820')]).toEqual([[], false])
    expect(await (await fetch(`${shop.url}/metrics`)).text()).toContain('entente_event_texts_left_out_total 4')
  })

  test('F13 of where somebody was, what follows the path is not kept, nor a path that holds an address', async () => {
    const { customer, id } = await on.person('person-21', { personalised_shop: true })
    const canary = newCanary()
    const said = {
      url: `https://user:${canary}@shop.example/a?x=${canary}#${canary}`,
      referrer: `https://elsewhere.example/?q=${canary}`,
      search: `?email=${canary}%40people.example`,
      title: canary,
    }
    const paths = [
      `/tents?token=${canary}`,
      `/tents#${canary}`,
      `https://shop.example/tents?token=${canary}`,
      `tents?reset=${canary}`,
      `/u/${canary}@people.example`,
    ]
    for (const path of paths) await send('p', { type: 'page', userId: id, properties: { ...said, path } })
    expect((await on.kept(customer)).map(({ properties }) => properties['path'])).toEqual([
      '/tents',
      '/tents',
      'https://shop.example/tents',
      'tents',
      undefined,
    ])
    expect(`${await dumpOf(shop.db, redis, shop.env.REDIS_PREFIX)}${lines.join('')}`).not.toContain(canary)
  })
})

describe('when it happened, and what it was allowed for', () => {
  test('F15 what was kept for one purpose changes nothing of another', async () => {
    const { accessToken, account, customer, id: atShop } = await on.person('person-30', { personalised_shop: true })
    await on.record(accessToken, [bought(), bought()])
    await on.say(account, { email_marketing: true })
    await on.record(accessToken, [bought()])
    // And one that the browser keeps from it.
    const refused = { context: { consent: { categoryPreferences: { Marketing: false } } } }
    await send('t', { type: 'track', event: 'Order Completed', userId: atShop, properties: { total: 10 }, ...refused })
    expect((await shop.graphql('{ me { traits { ordersLastYear } } }', {}, accessToken)).data.me.traits.ordersLastYear).toBe(4)
    const marketing = await shop.tool('marketing')
    const id = await idAt(marketing, 'person-30@people.example')
    const asked = 'query ($id: ID!) { customer(id: $id) { traits { ordersLastYear spentLastYear } recommendationContext { features { name values } } } }'
    const { data } = await shop.graphql(asked, { id }, marketing)
    expect(data.customer.traits).toEqual({ ordersLastYear: 1, spentLastYear: 10 })
    expect(data.customer.recommendationContext.features).toContainEqual({ name: 'ordersLastYear', values: ['1'] })
    for (const purpose of ['personalised_shop', 'email_marketing'])
      expect((await on.derived(customer))?.[purpose]).toEqual(await on.recomputed(customer, purpose))
  })

  test('F16 who browsed without a yes and then signs in with one brings nothing along', async () => {
    const { customer, id, accessToken } = await on.person('person-31', { personalised_shop: true })
    const track = { type: 'track', event: 'Product Viewed', properties: { category: 'ski' } }
    for (const categoryPreferences of [undefined, {}, { Personalisation: false }, { Marketing: false }]) {
      const anonymousId = randomUUID()
      await send('t', { ...track, anonymousId, ...(categoryPreferences && { context: { consent: { categoryPreferences } } }) })
      await send('i', { type: 'identify', userId: id, anonymousId })
      await on.record(accessToken, [], { anonymousId })
    }
    expect(await on.kept(customer)).toEqual([])
    expect(await on.derived(customer)).toBeUndefined()
  })

  test('F17 what a phone kept back counts neither after a no, nor for a yes that came later', async () => {
    const { accessToken, account, customer } = await on.person('person-32', { personalised_shop: true })
    const ago = (ms: number) => ({ ...on.viewed({ category: 'ski' }), timestamp: new Date(Date.now() - ms).toISOString() })
    const late = [ago(60_000), ago(3_600_000), ago(86_400_000)]
    // Before the yes that is in force.
    expect((await on.record(accessToken, late)).refused.map(({ reason }: { reason: string }) => reason)).toEqual(['NO_PURPOSE', 'NO_PURPOSE', 'NO_PURPOSE'])
    await on.agreedLongAgo(customer, 'personalised_shop')
    expect((await on.record(accessToken, [ago(60_000)])).accepted).toBe(1)
    await on.say(account, { personalised_shop: false })
    expect((await on.record(accessToken, late)).accepted).toBe(0)
    await on.say(account, { personalised_shop: true })
    expect((await on.record(accessToken, late)).accepted).toBe(0)
    expect((await on.record(accessToken, [on.viewed({ category: 'ski' })])).accepted).toBe(1)
  })
})

describe('segments', () => {
  test('F3 the name of a segment is told to who acts for its purpose, and stands nowhere else', async () => {
    const { accessToken, account, customer } = await on.person('person-40', { personalised_shop: true, email_marketing: true })
    await on.record(accessToken, [bought()])
    expect((await shop.db.collection<{ _id: string }>('customers').findOne({ _id: customer }))?.['memberships' as '_id']).toContain(
      `${secretSegment}@email_marketing`,
    )
    const all = 'segments { id title } recommendationContext { segments } affinities { name } traits { ordersLastYear }'
    const marketing = await shop.tool('marketing')
    const seen = await shop.graphql(`{ customers(segment: "${secretSegment}") { edges { node { ${all} } } } }`, {}, marketing)
    expect(seen.data.customers.edges[0].node.segments).toContainEqual({ id: secretSegment, title: secretSegment })
    expect((await shop.graphql(`{ me { ${all} } }`, {}, account)).data.me.segments).toContainEqual({ id: secretSegment, title: secretSegment })

    const others = [
      await shop.graphql(`{ me { id ${all} } }`, {}, accessToken),
      await shop.graphql(`{ purposes { id title text } }`, {}, accessToken),
      await shop.graphql(`{ customers { edges { node { ${all} } } } }`, {}, await shop.tool('ads')),
      await shop.graphql('{ auditEvents(first: 100) { edges { node { type clientId subjects purposes categories } } } }', {}, await shop.tool('operator')),
      await shop.graphql('{ __schema { types { name description fields { name } enumValues { name } } } }', {}, await shop.tool('operator')),
    ]
    for (const answer of others) expect(JSON.stringify([answer.data, answer.extensions, answer.errors])).not.toContain(secretSegment)
    const ads = await shop.tool('ads')
    const refusal = async (segment: string) => ({ ...(await take(shop.url, ads, segment, { purpose: 'personalised_ads', fields: '' })).error, reference: '' })
    expect(await refusal(secretSegment)).toEqual(await refusal('nothing'))
    const metrics = await (await fetch(`${shop.url}/metrics`)).text()
    const keys = (await redis.keys(`${shop.env.REDIS_PREFIX}*`)).join('\n')
    expect(`${metrics}${keys}${lines.join('')}`).not.toContain(secretSegment)
  })

  test('F4 who was taken out of a segment and who never was in it are one', async () => {
    const [never = '', left = '', withdrew = ''] = [
      ...(await addMembers(shop.db, 1, ['email_marketing'], [])),
      ...(await addMembers(shop.db, 1, ['email_marketing'], [`regulars@email_marketing`])),
      ...(await addMembers(shop.db, 1, ['email_marketing'], [`regulars@email_marketing`])),
    ]
    const customers = shop.db.collection<{ _id: string }>('customers')
    const marketing = await shop.tool('marketing')
    const list = '{ customers(segment: "regulars") { totalCount edges { node { segments { id } email } } } }'
    expect((await shop.graphql(list, {}, marketing)).data.customers.totalCount).toBe(2)
    await customers.updateOne({ _id: left }, { $set: { memberships: [] } })
    await customers.updateOne({ _id: withdrew }, { $set: { 'decisions.email_marketing.state': 'withdrawn', grants: [] } })
    const without = await shop.graphql(list, {}, marketing)
    expect(without.data.customers).toEqual({ totalCount: 0, edges: [] })
    await customers.deleteMany({ _id: { $in: [left, withdrew] } })
    const never2 = await shop.graphql(list, {}, marketing)
    expect([never2.data, never2.extensions]).toEqual([without.data, without.extensions])
    await customers.deleteOne({ _id: never })
  })

  test('F5 a membership that is still written does not outlive the yes: not in a list, not on the page of an audience, not with the person', async () => {
    const [member = ''] = await addMembers(shop.db, 1, ['email_marketing'], ['regulars@email_marketing'])
    const marketing = await shop.tool('marketing')
    const taken = async () => (await take(shop.url, marketing, 'regulars', { purpose: 'email_marketing', fields: 'email' })).people.length
    const listed = async () => (await shop.graphql('{ customers(segment: "regulars") { edges { node { id } } } }', {}, marketing)).data.customers.edges.length
    expect([await taken(), await listed()]).toEqual([1, 1])
    // The decision alone: the memberships stand as they stood.
    await shop.db.collection<{ _id: string }>('customers').updateOne({ _id: member }, { $set: { 'decisions.email_marketing.state': 'withdrawn' } })
    expect([await taken(), await listed()]).toEqual([0, 0])
    await shop.db.collection<{ _id: string }>('customers').deleteOne({ _id: member })
  })
})

describe('what is made of several things', () => {
  /** The demo's policy, where letters are told what people looked at and not what they bought. */
  const lookingOnly = readPolicy(
    demo
      .replace(
        '      - { category: user.behavior, form: FULL }\n    clients: [marketing]',
        '      - { category: user.behavior.browsing_history, form: FULL }\n    clients: [marketing]',
      )
      .replace('  - name: Order Completed\n    purposes: [personalised_shop, email_marketing]', '  - name: Order Completed\n    purposes: [personalised_shop]')
      .replaceAll(/( {2}- id: (?:winter_sport|regulars)\n.*\n {4}purposes: )\[personalised_shop, email_marketing\]/g, '$1[personalised_shop]')
      .replace(/ {2}- id: left_the_basket\n(?: {4}.*\n)*/, ''),
    'policy.yaml',
  )

  test('F1 is read by who may read all of them, though it was worked out; to others it is one whether there is any', async () => {
    await using house = await openHouse(lookingOnly)
    const event = (name: string, i: number): KeptEvent => ({
      id: `${name}${i}`,
      name,
      at: new Date(),
      receivedAt: new Date(),
      properties: { category: 'Prenatal vitamins', brand: 'Alm', total: 7 },
    })
    const events = ['Product Viewed', 'Order Completed'].flatMap((name) => [1, 2, 3].map((i) => event(name, i)))
    const derive = deriver(demoPolicy)
    // As a wider policy of before has left it.
    const derived = (kept: readonly KeptEvent[]) =>
      Object.fromEntries(['personalised_shop', 'email_marketing'].map((id) => [id, derive.apply(undefined, id, kept, Date.now(), [])]))
    const token = house.tokenFor('marketing', ['email_marketing'])
    const query =
      '{ customers { edges { node { affinities { name score } segments { id } traits { ordersLastYear spentLastYear lastBrandBought favouriteCategories } recommendationContext { interests { name } features { name values } segments } } } } }'
    const told = []
    for (const kept of [events, events.filter(({ name }) => name === 'Product Viewed')]) {
      const key = await house.addCustomer({
        granted: ['email_marketing', 'personalised_shop'],
        derived: derived(kept),
        memberships: ['winter_sport@email_marketing'],
      })
      told.push(String((await house.ask(query, { token })).text))
      await house.db.collection('customers').deleteOne({ _id: key as never })
    }
    expect(told[0]).toBe(told[1])
    const { node } = JSON.parse(told[0] ?? '').data.customers.edges[0]
    expect(node.traits).toEqual({ ordersLastYear: null, spentLastYear: null, lastBrandBought: null, favouriteCategories: ['Prenatal vitamins'] })
    expect(told[0]).not.toContain('"Alm"')
  })

  test('F2 special data is inferred for nobody who was not asked for just that', () => {
    const problemsOf = (text: string): string => {
      try {
        readPolicy(text, 'policy.yaml')
        return 'none'
      } catch (error) {
        return String(error)
      }
    }
    const health = (text: string) =>
      text.replaceAll('category: { type: String, category: user.behavior.browsing_history }', 'category: { type: String, category: user.health_and_medical }')
    const named = (basis: string, text = health(demo)) =>
      text
        .replaceAll(
          '      - { category: user.behavior, form: FULL }\n',
          '      - { category: user.behavior, form: FULL }\n      - { category: user.health_and_medical, form: FULL }\n',
        )
        .replaceAll('legalBasis: CONSENT', `legalBasis: ${basis}`)
        .replaceAll(/ {4}(?:validity|onGpc): .*\n/g, '')
    expect(problemsOf(health(demo))).toContain('does not cover user.health_and_medical in full')
    // A broad name is no name.
    const broad = health(demo).replaceAll('{ category: user.behavior, form: FULL }', '{ category: user, form: FULL }')
    expect(problemsOf(broad)).toContain('covers user.health_and_medical by user alone')
    expect(problemsOf(demo.replace('list: true, category: user.demographic.profile', 'list: true, category: user.demographic.religious_belief'))).toContain(
      'covers user.demographic.religious_belief by user.demographic alone',
    )
    expect(problemsOf(named('LEGITIMATE_INTEREST'))).toContain('user.health_and_medical is special data')
    expect(problemsOf(named('CONSENT'))).toBe('none')
  })
})
