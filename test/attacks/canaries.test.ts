import { createHash, randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { subjects } from '../../src/access/subjects.ts'
import { searchable } from '../../src/consent/decisions.ts'
import type { CustomerRow, Decision } from '../../src/storage/customers.ts'
import { keyStore } from '../../src/storage/keys.ts'
import { openMongo } from '../../src/storage/mongo.ts'
import { everything, exists, expectedForm, fields, isShown, newCanary, purposeIds, purposesOf, scannerOf, versionOf, type Canary } from '../support/canaries.ts'
import { memoryLog } from '../support/callback.ts'
import { startShop, type Answer, type Shop } from '../support/shop.ts'

// Everybody's every stored value occurs once in the world. Whatever anybody is given is searched for all of them, and must hold exactly
// those that a second, naive gate allows: one too many is a leak, one too few a gate that refuses what it should not.

interface Person {
  readonly name: string
  readonly key: string
  readonly stored: Readonly<Record<string, string | number | readonly string[]>>
  readonly customer: { readonly restricted: boolean; readonly decisions: Readonly<Record<string, Decision>> }
}

interface Token {
  readonly name: string
  readonly client: string
  readonly token: string
  readonly purposes: readonly string[] | 'the person'
  /** Whose it is; null for a tool. */
  readonly person: Person | null
}

const { log, lines } = memoryLog()
let shop: Shop
let redis: Redis
let ids: (client: string, key: string) => string
const people: Person[] = []
const tokens: Token[] = []
const idTokens: string[] = []
const canaries: Canary[] = []
let scan: (text: string) => string[]

const decision = (state: Decision['state'], purpose: string, textVersion = versionOf(purpose)): Decision => ({ state, textVersion, at: new Date() })
const allOf = (state: Decision['state'], version?: string) => Object.fromEntries(purposeIds.map((id) => [id, decision(state, id, version)]))
const consentStates: Readonly<Record<string, Person['customer']>> = {
  willing: { restricted: false, decisions: allOf('granted') },
  silent: { restricted: false, decisions: {} },
  withdrawn: { restricted: false, decisions: allOf('withdrawn') },
  restricted: { restricted: true, decisions: allOf('granted') },
  outdated: { restricted: false, decisions: allOf('granted', 'of last year') },
  mixed: {
    restricted: false,
    decisions: {
      email_marketing: decision('granted', 'email_marketing'),
      personalised_ads: decision('refused', 'personalised_ads'),
      fraud_prevention: decision('objected', 'fraud_prevention'),
    },
  },
}

const shopTokens = [
  { client: 'storefront', purposes: ['order_processing', 'personalised_shop', 'fraud_prevention'] },
  { client: 'storefront-b', purposes: ['personalised_shop'] },
  { client: 'storefront-b', purposes: ['fraud_prevention'] },
]

beforeAll(async () => {
  shop = await startShop({ other: { log } })
  redis = new Redis(shop.env.REDIS_URL)
  const db = await openMongo(shop.env.MONGODB_URI)
  const outward = subjects(await keyStore(db, { current: shop.env.ENTENTE_SECRET }).obtain('subject/1'))
  await db.close()
  ids = (client, key) => outward.outwardOne(client, key)
  for (const [n, name] of Object.keys(consentStates).entries()) await addPerson(name, n)
  for (const client of ['marketing', 'ads']) tokens.push({ name: client, client, token: await shop.tool(client), purposes: purposesOf(client), person: null })
  scan = scannerOf(canaries)
}, 120_000)
afterAll(async () => {
  redis.disconnect()
  await shop[Symbol.asyncDispose]()
})

/** Signs in everywhere, then has every value in the database replaced. */
async function addPerson(name: string, n: number): Promise<void> {
  const as = `person-${7000 + n}`
  const address = `${newCanary()}@people.example`
  canaries.push({ person: name, field: 'address at the provider', value: address })
  shop.providers.google.misbehave({ email: address })
  const browser = shop.newBrowser()
  const signedIn = []
  for (const { client, purposes } of shopTokens) {
    const scope = ['openid', ...purposes.map((id) => `purpose:${id}`)].join(' ')
    signedIn.push({
      client,
      purposes,
      tokens: await shop.signIn('google', { as, client, scope, browser, consent: Object.fromEntries(purposes.map((id) => [id, true])) }),
    })
  }
  const account = await shop.signIn('google', { as, client: 'account', browser })
  const row = await shop.db.collection<CustomerRow>('customers').findOne({ email: address })
  if (row === null) throw new Error('nobody signed in')
  const stored = valuesOf(name, n)
  const { restricted, decisions } = consentStates[name] ?? { restricted: false, decisions: {} }
  const unnamed = { [newCanaryOf(name, 'purpose nobody has')]: decision('granted', 'nothing', newCanaryOf(name, 'text nobody has')) }
  const {
    traits: _,
    'traits.clothingSize': clothingSize,
    'traits.favouriteColours': favouriteColours,
    'traits.newsletterRhythm': newsletterRhythm,
    identities,
    ...plain
  } = stored
  const $set = {
    ...plain,
    traits: { clothingSize, favouriteColours, newsletterRhythm, hidden: newCanaryOf(name, 'traits.hidden') },
    'identities.0.email': identities,
    sources: { email: { from: newCanaryOf(name, 'source'), at: new Date() } },
    endedGrants: [{ grant: newCanaryOf(name, 'ended grant'), until: new Date(Date.now() + 3_600_000) }],
    unknownField: newCanaryOf(name, 'unknown field'),
    restricted,
    decisions: { ...decisions, ...unnamed },
    ...searchable({ ...decisions }),
  }
  await shop.db.collection<{ _id: string }>('customers').updateOne({ _id: row._id }, { $set })
  const person = { name, key: row._id, stored, customer: { restricted, decisions } }
  people.push(person)
  for (const { client, purposes, tokens: set } of signedIn) {
    tokens.push({ name: `${client} ${purposes.join(' ')} of ${name}`, client, token: set.accessToken, purposes, person })
    idTokens.push(set.idToken ?? '')
  }
  tokens.push({ name: `account of ${name}`, client: 'account', token: account.accessToken, purposes: 'the person', person })
  idTokens.push(account.idToken ?? '')
}

function newCanaryOf(person: string, field: string): string {
  const value = newCanary()
  canaries.push({ person, field, value })
  return value
}

function valuesOf(name: string, n: number): Person['stored'] {
  const own = (field: string, wrap = (canary: string) => canary): string => {
    const value = wrap(newCanary())
    canaries.push({ person: name, field, value })
    return value
  }
  return {
    email: own('email', (canary) => `${canary}@people.example`),
    givenName: own('givenName'),
    familyName: own('familyName'),
    pictureUrl: own('pictureUrl', (canary) => `https://pictures.example/${canary}.png`),
    birthYear: 1913 + 10 * n,
    postcode: own('postcode', (canary) => `${n}x${canary}`),
    country: own('country'),
    locale: own('locale'),
    'traits.clothingSize': own('traits.clothingSize'),
    'traits.favouriteColours': [own('traits.favouriteColours'), own('traits.favouriteColours')],
    'traits.newsletterRhythm': 'WEEKLY',
    identities: own('identities', (canary) => `${canary}@elsewhere.example`),
  }
}

type Shown = Readonly<Record<string, unknown>> & {
  readonly traits: Readonly<Record<string, unknown>>
  readonly identities: readonly { readonly email: string }[] | null
}

const at = (customer: Shown, field: string): unknown =>
  field === 'identities' ? (customer.identities?.[0]?.email ?? null) : field.startsWith('traits.') ? customer.traits[field.slice(7)] : customer[field]

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** What the naive gate says that this person looks like to that token: each field's value, or null. */
function expectShown(customer: Shown, person: Person, purposes: Token['purposes']): void {
  for (const field of Object.keys(fields)) {
    const form = expectedForm(field, purposes, person.customer)
    const stored = person.stored[field]
    const got = at(customer, field)
    const said = `${person.name} ${field} ${form}`
    if (form === 'FULL') expect([said, got]).toEqual([said, stored])
    else if (form === 'BAND') expect([said, got]).toEqual([said, Math.floor(Number(stored) / 10) * 10])
    else if (form === 'REGION') expect([said, got]).toEqual([said, String(stored).slice(0, 2)])
    else if (form === 'HASH matchable') expect([said, got]).toEqual([said, sha256(String(stored))])
    else if (form === 'HASH') expect([said, /^[0-9a-f]{64}$/.test(String(got)), got === sha256(String(stored))]).toEqual([said, true, false])
    else expect([said, got]).toEqual([said, null])
  }
}

/** The names under which the scanner finds what the naive gate allows. */
const allowed = (person: Person, purposes: Token['purposes']): string[] =>
  Object.keys(fields).flatMap((field) => {
    const form = expectedForm(field, purposes, person.customer)
    if (form === 'HASH matchable') return [`${person.name} ${field} sha256 hex`]
    return form === 'FULL' && field !== 'birthYear' && field !== 'traits.newsletterRhythm' ? [`${person.name} ${field} raw`] : []
  })

const wholeOf = ({ headers, ...body }: Answer): string => JSON.stringify([body, [...headers]])

/** Nothing but what is allowed, and all of it. */
function expectFound(answer: Answer, seen: readonly (readonly [Person, Token['purposes']])[]): void {
  expect(answer.errors).toBeUndefined()
  const wanted = seen.flatMap(([person, purposes]) => allowed(person, purposes))
  expect([...new Set(scan(wholeOf(answer)))].sort()).toEqual([...new Set(wanted)].sort())
}

const entities = `query ($r: [_Any!]!) { _entities(representations: $r) { ... on Customer { ${everything} } } }`
const existing = (token: Token): Person[] =>
  people.filter((person) => (token.person === null ? exists(token.purposes as string[], person.customer) : token.person === person))

describe('customers', () => {
  test('CAN A1 A5 A6 B12 I1 each token is shown what the naive gate shows, on every road to a customer', async () => {
    for (const token of tokens) {
      const visible = existing(token)
      const representations = people.map(({ key }) => ({ __typename: 'Customer', id: ids(token.client, key) }))
      const listed = await shop.graphql(entities, { r: representations }, token.token)
      expectFound(
        listed,
        visible.map((person) => [person, token.purposes]),
      )
      for (const [n, person] of people.entries()) {
        const one = await shop.graphql(`query ($id: ID!) { customer(id: $id) { ${everything} } }`, { id: ids(token.client, person.key) }, token.token)
        for (const customer of [one.data.customer, listed.data._entities[n]]) {
          if (visible.includes(person)) expectShown(customer, person, token.purposes)
          else expect([token.name, person.name, customer]).toEqual([token.name, person.name, null])
        }
        expectFound(one, visible.includes(person) ? [[person, token.purposes]] : [])
      }
    }
  }, 60_000)

  test('CAN B6 a tool’s list, its cursors and its count', async () => {
    for (const token of tokens.filter(({ person }) => person === null)) {
      const visible = existing(token)
      const list = await shop.graphql(
        `{ customers(first: 100) { totalCount pageInfo { endCursor } edges { cursor node { ${everything} } } } }`,
        {},
        token.token,
      )
      expect([list.data.customers.totalCount, list.data.customers.edges.length]).toEqual([visible.length, visible.length])
      expectFound(
        list,
        visible.map((person) => [person, token.purposes]),
      )
    }
  })

  test('CAN E1 the person’s own token: me under aliases, and the answer of a mutation', async () => {
    for (const token of tokens) {
      if (token.person === null) continue
      const me = await shop.graphql(`{ x: me { y: email ${everything} } }`, {}, token.token)
      expectShown(me.data.x, token.person, token.purposes)
      expectFound(me, [[token.person, token.purposes]])
      const written = await shop.graphql(`mutation { updateProfile(input: {}) { ${everything} } }`, {}, token.token)
      expectShown(written.data.updateProfile, token.person, token.purposes)
      expectFound(written, [[token.person, token.purposes]])
    }
  }, 60_000)

  test('CAN A19 seenBy tells the person what each client would get, and tells a shop nothing', async () => {
    const query = `query ($c: ID!) { me { id seenBy(clientId: $c) { customer { ${everything} } } } }`
    for (const token of tokens) {
      if (token.person === null) continue
      for (const client of ['storefront', 'marketing', 'ads', 'operator', 'nobody']) {
        const answer = await shop.graphql(query, { c: client }, token.token)
        const seen = answer.data.me.seenBy?.customer ?? null
        const purposes = purposesOf(client)
        const visible = token.purposes === 'the person' && exists(purposes, token.person.customer)
        expect([token.name, client, seen !== null]).toEqual([token.name, client, visible])
        if (visible) expectShown(seen, token.person, purposes)
        expectFound(answer, visible ? [[token.person, purposes]] : [])
      }
    }
  }, 60_000)
})

test('CAN G1 G2 G4 userinfo is what the gate gives as claims, and an ID token holds nobody’s values', async () => {
  const claims = { email: 'email', given_name: 'givenName', family_name: 'familyName', picture: 'pictureUrl', locale: 'locale' }
  for (const token of tokens) {
    const response = await fetch(`${shop.url}/oidc/me`, { headers: { authorization: `Bearer ${token.token}` } })
    const text = await response.text()
    if (token.person === null) {
      expect([token.name, scan(text)]).toEqual([token.name, []])
      continue
    }
    const body: Record<string, unknown> = JSON.parse(text)
    const { person } = token
    const wanted = Object.entries(claims).filter(([, field]) => expectedForm(field, token.purposes, person.customer) === 'FULL')
    for (const [claim, field] of Object.entries(claims))
      expect([token.name, claim, body[claim]]).toEqual([token.name, claim, wanted.some(([one]) => one === claim) ? person.stored[field] : undefined])
    expect(scan(text).sort()).toEqual(wanted.map(([, field]) => `${person.name} ${field} raw`).sort())
  }
  expect(idTokens.filter((one) => one.split('.').length === 3)).toHaveLength(people.length * 4)
  expect(scan([...idTokens, ...tokens.map(({ token }) => token)].join('\n'))).toEqual([])
})

test('CAN C6 E17 F19 what is sent comes back in no refusal, and the audit log, as an operator reads it, names nobody’s values', async () => {
  const sent = newCanaryOf('the caller', 'input')
  scan = scannerOf(canaries)
  const { token = '' } = tokens.find(({ purposes }) => purposes === 'the person') ?? {}
  const attempts: [string, Record<string, unknown>][] = [
    ...['email', 'locale', 'country', 'postcode'].map((field): [string, Record<string, unknown>] => [
      'mutation ($i: UpdateProfileInput!) { updateProfile(input: $i) { id } }',
      { i: { [field]: `${sent} ${'!'.repeat(40)}` } },
    ]),
    ['mutation ($i: UpdateProfileInput!) { updateProfile(input: $i) { id } }', { i: { birthYear: sent } }],
    ['mutation ($i: UpdateProfileInput!) { updateProfile(input: $i) { id } }', { i: { [sent]: sent } }],
    ['query ($c: String) { customers(after: $c) { totalCount } }', { c: sent }],
    ['mutation ($d: [ConsentDecisionInput!]!) { setConsents(decisions: $d) { id } }', { d: [{ purpose: sent, granted: true, textVersion: sent }] }],
    [
      'mutation ($i: CompleteLoginInput!) { completeLogin(input: $i) { accessToken } }',
      { i: { clientId: 'storefront', code: sent, codeVerifier: sent, redirectUri: sent } },
    ],
    [
      'mutation ($i: LoginWithIdTokenInput!) { loginWithIdToken(input: $i) { accessToken } }',
      { i: { clientId: 'storefront', provider: 'google', idToken: `${sent}.${sent}.${sent}`, nonce: sent } },
    ],
    ['mutation ($i: RefreshTokensInput!) { refreshTokens(input: $i) { accessToken } }', { i: { clientId: 'storefront', refreshToken: sent } }],
    ['mutation ($id: ID!) { unlinkIdentity(id: $id) { id } }', { id: sent }],
    ['query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }', { r: [{ __typename: sent, id: sent }] }],
  ]
  for (const [query, variables] of attempts) {
    const answer = await shop.graphql(query, variables, token)
    expect([query, answer.errors?.length, scan(wholeOf(answer))]).toEqual([query, 1, []])
  }
  const pages = await Promise.all(
    [`/oidc/auth?client_id=${sent}&state=${sent}`, `/login?uid=${sent}`, `/login/google/callback?code=${sent}&state=${sent}`, `/${sent}`].map((path) =>
      fetch(shop.url + path, { headers: { 'user-agent': sent, referer: `https://x.example/${sent}` } }),
    ),
  )
  expect(scan((await Promise.all(pages.map(async (one) => `${await one.text()} ${JSON.stringify([...one.headers])}`))).join('\n'))).toEqual([])
  const events = await shop.graphql(
    '{ auditEvents(first: 100) { edges { node { type clientId subjects purposes categories } } } }',
    {},
    await shop.tool('operator'),
  )
  expect(events.data.auditEvents.edges.length).toBeGreaterThan(20)
  expectFound(events, [])
})

describe('what is kept beside the customers', () => {
  const inRedis = async (): Promise<string> => {
    const keys = await redis.keys(`${shop.env.REDIS_PREFIX}*`)
    return (await Promise.all(keys.map(async (key) => `${key} ${await redis.get(key).catch(() => '')}`))).join('\n')
  }
  const inCollections = async (): Promise<string> => {
    const all = (await shop.db.collections()).filter(({ collectionName }) => collectionName !== 'customers')
    return JSON.stringify(await Promise.all(all.map(async (one) => [one.collectionName, await one.find({}).toArray()])))
  }
  const inMetrics = async (): Promise<string> => (await fetch(`${shop.url}/metrics`)).text()
  const places = { log: async () => lines.join(''), redis: inRedis, collections: inCollections, metrics: inMetrics }

  test('CAN D8 H1 H4 H9 H12 no value of anybody, in no form, in the log, in Redis, in the metrics, in any other collection', async () => {
    await shop.walk('google', { as: 'person-7999' })
    for (const [place, read] of Object.entries(places)) {
      const text = await read()
      expect([place, text.length > 100, scan(text)]).toEqual([place, true, []])
    }
    const lasting = (await Promise.all((await redis.keys(`${shop.env.REDIS_PREFIX}*`)).map(async (key) => [key, await redis.ttl(key)] as const))).filter(
      ([, ttl]) => ttl < 0,
    )
    expect(lasting).toEqual([])
  })

  test('the scanner finds what is planted, wherever it watches and in whatever form', async () => {
    const [{ value }] = canaries as [Canary]
    const core = /cnry[0-9a-f]{16}/.exec(value)?.[0] ?? ''
    const jwt = (claims: object) => `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.`
    const planted = [
      core,
      core.toUpperCase(),
      `?q=${encodeURIComponent(value)}`,
      Buffer.from(value).toString('hex'),
      jwt({ email: value }),
      ...['x', 'xy', 'xyz'].map((before) => Buffer.from(`${before}${value}`).toString('base64')),
      Buffer.from(`x${value}`).toString('base64url'),
      ...['md5', 'sha256', 'sha512'].flatMap((kind) => [createHash(kind).update(value).digest('hex'), createHash(kind).update(value).digest('base64')]),
    ]
    for (const text of planted) expect([text, scan(`before ${text} after`).length]).not.toEqual([text, 0])
    expect(scan(`nothing ${randomBytes(2_000).toString('base64')} ${randomBytes(2_000).toString('hex')}`)).toEqual([])

    log.info({ core }, 'planted')
    await redis.set(`${shop.env.REDIS_PREFIX}planted:${core}`, 'x', 'EX', 60)
    await shop.db.collection('planted').insertOne({ core })
    for (const place of ['log', 'redis', 'collections'] as const) expect([place, scan(await places[place]()).length]).not.toEqual([place, 0])
  })

  test('the naive gate is not the gate: where every field is open or shut alike, the fixture would prove nothing', () => {
    const forms = tokens.flatMap(({ purposes, person }) =>
      (person === null ? people : [person]).flatMap((one) => Object.keys(fields).map((field) => expectedForm(field, purposes, one.customer))),
    )
    for (const form of ['FULL', 'BAND', 'REGION', 'HASH', 'HASH matchable', 'PURPOSE_NOT_GRANTED', 'CONSENT_MISSING', 'CONSENT_WITHDRAWN', 'OBJECTED'])
      expect([form, forms.includes(form)]).toEqual([form, true])
    expect(forms.filter(isShown).length / forms.length).toBeGreaterThan(0.1)
  })
})
