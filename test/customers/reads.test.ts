import { afterAll, beforeAll, expect, test } from 'vitest'
import { joinedReads } from '../../src/storage/joined-reads.ts'
import { openHouse } from '../support/house.ts'

let house: Awaited<ReturnType<typeof openHouse>>
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house[Symbol.asyncDispose]())

test('D2 D3 many clients at once: one query a turn, each with what its own token opens', async () => {
  const keys = await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      house.addCustomer({
        email: `c${n}@canary.example`,
        givenName: `N${n}`,
        postcode: '10115',
        granted: n % 2 ? ['personalised_shop', 'personalised_ads'] : [],
      }),
    ),
  )
  const asks = keys.flatMap((key, n) => [
    house
      .ask('{ me { email postcode } }', { token: house.tokenFor('storefront', ['order_processing'], key) })
      .then((answer) => expect(answer.data.me).toEqual({ email: `c${n}@canary.example`, postcode: '10115' })),
    house
      .ask('{ me { givenName email postcode } }', { token: house.tokenFor('storefront', ['personalised_shop'], key) })
      .then((answer) =>
        expect(answer.data.me).toEqual(n % 2 ? { givenName: `N${n}`, email: null, postcode: '10' } : { givenName: null, email: null, postcode: null }),
      ),
    house
      .ask(`{ customer(id: "${house.ids.outward('ads', [key])[0]}") { postcode givenName } }`, { token: house.tokenFor('ads', ['personalised_ads']) })
      .then((answer) => expect(answer.data.customer).toEqual(n % 2 ? { postcode: '10', givenName: null } : null)),
  ])
  await Promise.all(asks)
})

test('joined: one fetch for a turn, and no row in two hands', async () => {
  const fetched: (readonly string[])[] = []
  const row = (key: string) => ({
    _id: key,
    state: 'active' as const,
    decisions: {},
    restricted: false,
    tokensValidFrom: new Date(0),
    endedGrants: [],
    consentVersion: 0,
    traits: { sizes: ['M'] },
  })
  const { read } = joinedReads({ readMany: (keys) => (fetched.push(keys), Promise.resolve(keys.filter((key) => key !== 'nobody').map(row))) })
  const [a, again, nobody, b] = await Promise.all([read('a', { email: 1 }), read('a', { traits: 1 }), read('nobody', { email: 1 }), read('b', { email: 1 })])
  expect(fetched).toEqual([['a', 'nobody', 'b']])
  expect([a?._id, again?._id, nobody, b?._id]).toEqual(['a', 'a', null, 'b'])
  expect(again).not.toBe(a)
  expect(again?.traits).not.toBe(a?.traits)
})

test('A13 D6 what a variable leaves out is neither read nor reported', async () => {
  const anna = await house.addCustomer({ email: 'anna@x.example', birthYear: 1984 })
  const token = house.tokenFor('storefront', ['order_processing'], anna)
  const query = 'query ($with: Boolean!) { me { email ...Year @include(if: $with) } } fragment Year on Customer { birthYear }'
  for (const on of [true, false, true]) {
    const answer = await house.ask(query, { token, variables: { with: on } })
    expect(answer.data.me).toEqual(on ? { email: 'anna@x.example', birthYear: null } : { email: 'anna@x.example' })
    expect(answer.extensions?.withheld?.length).toBe(on ? 1 : undefined)
  }
})

test('E1 E40 the answer of a mutation passes the gate, under any alias', async () => {
  const anna = await house.addCustomer({ email: 'anna@x.example', birthYear: 1984 })
  const token = house.tokenFor('storefront', ['order_processing'], anna)
  const answer = await house.ask('mutation { x: updateProfile(input: {givenName: "Anna"}) { a: givenName b: birthYear ... on Customer { c: birthYear } } }', {
    token,
  })
  expect(answer.data.x).toEqual({ a: 'Anna', b: null, c: null })
  expect(answer.extensions.withheld).toEqual([{ field: 'Customer.birthYear', category: 'user.demographic', reason: 'PURPOSE_NOT_GRANTED', count: 1 }])
})

test('E6 null and a reduced value that come back leave everything as it is', async () => {
  const anna = await house.addCustomer({ email: 'anna@x.example', birthYear: 1984, postcode: '10115', granted: ['personalised_shop'] })
  const token = house.tokenFor('storefront', ['personalised_shop'], anna)
  const update = (input: object) =>
    house.ask('mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { postcode } }', { token, variables: { input } })
  expect((await update({ email: null })).errors[0].extensions).toEqual({ code: 'BAD_USER_INPUT', field: 'email' })
  expect((await update({ postcode: '10' })).data.updateProfile).toEqual({ postcode: '10' })
  expect(await house.store.read(anna)).toMatchObject({ email: 'anna@x.example', postcode: '10115' })
  expect((await update({ postcode: null })).data.updateProfile).toEqual({ postcode: null })
  expect((await house.store.read(anna))?.postcode).toBeUndefined()
})

test('what a tool was given is in the audit log before it has it; what it asked in vain too', async () => {
  const anna = await house.addCustomer({ granted: ['email_marketing'] })
  const token = house.tokenFor('marketing', ['email_marketing'])
  const [id] = house.ids.outward('marketing', [anna])
  await house.ask(`{ customer(id: "${id}") { email pictureUrl } }`, { token })
  const read = await house.events.find({ subject: anna }, null, 5)
  expect(read.map(({ type, client, purposes, categories }) => ({ type, client, purposes, categories }))).toEqual([
    { type: 'data.read', client: 'marketing', purposes: ['email_marketing'], categories: ['user.contact.email'] },
  ])
  const denied = await house.events.find({ types: ['access.denied'], client: 'marketing' }, null, 5)
  expect(denied.map(({ categories }) => categories)).toEqual([['user.content.self_image']])
})

test('B3 C1 however often the edges of a list are selected, each customer is counted once', async () => {
  await house.addCustomer({ email: 'anna@x.example', birthYear: 1984, granted: ['email_marketing'] })
  await house.addCustomer({ email: 'ben@x.example', birthYear: 1991, granted: ['email_marketing'] })
  const token = house.tokenFor('marketing', ['email_marketing'])
  const once = await house.ask('{ customers { edges { node { pictureUrl birthYear } } } }', { token })
  const twice = await house.ask('{ customers { edges { node { pictureUrl } } again: edges { node { birthYear } } } }', { token })
  expect(once.extensions.withheld).toHaveLength(1)
  expect(twice.extensions).toEqual(once.extensions)
  expect(twice.data.customers.again).toHaveLength(twice.data.customers.edges.length)
})
