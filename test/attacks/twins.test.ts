import fc from 'fast-check'
import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { subjects } from '../../src/access/subjects.ts'
import { searchable } from '../../src/consent/decisions.ts'
import { views, type ViewOf } from '../../src/consent/view.ts'
import type { CustomerRow, Decision } from '../../src/storage/customers.ts'
import { deriver, type DerivedState, type KeptEvent } from '../../src/personalization/derive.ts'
import { derivedReader } from '../../src/personalization/read-derived.ts'
import { keyStore } from '../../src/storage/keys.ts'
import { openMongo } from '../../src/storage/mongo.ts'
import { exists, expectedForm, fields, isShown, purposeIds, purposesOf, versionOf } from '../support/canaries.ts'
import { demoPolicy, schemaOfDemo } from '../support/house.ts'
import { askable, asks, fieldsOfCustomer, selectionOf } from '../support/questions.ts'
import { openTwins, type Twin, type Twins } from '../support/twins.ts'

// Two houses, alike but for one thing that the caller may not learn: a value, whether there is one, whether there is a customer, what
// somebody decided about a purpose that is none of the caller's business. Whatever is asked, both must answer alike, to the byte.

const isDeep = process.env['ENTENTE_DEEP'] === '1'
const runs = isDeep ? 3_000 : 120
/** All that may differ between two answers. An addition to this list is a decision about what callers may learn. */
const mayDiffer = new Set(['date'])

let twins: Twins
const base = new Map<string, CustomerRow>()
const persons: string[] = []
let callers: Caller[]
let idOf: (client: string, key: string) => string

interface Caller {
  readonly name: string
  readonly client: string
  readonly purposes: readonly string[]
  /** The customer whose token it is; null for a tool. */
  readonly key: string | null
  /** For either house. */
  readonly tokens: readonly [string, string]
}

beforeAll(async () => {
  twins = await openTwins()
  const db = await openMongo(twins.left.env.MONGODB_URI)
  const outward = subjects(await keyStore(db, { current: twins.left.env.ENTENTE_SECRET }).obtain('subject/1'))
  await db.close()
  idOf = (client, key) => outward.outwardOne(client, key)
  callers = await populate(twins)
}, 120_000)
afterAll(() => twins[Symbol.asyncDispose]())

const collection = ({ db }: Twin) => db.collection<CustomerRow>('customers')
const both = ({ both: houses }: Twins, work: (house: Twin) => Promise<unknown>) => Promise.all(houses.map(work))

/** Two persons who sign in, ten who never do, in every state of consent; the same rows in both houses. */
async function populate(houses: Twins): Promise<Caller[]> {
  const scopes: readonly (readonly [string, readonly string[]])[] = [
    ['storefront', ['order_processing', 'personalised_shop']],
    ['storefront-b', ['fraud_prevention']],
  ]
  const signIn = (house: Twin, as: string, client: string, purposes: readonly string[]) =>
    house.signIn('google', {
      as,
      client,
      scope: ['openid', ...purposes.map((id) => `purpose:${id}`)].join(' '),
      consent: Object.fromEntries(purposes.map((id) => [id, true])),
    })
  const made: Caller[] = []
  for (const as of ['person-8001', 'person-8002']) await signIn(houses.left, as, 'storefront', ['order_processing'])
  for (const name of ['customers', 'identities', 'emails'])
    await houses.right.db.collection(name).insertMany(await houses.left.db.collection(name).find({}).toArray())
  for (const as of ['person-8001', 'person-8002']) {
    const row = await collection(houses.left).findOne({ email: `${as}@people.example` })
    if (row === null) throw new Error('nobody signed in')
    persons.push(row._id)
    for (const [client, purposes] of scopes) {
      const tokens = [(await signIn(houses.left, as, client, purposes)).accessToken, (await signIn(houses.right, as, client, purposes)).accessToken] as const
      made.push({ name: `${client} for ${as}`, client, purposes, key: row._id, tokens })
    }
  }
  for (const client of ['marketing', 'ads'])
    made.push({ name: client, client, purposes: purposesOf(client), key: null, tokens: [await houses.left.tool(client), await houses.right.tool(client)] })
  for (let n = 0; n < 12; n++) {
    const row = rowOf(n, persons[n] ?? randomBytes(16).toString('base64url'))
    base.set(row._id, row)
  }
  await both(houses, async (house) => {
    await collection(house).deleteMany({})
    await collection(house).insertMany([...base.values()])
  })
  return made
}

const states = ['granted', 'refused', 'withdrawn', 'objected', 'pending', null] as const
const decision = (purpose: string, state: Decision['state']): Decision => ({ state, textVersion: versionOf(purpose), at: new Date('2026-10-01T00:00:00Z') })

function rowOf(n: number, key: string): CustomerRow {
  const decided = purposeIds.flatMap((id, i) => {
    const state = states[(n * 5 + i * 3 + Math.floor(n / 2)) % states.length]
    return state ? [[id, decision(id, state)] as const] : []
  })
  const decisions = Object.fromEntries(n % 4 === 0 ? purposeIds.map((id) => [id, decision(id, 'granted')]) : decided)
  return {
    _id: key,
    state: 'active',
    createdAt: new Date('2026-01-01T00:00:00Z'),
    sources: {},
    decisions,
    ...searchable(decisions),
    restricted: n === 8,
    tokensValidFrom: new Date(0),
    endedGrants: [],
    consentVersion: 0,
    identities: [{ id: `public-${n}`, key: `1:${n}`, provider: 'google', linkedAt: new Date(0), lastUsedAt: new Date(0), email: `first-${n}@people.example` }],
    memberships: ['personalised_shop', 'email_marketing']
      .filter((id) => n % 3 !== 1 && decisions[id]?.state === 'granted' && n !== 8)
      .map((id) => `regulars@${id}`),
    ledger: { seq: 0, hash: '' },
    audit: { seq: 0, hash: '' },
    ...(n % 3 === 2 ? {} : valuesOf(n)),
  }
}

/** What was derived for each purpose, out of few things or of many. */
const derivedOf = (n: number): NonNullable<CustomerRow['derived']> =>
  Object.fromEntries(['personalised_shop', 'email_marketing'].map((purpose, i) => [purpose, stateOf(n + i)]))

function stateOf(n: number): DerivedState {
  const event = (i: number): KeptEvent => ({
    id: `${n}/${i}`,
    name: i % 2 === 0 ? 'Order Completed' : 'Product Viewed',
    at: new Date(Date.now() - 3_600_000 * (i + 1)),
    receivedAt: new Date(),
    properties: { category: ['Winter sports', 'Tents'][n % 2] ?? '', brand: `Brand ${n}`, total: n },
  })
  return deriver(demoPolicy).apply(
    undefined,
    'personalised_shop',
    Array.from({ length: 2 + n }, (_, i) => event(i)),
    Date.now(),
    [],
  )
}

const valuesOf = (n: number) => ({
  derived: derivedOf(n),
  email: `${'abc'[n % 3]}${n}@people.example`,
  givenName: `Given ${n % 3}`,
  familyName: `Family ${n}`,
  pictureUrl: `https://pictures.example/${n}.png`,
  birthYear: 1960 + n * 4,
  postcode: `1${n % 3}${n}`,
  country: n % 2 === 0 ? 'DE' : 'FR',
  locale: n % 2 === 0 ? 'de' : 'fr',
  traits: { clothingSize: 'SML'[n % 3] ?? 'S', favouriteColours: ['red', `colour ${n}`], newsletterRhythm: n % 2 === 0 ? 'WEEKLY' : 'MONTHLY' },
})

/** One thing that the right house has otherwise. A null row is nobody. */
interface Difference {
  readonly what: string
  readonly key: string
  readonly left: CustomerRow | null
  readonly right: CustomerRow | null
  /** A condition that only the right house's value fulfils, where the field can be asked for. */
  readonly aimed?: object
}

const others: Readonly<Record<string, unknown>> = {
  birthYear: 1931,
  'traits.favouriteColours': ['other'],
  'traits.newsletterRhythm': 'MONTHLY',
  identities: [],
}

function withValue(row: CustomerRow, field: string, value: unknown): CustomerRow {
  const copy: CustomerRow = structuredClone(row)
  const [target, name] = field.startsWith('traits.') ? [(copy.traits ??= {}), field.slice(7)] : [copy, field]
  if (value === undefined) Reflect.deleteProperty(target, name)
  else Reflect.set(target, name, value)
  return copy
}

/** Of the fields that a filter knows. */
function aimedAt(field: string, value: string | number): { aimed?: object } {
  if (field === 'pictureUrl' || field === 'identities') return {}
  return { aimed: field.startsWith('traits.') ? { traits: { [field.slice(7)]: { eq: value } } } : { [field]: { eq: value } } }
}

const withDecision = (row: CustomerRow, purpose: string, state: (typeof states)[number]): CustomerRow => {
  const { [purpose]: _before, ...rest } = row.decisions
  const decisions = state === null ? rest : { ...rest, [purpose]: decision(purpose, state) }
  return { ...row, decisions, ...searchable(decisions) }
}

/** Everything that this caller may not learn of this customer, by the naive gate. */
function secretsFor(caller: Caller, row: CustomerRow): Difference[] {
  const key = row._id
  const apart = caller.key !== null && caller.key !== key
  const hidden = apart || (caller.key === null && !exists(caller.purposes, row))
  const values = Object.keys(fields).flatMap((field): Difference[] => {
    const form = apart ? 'nobody' : expectedForm(field, caller.purposes, row)
    const known = { key, left: withValue(row, field, others[field] ?? 'one') }
    if (form === 'BAND') return [{ ...known, what: `another ${field} of the decade`, left: withValue(row, field, 1981), right: withValue(row, field, 1988) }]
    if (form === 'REGION')
      return [{ ...known, what: `another ${field} of the region`, left: withValue(row, field, '10115'), right: withValue(row, field, '10999') }]
    if (isShown(form)) return []
    const value = field === 'birthYear' ? 1999 : 'another'
    const aimed = aimedAt(field, value)
    return [
      {
        ...known,
        ...aimed,
        what: `another ${field}`,
        right: withValue(row, field, field === 'identities' ? row.identities : field === 'traits.favouriteColours' ? [value] : value),
      },
      { ...known, ...aimed, what: `no ${field}`, right: withValue(row, field, field === 'identities' ? [] : undefined) },
    ]
  })
  const foreign = purposeIds.filter((id) => apart || !caller.purposes.includes(id))
  const decisions = foreign.flatMap((id) =>
    states.map((state) => ({ what: `${id} ${state ?? 'never asked'}`, key, left: row, right: withDecision(row, id, state) })),
  )
  const behaviour = ['personalised_shop', 'email_marketing'].flatMap((id): Difference[] => {
    if (!apart && caller.purposes.includes(id) && exists([id], row)) return []
    const { [id]: _before, ...left } = row.derived ?? {}
    return [
      { what: `something done, kept for ${id}`, key, left: { ...row, derived: left }, right: { ...row, derived: { ...left, [id]: stateOf(20) } } },
      { what: `something else done, kept for ${id}`, key, left: row, right: { ...row, derived: { ...left, [id]: stateOf(21) } } },
    ]
  })
  const there = hidden
    ? [
        { what: 'nobody', key, left: row, right: null },
        { what: 'erased', key, left: row, right: { ...row, state: 'erased' as const } },
      ]
    : []
  return [...values, ...decisions, ...behaviour, ...there]
}

const isExistence = ({ left, right }: Difference) => left === null || right === null || left.state !== right.state
const isDecision = ({ left, right }: Difference) => left?.decisions !== right?.decisions

const literals = ['a', 'b', 'a0@people.example', 'Given 1', 'one', 'another', '10', '101', 'DE', 'fr', 'S', 'red', 'other', '']
const years = [1930, 1931, 1960, 1980, 1981, 1988, 1990, 1999]
const text = fc.oneof(
  fc.record({ eq: fc.constantFrom(...literals) }),
  fc.record({ startsWith: fc.constantFrom(...literals) }),
  fc.record({ in: fc.subarray(literals, { minLength: 1 }) }),
)
const year = fc.oneof(
  ...['eq', 'gte', 'lte'].map((operator) => fc.constantFrom(...years).map((value) => ({ [operator]: value }))),
  fc.record({ in: fc.subarray(years, { minLength: 1 }) }),
)
const leaf = fc.oneof(
  fc.tuple(fc.constantFrom('email', 'givenName', 'familyName', 'postcode', 'country', 'locale'), text).map(([field, condition]) => ({ [field]: condition })),
  year.map((condition) => ({ birthYear: condition })),
  fc.tuple(fc.constantFrom('clothingSize', 'favouriteColours', 'newsletterRhythm'), text).map(([trait, condition]) => ({ traits: { [trait]: condition } })),
)
/** Trees of conditions; where there is one that tells the houses apart, it is among the leaves. */
const filterWith = (aimed: object | undefined) =>
  fc.letrec<{ filter: object }>((tie) => ({
    filter: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      aimed === undefined ? leaf : fc.oneof(leaf, fc.constant(aimed)),
      fc.array(tie('filter'), { minLength: 1, maxLength: 3 }).map((and) => ({ and })),
      fc.array(tie('filter'), { minLength: 1, maxLength: 3 }).map((or) => ({ or })),
      tie('filter').map((not) => ({ not })),
    ),
  })).filter

const { schema } = schemaOfDemo
const selection = selectionOf(schema)

interface Asked {
  readonly query: string
  readonly variables: Readonly<Record<string, unknown>>
}

/** Questions about this customer and others, in any of the ways that there are. */
const anyQuestion = (caller: Caller, { key, aimed }: Difference): fc.Arbitrary<Asked> => {
  const ids = fc.constant([key, ...base.keys(), randomBytes(16).toString('base64url')].map((one) => idOf(caller.client, one)))
  const one = fc
    .tuple(ids, selection)
    .map(([[id], fieldsAsked]): Asked => ({ query: `query ($id: ID!) { customer(id: $id) { ${fieldsAsked} } }`, variables: { id } }))
  const entities = fc.tuple(ids, selection).map(([all, fieldsAsked]): Asked => ({
    query: `query ($r: [_Any!]!) { _entities(representations: $r) { __typename ... on Customer { ${fieldsAsked} } } }`,
    variables: { r: all.slice(0, 5).map((id) => ({ __typename: 'Customer', id })) },
  }))
  if (caller.key !== null)
    return fc.oneof(
      one,
      entities,
      selection.map((fieldsAsked): Asked => ({ query: `{ me { ${fieldsAsked} } }`, variables: {} })),
    )
  const segment = fc.option(fc.constantFrom('regulars', 'winter_sport'), { nil: null, freq: 3 })
  const list = fc
    .tuple(
      fc.option(filterWith(aimed), { nil: undefined, freq: 3 }),
      fc.integer({ min: 1, max: 13 }),
      selection,
      caller.client === 'marketing' ? segment : fc.constant(null),
    )
    .map(([given, first, fieldsAsked, among]): Asked => ({
      query: `query ($f: CustomerFilter, $n: Int, $s: ID) { customers(filter: $f, segment: $s, first: $n, after: null) { totalCount pageInfo { hasNextPage endCursor } edges { cursor node { ${fieldsAsked} } } } }`,
      variables: { n: first, s: among, ...(given !== undefined && { f: given }) },
    }))
  const audience = fc.tuple(fc.constantFrom('regulars', 'winter_sport'), fc.integer({ min: 1, max: 13 }), selection).map(([id, first, fieldsAsked]): Asked => ({
    query: `query ($s: ID!, $n: Int) { audience(segment: $s, purpose: "email_marketing", first: $n, since: null, after: null) { people { ${fieldsAsked} } suppressed { id suppressed } cursor complete } }`,
    variables: { s: id, n: first },
  }))
  return fc.oneof(
    { arbitrary: list, weight: 4 },
    { arbitrary: one, weight: 1 },
    { arbitrary: entities, weight: 1 },
    ...(caller.client === 'marketing' ? [{ arbitrary: audience, weight: 1 }] : []),
  )
}

interface Trial {
  readonly caller: Caller
  readonly difference: Difference
  readonly asked: Asked
}
const anyTrial = (): fc.Arbitrary<Trial> =>
  fc
    .constantFrom(...callers, ...callers.filter(({ key }) => key === null)) // tools ask in more ways
    .chain((caller) => {
      const all = [...base.values()].flatMap((row) => secretsFor(caller, row))
      return fc.tuple(
        fc.constant(caller),
        fc.oneof({ arbitrary: fc.constantFrom(...all), weight: 3 }, { arbitrary: fc.constantFrom(...all.filter(isExistence)), weight: 1 }),
      )
    })
    .chain(([caller, difference]) => fc.record({ caller: fc.constant(caller), difference: fc.constant(difference), asked: anyQuestion(caller, difference) }))

async function put(house: Twin, key: string, row: CustomerRow | null): Promise<void> {
  if (row === null) await collection(house).deleteOne({ _id: key })
  else await collection(house).replaceOne({ _id: key }, row, { upsert: true })
}

/** All that a caller can see of an answer, and all that the database was asked for it. A cursor is sealed afresh each time, so its length counts. */
async function answerOf(house: Twin, token: string, asked: Asked) {
  house.commands.length = 0
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
  const response = await fetch(`${house.url}/graphql`, { method: 'POST', headers, body: JSON.stringify(asked) })
  const body = (await response.text()).replaceAll(/"(cursor|endCursor)":"([^"]*)"/g, (_, name: string, cursor: string) => `"${name}":${cursor.length}`)
  await fetch(`${house.url}/health/ready`) // what was begun before it has reached the database
  return { status: response.status, headers: [...response.headers].filter(([name]) => !mayDiffer.has(name)), body, commands: [...house.commands] }
}

/** How often each kind of thing was tried, for the test that this is a search at all. */
const tried = { withRows: 0, withheld: 0, list: 0 }

const alike =
  (houses: Twins) =>
  ({ caller, difference, asked }: Trial): Promise<void> =>
    alikeInAll(houses, caller, difference, [asked])

async function alikeInAll(houses: Twins, caller: Caller, { key, left, right }: Difference, questions: readonly Asked[]): Promise<void> {
  await Promise.all([put(houses.left, key, left), put(houses.right, key, right)])
  const heard = []
  for (const asked of questions) {
    const ask = async () => [await answerOf(houses.left, caller.tokens[0], asked), await answerOf(houses.right, caller.tokens[1], asked)] as const
    let [one, other] = await ask()
    // Some things are done by the clock, between the two or in one of them. What differs again and again is a difference.
    for (let again = 0; again < 4 && !isDeepStrictEqual(one, other); again++) [one, other] = await ask()
    heard.push({ asked, one, other })
  }
  await both(houses, (house) => put(house, key, base.get(key) ?? null))
  for (const { asked, one, other } of heard) {
    if (one.status !== 200) throw new Error(`a question that is no question: ${one.body}`)
    tried.withRows += Number(/"(id|__typename)":"/.test(one.body))
    tried.withheld += Number(one.body.includes('withheld'))
    tried.list += Number(asked.query.includes('customers('))
    expect(other).toEqual(one)
  }
}

const told = ({ caller, difference, asked }: Trial) => `${caller.name} may not learn: ${difference.what}\n${asked.query}\n${JSON.stringify(asked.variables)}`

test('TWIN A1 A4 A11 A16 B1 B2 B3 B4 B7 B12 C1 C2 C3 C4 C5 C11 C13 C14: what may not be learned changes no byte, no header, no order, no count, no command', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyTrial().map((trial) => Object.assign(trial, { [fc.toStringMethod]: () => told(trial) })),
      alike(twins),
    ),
    { numRuns: runs, endOnFailure: true },
  )
  // Enough of the questions were answered with something, and enough of them withheld something.
  for (const count of Object.values(tried)) expect(count).toBeGreaterThan(runs / 12)
}, 600_000)

test('TWIN the questions reach all that can be asked about customers: every field, every argument, every member of a condition', () => {
  const asked = new Set<string>()
  const [someone] = base.values()
  if (someone === undefined) throw new Error('nobody is there')
  const difference: Difference = { what: 'nothing', key: someone._id, left: someone, right: someone }
  for (const caller of callers)
    for (const { query, variables } of fc.sample(anyQuestion(caller, difference), { numRuns: 150, seed: 1 }))
      for (const one of asks(schema, query, variables)) asked.add(one)
  expect(askable(schema).size).toBeGreaterThan(100)
  expect([...askable(schema)].filter((one) => !asked.has(one))).toEqual([])
}, 60_000)

// Of what was decided, and of whom there is, every fifth; with ENTENTE_DEEP=1 all of it.
test('TWIN B2 C1: the same over every secret there is, by the question that shows most', async () => {
  // Each half of the fields, since all of them for everybody would cost too much.
  const parts = [0, 1].map((half) =>
    fieldsOfCustomer(schema)
      .filter((_, n) => n % 2 === half)
      .join(' '),
  )
  const f = {
    or: [
      { email: { startsWith: 'a' } },
      { not: { email: { startsWith: 'a' } } },
      { birthYear: { gte: 1980 } },
      { not: { traits: { clothingSize: { eq: 'S' } } } },
    ],
  }
  const [half = '', rest = ''] = parts
  const among = (fieldsAsked: string, variables: Asked['variables']): Asked => ({
    query: `query ($f: CustomerFilter) { customers(filter: $f, first: 13) { totalCount edges { cursor node { ${fieldsAsked} } } } }`,
    variables,
  })
  for (const caller of callers) {
    const lists = [among(half, { f }), among(half, {}), among(rest, {}), among(rest, { f: { birthYear: { gte: 1985 } } })]
    const byId = (key: string) =>
      parts.map((fieldsAsked): Asked => ({ query: `query ($id: ID!) { customer(id: $id) { ${fieldsAsked} } }`, variables: { id: idOf(caller.client, key) } }))
    const [fifth] = [...base.keys()].slice(4)
    const differences = [...base.values()]
      .flatMap((row) => secretsFor(caller, row))
      .filter((one) => one.key === (caller.key ?? fifth) || (caller.key === null && isExistence(one)))
      .filter((one, n) => isDeep || n % 5 === 0 || !(isDecision(one) || isExistence(one)))
    for (const difference of differences) {
      const { aimed } = difference
      const atIt =
        aimed === undefined ? [] : [aimed, { not: aimed }, { or: [{ not: { and: [aimed] } }, aimed] }].map((one, n) => among(parts[n % 2] ?? half, { f: one }))
      const mine = parts.map((fieldsAsked): Asked => ({ query: `{ me { ${fieldsAsked} } }`, variables: {} }))
      await alikeInAll(twins, caller, difference, caller.key === null ? [...lists, ...atIt, ...byId(difference.key)] : mine)
    }
  }
}, 600_000)

test('TWIN the comparison sees a leak when there is one: the year where only its decade is allowed', async () => {
  const gate = views({ policy: demoPolicy, hashFor: (client, value) => `${client}${value.length}`, readDerived: derivedReader(demoPolicy), now: Date.now })
  const leaking: ViewOf = (row, site, caller, report) => {
    const view = gate(row, site, caller, report)
    return view.birthYear === null ? view : { ...view, birthYear: row.birthYear ?? null }
  }
  const kept = { base: new Map(base), persons: persons.splice(0), callers }
  base.clear()
  await using leaky = await openTwins({ viewOf: leaking })
  callers = await populate(leaky)
  try {
    const caller = callers.find(({ name }) => name === 'marketing')
    const difference = [...base.values()]
      .flatMap((row) => (caller === undefined ? [] : secretsFor(caller, row)))
      .find(({ what }) => what === 'another birthYear of the decade')
    if (caller === undefined || difference === undefined) throw new Error('nothing to leak')
    const found = await fc.check(
      fc.asyncProperty(selection, async (fieldsAsked) =>
        alike(leaky)({ caller, difference, asked: { query: `{ customers { edges { node { ${fieldsAsked} } } } }`, variables: {} } }),
      ),
      { numRuns: 30, endOnFailure: true },
    )
    expect(found.failed).toBe(true)
  } finally {
    base.clear()
    for (const [key, row] of kept.base) base.set(key, row)
    persons.splice(0, persons.length, ...kept.persons)
    callers = kept.callers
  }
}, 120_000)
