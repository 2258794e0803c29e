import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openHouse } from '../support/house.ts'

let house: Awaited<ReturnType<typeof openHouse>>
let marketing: string
let ads: string
let shop: string

const people = [
  {
    email: 'anna@x.example',
    givenName: 'Anna',
    birthYear: 1984,
    postcode: '10115',
    country: 'DE',
    traits: { favouriteColours: ['red', 'blue'], newsletterRhythm: 'WEEKLY' },
    granted: ['email_marketing', 'personalised_ads'],
  },
  { email: 'ben@x.example', givenName: 'Ben', birthYear: 1989, postcode: '10999', country: 'DE', granted: ['email_marketing'] },
  { email: 'carla@x.example', givenName: 'Carla', birthYear: 1991, postcode: '80331', country: 'AT', granted: ['personalised_ads'] },
  { email: 'dora@x.example', givenName: 'Dora', birthYear: 1985, postcode: '10117', country: 'DE', refused: ['email_marketing', 'personalised_ads'] },
  { email: 'emil@x.example', givenName: 'Emil', birthYear: 1984, postcode: '10115', country: 'DE', granted: ['email_marketing'], restricted: true },
  { givenName: 'Fritz', granted: ['email_marketing'] },
]

beforeAll(async () => {
  house = await openHouse()
  for (const one of people) await house.addCustomer(one)
  marketing = house.tokenFor('marketing', ['email_marketing'])
  ads = house.tokenFor('ads', ['personalised_ads'])
  shop = house.tokenFor('storefront', ['order_processing', 'personalised_shop'])
})
afterAll(() => house[Symbol.asyncDispose]())

async function list(token: string, filter: object | null): Promise<string[]> {
  const query = 'query ($f: CustomerFilter) { customers(filter: $f) { totalCount edges { node { id givenName } } } }'
  const answer = await house.ask(query, { token, variables: { f: filter } })
  if (answer.errors) throw new Error(answer.errors[0].extensions.code)
  const found = answer.data.customers
  expect(found.totalCount).toBe(found.edges.length)
  const keys = found.edges.map((edge: { node: { id: string } }) =>
    house.ids.inward(token === ads ? 'ads' : token === shop ? 'storefront' : 'marketing', edge.node.id),
  )
  const rows = await house.db
    .collection('customers')
    .find({ _id: { $in: keys } })
    .toArray()
  return rows.map((row) => String(row['givenName'])).sort()
}

describe('a condition sees what the caller reads', () => {
  test('only customers whom the tool may process are listed and counted', async () => {
    expect(await list(marketing, null)).toEqual(['Anna', 'Ben', 'Fritz'])
    expect(await list(ads, null)).toEqual(['Anna', 'Carla'])
    expect(await list(shop, null)).toEqual(['Anna', 'Ben', 'Carla', 'Dora', 'Fritz'])
  })

  test('B1 a dead address is found by nobody who reads it on consent, neither by a condition nor by its negation', async () => {
    const found = async (token: string) => [await list(token, { email: { startsWith: 'ben' } }), await list(token, { not: { email: { startsWith: 'anna' } } })]
    const dead = (emailUndeliverable: boolean) => house.db.collection('customers').updateOne({ givenName: 'Ben' }, { $set: { emailUndeliverable } })
    expect(await found(marketing)).toEqual([['Ben'], ['Ben', 'Fritz']])
    await dead(true)
    expect(await found(marketing)).toEqual([[], ['Fritz']])
    expect((await found(shop))[0]).toEqual(['Ben'])
    expect(await list(marketing, null)).toContain('Ben')
    await dead(false)
    expect(await found(marketing)).toEqual([['Ben'], ['Ben', 'Fritz']])
  })

  test('B1 a field that is withheld matches neither a condition nor its negation', async () => {
    expect(await list(marketing, { postcode: { startsWith: '1' } })).toEqual([])
    expect(await list(marketing, { not: { postcode: { startsWith: '1' } } })).toEqual([])
    expect(await list(ads, { email: { startsWith: 'a' } })).toEqual([])
    expect(await list(ads, { not: { email: { eq: 'x' } } })).toEqual([])
    expect(await list(shop, { traits: { newsletterRhythm: { eq: 'WEEKLY' } } })).toEqual([])
  })

  test('E49 a reduced field is compared in its reduced form', async () => {
    expect(await list(marketing, { birthYear: { eq: 1984 } })).toEqual([])
    expect(await list(marketing, { birthYear: { eq: 1980 } })).toEqual(['Anna', 'Ben'])
    expect(await list(marketing, { birthYear: { gte: 1985 } })).toEqual([])
    expect(await list(marketing, { birthYear: { lte: 1984 } })).toEqual(['Anna', 'Ben'])
    expect(await list(marketing, { not: { birthYear: { in: [1980] } } })).toEqual(['Fritz'])
    expect(await list(ads, { postcode: { eq: '10115' } })).toEqual([])
    expect(await list(ads, { postcode: { startsWith: '101' } })).toEqual([])
    expect(await list(ads, { postcode: { eq: '10' } })).toEqual(['Anna'])
  })

  test('conditions, lists and logic', async () => {
    expect(await list(marketing, { email: { startsWith: 'b' } })).toEqual(['Ben'])
    expect(await list(marketing, { email: { startsWith: '.*' } })).toEqual([])
    expect(await list(marketing, { traits: { favouriteColours: { eq: 'blue' }, newsletterRhythm: { in: ['WEEKLY'] } } })).toEqual(['Anna'])
    expect(await list(marketing, { or: [{ givenName: { eq: 'Ben' } }, { country: { eq: 'DE' }, givenName: { startsWith: 'A' } }] })).toEqual(['Anna', 'Ben'])
    expect(await list(marketing, { not: { and: [{ country: { eq: 'DE' } }, { givenName: { eq: 'Ben' } }] } })).toEqual(['Anna', 'Fritz'])
  })

  test('B3 what is empty, null or too much is refused, never dropped', async () => {
    const many = { or: Array.from({ length: 40 }, () => ({ country: { eq: 'DE' } })) }
    for (const filter of [
      { email: {} },
      { email: null },
      { email: { eq: null } },
      { and: [] },
      { or: null },
      { country: { in: [] } },
      { not: { email: {} } },
      { traits: null },
      many,
    ])
      await expect(list(marketing, filter)).rejects.toThrow('BAD_USER_INPUT')
    await expect(list(ads, { email: {} })).rejects.toThrow('BAD_USER_INPUT')
  })

  test('B2 nobody who is withheld is on either side of any condition', async () => {
    const leaf = fc.oneof(
      fc.constantFrom({ postcode: { startsWith: '1' } }, { postcode: { in: ['10115', '80331'] } }),
      fc.constantFrom({ email: { startsWith: 'a' } }, { country: { eq: 'DE' } }, { birthYear: { gte: 1980 } }),
    )
    const { tree } = fc.letrec<{ tree: object }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 3 },
        leaf,
        tie('tree').map((not) => ({ not })),
        fc.array(tie('tree'), { minLength: 1, maxLength: 3 }).map((and) => ({ and })),
        fc.array(tie('tree'), { minLength: 1, maxLength: 3 }).map((or) => ({ or })),
      ),
    }))
    await fc.assert(
      fc.asyncProperty(tree, async (filter) => {
        const [holds, fails, all] = [await list(marketing, filter), await list(marketing, { not: filter }), await list(marketing, null)]
        expect(holds.filter((name) => fails.includes(name))).toEqual([])
        expect([...holds, ...fails].every((name) => all.includes(name))).toBe(true)
      }),
      { numRuns: 40 },
    )
  })
})

describe('places in a list', () => {
  const page =
    'query ($first: Int, $after: String, $f: CustomerFilter) { customers(first: $first, after: $after, filter: $f) { pageInfo { hasNextPage endCursor } edges { cursor node { givenName } } } }'
  const ask = (token: string, variables: Record<string, unknown>) => house.ask(page, { token, variables })

  test('B8 pages are full until the last, and hold everybody once', async () => {
    const names: string[] = []
    let after: string | null = null
    for (let more = true; more;) {
      const answer: Awaited<ReturnType<typeof ask>> = await ask(marketing, { first: 2, after })
      const { customers } = answer.data
      names.push(...customers.edges.map((edge: { node: { givenName: string } }) => edge.node.givenName))
      more = customers.pageInfo.hasNextPage
      if (more) expect(customers.edges).toHaveLength(2)
      after = customers.pageInfo.endCursor
    }
    expect(names.sort()).toEqual(['Anna', 'Ben', 'Fritz'])
  })

  test('E34 B6 a cursor edited, of another client, another filter or made up is refused', async () => {
    const { customers } = (await ask(marketing, { first: 1 })).data
    const cursor: string = customers.edges[0].cursor
    expect((await ask(marketing, { first: 1, after: cursor })).errors).toBeUndefined()
    expect(customers.pageInfo.endCursor).toHaveLength(cursor.length)
    const edited = `${cursor.slice(0, 40)}${cursor[40] === 'A' ? 'B' : 'A'}${cursor.slice(41)}`
    const tries = [
      [marketing, { after: edited }],
      [ads, { after: cursor }],
      [marketing, { after: cursor, f: { country: { eq: 'DE' } } }],
      [marketing, { after: Buffer.from('{"$gt":""}').toString('base64') }],
      [marketing, { after: '' }],
    ] as const
    for (const [token, variables] of tries) expect((await ask(token, variables)).errors?.[0].extensions.code).toBe('BAD_USER_INPUT')
  })

  test('E35 who withdraws between two pages is not on the second', async () => {
    await using other = await openHouse()
    const keys = [await other.addCustomer({ granted: ['email_marketing'] }), await other.addCustomer({ granted: ['email_marketing'] })].sort()
    const token = other.tokenFor('marketing', ['email_marketing'])
    const first = await other.ask(page, { token, variables: { first: 1 } })
    await other.db.collection('customers').updateOne({ _id: keys[1] as never }, { $set: { grants: [], decisions: {} } })
    const second = await other.ask(page, { token, variables: { first: 1, after: first.data.customers.pageInfo.endCursor } })
    expect([first.data.customers.edges.length, second.data.customers.edges.length]).toEqual([1, 0])
  })
})

test('lists are for tools, and need a token', async () => {
  const anna = await house.addCustomer()
  const query = '{ customers { edges { node { id } } } }'
  expect((await house.ask(query, { token: house.tokenFor('account', ['data_subject_access'], anna) })).errors[0].extensions.code).toBe('FORBIDDEN')
  expect((await house.ask(query)).status).toBe(401)
})
