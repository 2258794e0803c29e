import { composeServices } from '@apollo/composition'
import { ApolloGateway, LocalGraphQLDataSource } from '@apollo/gateway'
import { buildSubgraphSchema } from '@apollo/subgraph'
import { parse } from 'graphql'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, schemaOfDemo } from '../support/house.ts'

let house: Awaited<ReturnType<typeof openHouse>>
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house[Symbol.asyncDispose]())

const entities = 'query ($r: [_Any!]!) { _entities(representations: $r) { __typename ... on Customer { id email givenName } } }'
const orders = parse(`
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@external", "@requires", "@shareable"])
  type Customer @key(fields: "id") { id: ID! postcode: String @external shipping: String @requires(fields: "postcode") orders: [Order!]! }
  type Order @key(fields: "number") { number: ID! customer: Customer! }
  type Query { order(number: ID!): Order }
`)

/** A router: Apollo's gateway over our subgraph, which gets the caller's token, and one about orders. */
async function router(customerOf: Record<string, string>) {
  const ours = { name: 'entente', url: 'http://entente.invalid', typeDefs: parse(schemaOfDemo.sdl) }
  const { supergraphSdl, errors } = composeServices([ours, { name: 'orders', url: 'http://orders.invalid', typeDefs: orders }])
  if (supergraphSdl === undefined) throw new Error(String(errors))
  const resolvers = {
    Query: { order: (_: unknown, { number }: { number: string }) => ({ number }) },
    Order: { customer: ({ number }: { number: string }) => ({ __typename: 'Customer', id: customerOf[number] }) },
    Customer: {
      __resolveReference: (key: object) => key,
      orders: ({ id }: { id: string }) => [{ number: `of ${id}` }],
      shipping: ({ postcode }: { postcode: string | null }) => `to ${postcode ?? 'nobody knows where'}`,
    },
  }
  const local = new LocalGraphQLDataSource(buildSubgraphSchema([{ typeDefs: orders, resolvers }]))
  return (token: string | undefined) =>
    new ApolloGateway({
      supergraphSdl,
      buildService: ({ name }) =>
        name === 'orders'
          ? local
          : { process: ({ request }) => house.ask(request.query ?? '', { ...(token === undefined ? {} : { token }), variables: request.variables ?? {} }) },
    })
}

test('A8 A9 through a router the caller meets the same gate, and what another subgraph requires is what the caller may read', async () => {
  const anna = await house.addCustomer({ email: 'anna@canary.example', givenName: 'Anna', postcode: '10115', granted: ['email_marketing'] })
  const ben = await house.addCustomer({ email: 'ben@canary.example', givenName: 'Ben', refused: ['email_marketing'] })
  const [idOfAnna = '', idOfBen = ''] = house.ids.outward('marketing', [anna, ben])
  const [atShop = ''] = house.ids.outward('storefront', [anna])
  const routed = await router({ A: idOfAnna, B: idOfBen, C: atShop })
  const both =
    '{ a: order(number: "A") { customer { email givenName postcode shipping orders { number } } } b: order(number: "B") { number customer { email } } }'
  const ask = async (token: string | undefined, query = both) => {
    const gateway = routed(token)
    const { schema, executor } = await gateway.load()
    const document = parse(query)
    const operation = document.definitions[0]
    const result = await executor({
      document,
      operation,
      request: { query, variables: {} },
      queryHash: query,
      operationName: null,
      source: query,
      schema,
      schemaHash: '',
      context: {},
      cache: new Map(),
      logger: console,
      metrics: {},
      overallCachePolicy: {},
    } as never)
    await gateway.stop()
    return result
  }
  const allowed = await ask(house.tokenFor('marketing', ['email_marketing']))
  expect(allowed.errors).toBeUndefined()
  expect(allowed.data?.['a'].customer).toEqual({
    email: 'anna@canary.example',
    givenName: 'Anna',
    postcode: null,
    shipping: 'to nobody knows where',
    orders: [{ number: `of ${idOfAnna}` }],
  })
  const shopping = await ask(house.tokenFor('storefront', ['order_processing']), '{ c: order(number: "C") { customer { shipping } } }')
  expect(shopping.data?.['c'].customer).toEqual({ shipping: 'to 10115' })
  expect(JSON.stringify(allowed.data)).not.toContain('ben@canary.example')
  expect(JSON.stringify(await ask(undefined))).not.toContain('canary.example')
})

test('A6 A7 entities: the caller decides, and only the key of a representation is read', async () => {
  const anna = await house.addCustomer({ email: 'anna@canary.example', givenName: 'Anna', granted: ['email_marketing'] })
  const hidden = await house.addCustomer({ email: 'hidden@canary.example' })
  const token = house.tokenFor('marketing', ['email_marketing'])
  const [id = '', hiddenId = ''] = house.ids.outward('marketing', [anna, hidden])
  const [foreign = ''] = house.ids.outward('ads', [anna])
  const r = [
    { __typename: 'Customer', id, email: 'forged', decisions: {} },
    ...[hiddenId, foreign, 'made up'].map((one) => ({ __typename: 'Customer', id: one })),
  ]
  const answer = await house.ask(entities, { token, variables: { r } })
  expect(answer.errors).toBeUndefined()
  expect(answer.data._entities).toEqual([{ __typename: 'Customer', id, email: 'anna@canary.example', givenName: 'Anna' }, null, null, null])
  expect((await house.ask(entities, { variables: { r } })).status).toBe(401)
  for (const __typename of ['Query', 'Identity', 'Nothing']) {
    const wrong = await house.ask(entities, { token, variables: { r: [{ __typename, id }] } })
    expect(wrong.errors[0].extensions.code).toBe('BAD_USER_INPUT')
  }
})

test('the SDL a router asks for names the key and the classification', async () => {
  const operator = house.tokenFor('operator', [], null, { scopes: new Set(['audit:read']) })
  const { sdl } = (await house.ask('{ _service { sdl } }', { token: operator })).data._service
  for (const part of ['@link(url: "https://specs.apollo.dev/federation/v2', '@key(fields: "id")', '@personalData(category: "user.contact.email")'])
    expect(sdl).toContain(part)
})

test('A8 a subgraph cannot take our fields over', () => {
  const hostile = (fields: string) =>
    composeServices([
      { name: 'entente', url: 'http://a.invalid', typeDefs: parse(schemaOfDemo.sdl) },
      {
        name: 'hostile',
        url: 'http://b.invalid',
        typeDefs: parse(
          `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable"]) type Customer @key(fields: "id") { id: ID! ${fields} } type Query { x: Int }`,
        ),
      },
    ])
  expect(hostile('discount: Int').errors).toBeUndefined()
  expect(hostile('email: String').errors?.[0]?.message).toContain('non-shareable')
  expect(hostile('email: String @shareable').errors?.length).toBeGreaterThan(0)
})
