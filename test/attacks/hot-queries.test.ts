import { afterAll, beforeAll, expect, test } from 'vitest'
import { behaviourOf, type Behaviour } from '../support/behaviour.ts'
import { byTheClock, isSweep } from '../support/by-the-clock.ts'
import { startShop, type Shop } from '../support/shop.ts'

/**
 * On a sharded cluster a query that does not name the shard key (`_id`, or the customer that `_id` begins with) asks every shard. These
 * may, since nobody waits for them at every click; any other is a defect.
 */
const mayAskAllShards = new Map([
  ['openid delete by customer', 'signing out everywhere: once in a while, and all that the customer has must go'],
  ['openid delete by _id,grant', 'the end of a grant: codes and refresh tokens carry random ids, and the grant is what they share'],
  ['openid find by _id,customer', 'the sessions of one customer, looked at when one of them ends'],
  ['customers find by $and', "a tool's list goes through all customers, a page at a time"],
  ['customers aggregate by $and', 'how long such a list is'],
  ['audit_log find by ', 'what operators look through is spread over all customers and processes'],
  ['audit_log find by $and', 'the same, narrowed down'],
  ['events find by _id', 'whether events are kept already: asked only after one of them was sent twice, or waited for somebody to sign in'],
  ['anonymous_events find by _id', 'the same'],
  ['clients find by ', 'a handful of rows, read by the clock and not by requests'],
])

type Filter = Readonly<Record<string, unknown>>

interface Sent {
  readonly collection: string
  readonly name: string
  readonly filter: Filter
}

let shop: Shop
let on: Behaviour
let sent: Sent[] = []
beforeAll(async () => {
  const watchCommands = (db: { getClient(): { on(event: 'commandStarted', listener: (event: Started) => void): unknown } }) =>
    void db.getClient().on('commandStarted', (event) => sent.push(...queriesOf(event)))
  shop = await startShop({ other: { watchCommands } })
  on = behaviourOf(shop)
  sent = []
})
afterAll(() => shop[Symbol.asyncDispose]())

interface Started {
  readonly commandName: string
  readonly command: Readonly<Record<string, unknown>>
}

/** The filters of one command; an insert has those that its documents would be found by. */
function queriesOf({ commandName: name, command }: Started): Sent[] {
  const collection = String(command[name])
  const many = (list: unknown, member: string): Filter[] => (Array.isArray(list) ? list : []).map((one) => (member === '' ? one : one[member]))
  const filters: Readonly<Record<string, () => Filter[]>> = {
    find: () => many([command], 'filter'),
    distinct: () => many([command], 'query'),
    count: () => many([command], 'query'),
    findAndModify: () => many([command], 'query'),
    aggregate: () => many(command['pipeline'], '$match').slice(0, 1),
    update: () => many(command['updates'], 'q'),
    delete: () => many(command['deletes'], 'q'),
    insert: () => many(command['documents'], ''),
  }
  return (filters[name]?.() ?? []).map((filter) => ({ collection, name, filter: filter ?? {} }))
}

function namesShardKey(filter: Filter): boolean {
  const { _id, $and } = filter
  if (Array.isArray($and) && $and.some(namesShardKey)) return true
  if (typeof _id === 'string') return true
  if (typeof _id !== 'object' || _id === null) return false
  if ('$in' in _id) return true
  // From `customer/` to what follows it: one chain, on one shard.
  return '$gt' in _id && '$lt' in _id && `${String(_id.$gt).slice(0, -1)}0` === _id.$lt && String(_id.$gt).endsWith('/')
}

const described = ({ collection, name, filter }: Sent): string => `${collection} ${name} by ${name === 'insert' ? '' : Object.keys(filter).sort().join()}`

/** What somebody did is found by whose it is. */
const ownKeys = new Map([
  ['events', 'customer'],
  ['anonymous_events', 'bucket'],
])
function namesOwner({ collection, filter }: Sent): boolean {
  const value = filter[ownKeys.get(collection) ?? '']
  return typeof value === 'string' || (typeof value === 'object' && value !== null && '$in' in value)
}

/** A page of everybody, by their keys. */
const isWalk = ({ _id, ...others }: Filter): boolean => typeof _id === 'object' && _id !== null && '$gt' in _id && Object.keys(others).length === 0

/** Alerts and checkpoints read whole stretches, by the clock and not for a request. */
const looksAround = ({ collection, name, filter }: Sent): boolean =>
  byTheClock.has(collection) || isSweep(filter) || (name !== 'update' && (collection === 'audit_log' || (collection === 'customers' && isWalk(filter))))
const strays = (): string[] =>
  [...new Set(sent.filter((one) => !looksAround(one) && !(ownKeys.has(one.collection) ? namesOwner(one) : namesShardKey(one.filter))).map(described))].sort()

test('logins, reads, decisions, renewals and sign-outs ask the one shard that knows', async () => {
  const anna = await shop.signIn('google', { as: 'anna' })
  await shop.signIn('google', { as: 'anna', client: 'storefront-b', scope: 'openid purpose:order_processing', browser: anna.browser })
  await shop.graphql('{ me { id email consents { purpose state } } }', {}, anna.accessToken)
  const no = { purpose: 'personalised_shop', granted: false }
  const decide = 'mutation ($d: [ConsentDecisionInput!]!) { setConsents(decisions: $d, idempotencyKey: "one") { id } }'
  for (let n = 0; n < 2; n++) await shop.graphql(decide, { d: [no] }, anna.accessToken)
  await shop.graphql('mutation { updateProfile(input: { givenName: "Anne" }) { id } }', {}, anna.accessToken)
  const input = { clientId: 'storefront', refreshToken: anna.refreshToken }
  const renewed = await shop.graphql('mutation ($input: RefreshTokensInput!) { refreshTokens(input: $input) { accessToken } }', { input })
  expect(renewed.errors).toBeUndefined()
  expect(sent.length).toBeGreaterThan(30)
  expect(strays()).toEqual(strays().filter((one) => one.startsWith('clients ')))

  await shop.graphql('mutation { logout }', {}, renewed.data.refreshTokens.accessToken)
  const ben = await shop.signIn('apple', { as: 'ben' })
  await shop.graphql('mutation { logout(everywhere: true) }', {}, ben.accessToken)
  const allowed = [...mayAskAllShards.keys()]
  expect(strays().filter((one) => !allowed.includes(one))).toEqual([])
})

test('a tool that reads customers by id asks for them by id; lists and the audit log go through all of them', async () => {
  const { accessToken } = await shop.signIn('google', { as: 'person-1' })
  const { data } = await shop.graphql('{ purposes { id textVersion } }')
  const { textVersion } = data.purposes.find((one: { id: string }) => one.id === 'email_marketing')
  const d = [{ purpose: 'email_marketing', granted: true, textVersion }]
  await shop.graphql('mutation ($d: [ConsentDecisionInput!]!) { setConsents(decisions: $d) { id } }', { d }, accessToken)
  const marketing = await shop.tool('marketing')
  const list = await shop.graphql('{ customers { totalCount edges { node { id } } } }', {}, marketing)
  const { id } = list.data.customers.edges[0].node
  sent = []
  const one = await shop.graphql('query ($id: ID!) { customer(id: $id) { email } }', { id }, marketing)
  expect(one.data.customer.email).toBe('person-1@people.example')
  expect(strays().filter((stray) => !stray.startsWith('clients '))).toEqual([])

  await shop.graphql('{ customers { totalCount edges { node { id } } } }', {}, marketing)
  const operator = await shop.tool('operator', 'audit:read')
  expect((await shop.graphql('{ auditEvents(first: 5) { edges { node { id } } } }', {}, operator)).errors).toBeUndefined()
  const allowed = [...mayAskAllShards.keys()]
  expect(strays().filter((stray) => !allowed.includes(stray))).toEqual([])
})

test('what somebody does is kept, waits for them, and goes, where they are', async () => {
  const { account, accessToken, id } = await on.person('person-2', { personalised_shop: true })
  const headers = { 'content-type': 'application/json', authorization: `Basic ${btoa('storefront-demo-write-key:')}` }
  const said = { type: 'track', event: 'Product Viewed', properties: { category: 'ski' } }
  const context = { consent: { categoryPreferences: { Personalisation: true } } }
  sent = []
  const batch = [
    { ...said, messageId: 'one', userId: id },
    { ...said, messageId: 'two', anonymousId: 'browser', context },
  ]
  const answer = await fetch(`${shop.url}/v1/batch`, { method: 'POST', headers, body: JSON.stringify({ batch }) })
  expect(answer.status).toBe(200)
  expect(
    sent
      .filter(({ collection }) => collection.endsWith('events'))
      .map(described)
      .sort(),
  ).toEqual(['anonymous_events insert by ', 'events insert by '])
  expect(strays()).toEqual([])
  await on.record(accessToken, [on.viewed({ category: 'ski' })], { anonymousId: 'browser' })
  await on.say(account, { personalised_shop: false })
  const allowed = [...mayAskAllShards.keys()]
  expect(strays().filter((one) => !allowed.includes(one))).toEqual([])
})
