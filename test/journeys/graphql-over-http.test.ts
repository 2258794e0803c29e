import { serverAudits } from 'graphql-http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startShop, type Shop } from '../support/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await startShop()
})
afterAll(() => shop[Symbol.asyncDispose]())

test.for(['a stranger', 'the operator'])('the audit of GraphQL over HTTP finds no MUST broken for %s', async (who) => {
  const token = who === 'the operator' ? await shop.tool('operator') : null
  const asked = (url: string, init: RequestInit = {}) =>
    fetch(url, { ...init, headers: { ...init.headers, ...(token !== null && { authorization: `Bearer ${token}` }) } })
  const broken: string[] = []
  for (const audit of serverAudits({ url: `${shop.url}/graphql`, fetchFn: asked })) {
    const result = await audit.fn()
    if (result.status === 'error') broken.push(`${audit.name}: ${result.reason}`)
  }
  expect(broken.filter((one) => one.startsWith('MUST'))).toEqual([])
})

test('only the operator sees the schema; a type asked for by name is not there for others', async () => {
  const byName = '{ __type(name: "Customer") { name } }'
  const whole = '{ __schema { queryType { name } } }'
  const operator = await shop.tool('operator')
  expect((await shop.graphql(byName, {}, operator)).data).toEqual({ __type: { name: 'Customer' } })
  expect((await shop.graphql(whole, {}, operator)).data.__schema.queryType.name).toBe('Query')
  expect((await shop.graphql(byName)).data).toEqual({ __type: null })
  expect((await shop.graphql('{ __type(name: "Nothing") { name } }')).data).toEqual({ __type: null })
  const refused = await shop.graphql(whole)
  expect([refused.data, refused.errors?.[0]?.extensions.code]).toEqual([null, 'FORBIDDEN'])
})
