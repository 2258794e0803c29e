import { glob, readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { start } from '../../src/main.ts'
import { memoryLog } from '../support/callback.ts'
import { startShop, type Answer, type Shop } from '../support/shop.ts'

// What libraries let through when they are left alone, asked of a whole house over HTTP.
const { log, lines } = memoryLog()
let shop: Shop
let me: string
let tool: string
beforeAll(async () => {
  shop = await startShop({ other: { log } })
  me = (await shop.signIn('google', { as: 'person-600', client: 'account' })).accessToken
  tool = await shop.tool('marketing')
})
afterAll(() => shop[Symbol.asyncDispose]())

const update = 'mutation ($i: UpdateProfileInput!) { updateProfile(input: $i) { id givenName } }'
const code = ({ errors }: Answer) => errors?.[0]?.extensions.code

async function send(body: string) {
  const began = performance.now()
  const response = await fetch(`${shop.url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${me}` }, body })
  return { status: response.status, text: await response.text(), ms: performance.now() - began }
}

/** Refused as the caller's mistake, soon, with nothing of what was sent in the answer or the log, and nobody changed. */
async function refuses(
  query: string,
  variables: Record<string, unknown>,
  expected: string,
  { token = me, secret = 'canary-of-the-caller' } = {},
): Promise<void> {
  const rows = () => shop.db.collection('customers').find({}).toArray()
  const [before, from, began] = [await rows(), lines.length, performance.now()]
  const answer = await shop.graphql(query, variables, token)
  expect(performance.now() - began).toBeLessThan(1_000)
  expect([query.slice(0, 60), code(answer), [200, 400].includes(answer.status)]).toEqual([query.slice(0, 60), expected, true])
  expect(JSON.stringify(answer) + lines.slice(from).join('')).not.toContain(secret)
  expect(lines.slice(from).join('')).not.toContain('"defect"')
  expect(await rows()).toEqual(before)
}

describe('what GraphQL lets through', () => {
  const chain = (levels: number, line: (next: string) => string, last: string) =>
    Array.from({ length: levels }, (_, n) => `fragment F${n} on Customer { ${n === levels - 1 ? last : line(`F${n + 1}`)} }`).join(' ')

  test('E07 E08 fragments that double, run or walked', async () => {
    const seen = (next: string) => `a: seenBy(clientId: "a") { customer { ...${next} } } b: seenBy(clientId: "b") { customer { ...${next} } }`
    await refuses(`{ me { ...F0 } } ${chain(20, seen, 'id')}`, {}, 'QUERY_TOO_COSTLY')
    await refuses(`{ me { ...F0 } } ${chain(24, (next) => `...${next} ...${next}`, 'id')}`, {}, 'QUERY_TOO_COSTLY')
    expect((await shop.graphql(`{ me { ...F0 } } ${chain(3, (next) => `...${next}`, 'id')}`, {}, me)).errors).toBeUndefined()
  })

  test('E10 E11 a cost that comes in a variable, after a cheap one with the same text', async () => {
    const page = 'query ($n: Int) { customers(first: $n) { edges { node { id email } } } }'
    expect((await shop.graphql(page, { n: 1 }, tool)).errors).toBeUndefined()
    await refuses(page, { n: 1_000_000 }, 'QUERY_TOO_COSTLY', { token: tool })
    await refuses(page, { n: -1 }, 'BAD_USER_INPUT', { token: tool })
    expect((await shop.graphql(page, { n: 2 }, tool)).errors).toBeUndefined()
  })

  test('E15 C6 no suggestion, in the text or in a variable', async () => {
    for (const query of ['{ customr { id } }', '{ me { givenNam } }', 'query ($x: UpdatProfileInput) { __typename }']) {
      expect(JSON.stringify(await shop.graphql(query, {}, me))).not.toMatch(/Did you mean|customers|givenName"|UpdateProfileInput/)
    }
    await refuses(update, { i: { givenNam: 'canary-of-the-caller' } }, 'BAD_USER_INPUT')
  })

  test('E22 E26 E30 E32 E48 values of the wrong kind, operators, infinities, what is no text: refused unread', async () => {
    const secret = 'canary-of-the-caller'
    const wrong = [
      { birthYear: secret },
      { birthYear: 3_000_000_000 },
      { email: `${secret} is no address` },
      { country: secret },
      { locale: `${secret}!` },
      { givenName: { $gt: secret } },
      { givenName: [secret] },
      { givenName: `${secret}\0` },
      { givenName: `${secret}\ud800` },
      { givenName: secret.repeat(2_000) },
      { birthYear: 1 },
    ]
    for (const i of wrong) await refuses(update, { i }, 'BAD_USER_INPUT')
    await refuses(`mutation { updateProfile(input: { givenName: "${secret}\\u0000" }) { id } }`, {}, 'BAD_USER_INPUT')
    for (const id of [{ $gt: '' }, { $ne: null }, ['a', 'b'], { $where: secret }])
      await refuses('query ($id: ID!) { customer(id: $id) { id } }', { id }, 'BAD_USER_INPUT', { token: tool })
    const infinite = await send(`{"query":${JSON.stringify(update)},"variables":{"i":{"birthYear":1e999}}}`)
    expect([infinite.status, infinite.text.includes('BAD_USER_INPUT')]).toEqual([400, true])
    expect((await shop.graphql(update, { i: { givenName: 'Zoë', birthYear: 1990 } }, me)).data.updateProfile.givenName).toBe('Zoë')
  })

  test('E25 nesting that overflows readers', async () => {
    for (const body of [
      `{"query":"{ __typename }","variables":{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}}`,
      `{"query":"{ __typename }","variables":${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}}`,
      '['.repeat(40_000),
    ]) {
      const answer = await send(body)
      expect([answer.status, answer.text.includes('stack'), answer.ms < 1_000]).toEqual([400, false, true])
    }
    const within = await send(`{"query":"{ __typename }","variables":{"a":${'['.repeat(20)}${']'.repeat(20)}}}`)
    expect(within.status).toBe(200)
  })

  test('E33 of two members with one name the last one counts, at every layer', async () => {
    const twice = (first: string, second: string) => send(`{"query":${JSON.stringify(first)},"query":${JSON.stringify(second)}}`)
    const costly = 'query { customers(first: 1000000) { totalCount } }'
    expect(JSON.parse((await twice('{ me { id } }', '{ __typename }')).text)).toEqual({ data: { __typename: 'Query' } })
    expect(JSON.parse((await twice(costly, '{ __typename }')).text)).toEqual({ data: { __typename: 'Query' } })
    expect((await twice('{ __typename }', costly)).text).toContain('QUERY_TOO_COSTLY')
    const page = JSON.stringify('query ($n: Int) { customers(first: $n) { totalCount } }')
    expect((await send(`{"query":${page},"variables":{"n":1},"variables":{"n":1000000}}`)).text).toContain('QUERY_TOO_COSTLY')
    expect((await send(`{"query":${page},"variables":{"n":1,"n":1000000}}`)).text).toContain('QUERY_TOO_COSTLY')
    // In an address nothing may come twice.
    const get = (search: string) => fetch(`${shop.url}/graphql?${search}`, { headers: { 'content-type': 'application/json', 'apollo-require-preflight': '1' } })
    expect([(await get('query={__typename}&query={purposes{id}}')).status, (await get('query={__typename}')).status]).toEqual([400, 200])
  })

  test('E39 mutations of one document run as written, each on what the one before left; after the token has ended the rest fails', async () => {
    const anna = await shop.signIn('google', { as: 'person-602', client: 'account' })
    const { data } = await shop.graphql('{ purposes { id textVersion } }')
    const { textVersion } = data.purposes.find((one: { id: string }) => one.id === 'email_marketing')
    const decide = (granted: boolean) =>
      `setConsents(decisions: [{ purpose: "email_marketing", granted: ${granted}${granted ? `, textVersion: "${textVersion}"` : ''} }]) { consents { purpose state } }`
    const inTurn = Array.from({ length: 6 }, (_, n) => `d${n}: ${decide(n % 2 === 0)}`).join(' ')
    const answer = await shop.graphql(`mutation { ${inTurn} }`, {}, anna.accessToken)
    const said = Object.values<{ consents: { purpose: string; state: string }[] }>(answer.data).map(
      ({ consents }) => consents.find(({ purpose }) => purpose === 'email_marketing')?.state,
    )
    expect(said).toEqual(['GRANTED', 'WITHDRAWN', 'GRANTED', 'WITHDRAWN', 'GRANTED', 'WITHDRAWN'])
    expect(
      (await shop.graphql('{ customers(filter: { email: { eq: "person-602@people.example" } }) { totalCount } }', {}, tool)).data.customers.totalCount,
    ).toBe(0)

    const named = `mutation { a: ${update.slice(update.indexOf('updateProfile'), -1).replace('$i', '{ givenName: "Before" }')} out: logout(everywhere: true) b: updateProfile(input: { givenName: "After" }) { id } }`
    expect(code(await shop.graphql(named, {}, anna.accessToken))).toBe('UNAUTHENTICATED')
    expect((await shop.db.collection('customers').findOne({ email: 'person-602@people.example' }))?.['givenName']).toBe('Before')
    const many = Array.from({ length: 21 }, (_, n) => `l${n}: logout`).join(' ')
    expect(code(await shop.graphql(`mutation { ${many} }`, {}, me))).toBe('QUERY_TOO_COSTLY')
  })

  test('C7 where it went wrong is told in the caller’s own words', async () => {
    const broken = { email: 'person-600@people.example' }
    const kept = await shop.db.collection('customers').findOne(broken)
    await shop.db.collection('customers').updateOne(broken, { $set: { identities: [{ id: 'login', provider: 'google', linkedAt: 'no moment' }] } })
    const asked = [
      '{ mine: me { ...F } } fragment F on Customer { ways: identities { at: linkedAt } given: givenName }',
      'mutation { no: unlinkIdentity(id: "nothing") { __typename } }',
      'mutation { no: endSession(id: "nothing") }',
      '{ events: auditEvents { edges { node { at } } } }',
    ]
    const found = []
    for (const query of asked) {
      for (const { path = [] } of ((await shop.graphql(query, {}, me)).errors ?? []) as readonly { path?: readonly (string | number)[] }[]) {
        const words = new Set(query.match(/\w+/g))
        expect(path.filter((one) => typeof one === 'string' && !words.has(one))).toEqual([])
        found.push(path.join('.'))
      }
    }
    await shop.db.collection('customers').replaceOne(broken, kept ?? {})
    expect(found).toEqual(expect.arrayContaining(['mine.ways.0.at', 'no', 'events']))
  })

  test('C16 an unknown name and one that is not for the caller are answered alike', async () => {
    const other = await shop.signIn('google', { as: 'person-603', client: 'account' })
    const own = (await shop.graphql('{ me { id identities { id } sessions { id } } }', {}, other.accessToken)).data.me
    const alike = async (query: string, forbidden: string, unknown: string, token: string) => {
      const answers = await Promise.all(
        [forbidden, unknown].map(async (name) => {
          const { headers: _, ...answer } = await shop.graphql(query, { name }, token)
          return JSON.stringify(answer).replaceAll(name, 'NAME')
        }),
      )
      expect(answers[0]).toBe(answers[1])
      return answers[0]
    }
    const shopToken = (await shop.signIn('google', { as: 'person-600' })).accessToken
    const seen = 'query ($name: ID!) { me { seenBy(clientId: $name) { fields { field } } } }'
    expect(await alike(seen, 'ads', 'nobody-of-this-name', shopToken)).toContain('"seenBy":null')
    expect(
      await alike('mutation ($name: ID!) { unlinkIdentity(id: $name) { id } }', own.identities[0].id, 'x'.repeat(own.identities[0].id.length), me),
    ).toContain('errors')
    expect(await alike('mutation ($name: ID!) { endSession(id: $name) }', own.sessions[0].id, 'x'.repeat(own.sessions[0].id.length), me)).toContain('errors')
    expect(await alike('query ($name: ID!) { customer(id: $name) { id } }', own.id, 'x'.repeat(own.id.length), me)).toContain('"customer":null')
    const decide = 'mutation ($name: ID!) { setConsents(decisions: [{ purpose: $name, granted: false }]) { id } }'
    expect(await alike(decide, 'data_subject_access', 'nothing_like_that', me)).toContain('BAD_USER_INPUT')
    expect((await shop.graphql('mutation ($name: ID!) { endSession(id: $name) }', { name: own.sessions[0].id }, other.accessToken)).errors).toBeUndefined()
  })

  test('E21 C8 a defect below says a reference and nothing else', async () => {
    const kept = await shop.db.collection('customers').findOne({ email: 'person-600@people.example' })
    await shop.db
      .collection('customers')
      .updateOne({ email: 'person-600@people.example' }, { $set: { identities: [{ id: 'login', provider: 'google', linkedAt: 'canary-in-a-defect' }] } })
    const answer = await shop.graphql('{ me { identities { linkedAt } } }', {}, me)
    await shop.db.collection('customers').replaceOne({ email: 'person-600@people.example' }, kept ?? {})
    expect(code(answer)).toBe('INTERNAL_SERVER_ERROR')
    const { reference } = answer.errors?.[0]?.extensions as unknown as { reference: string }
    expect(lines.some((line) => line.includes(reference))).toBe(true)
    expect(JSON.stringify(answer) + lines.join('')).not.toContain('canary-in-a-defect')
    expect(JSON.stringify(answer)).not.toMatch(/stack|node_modules|\.ts|mongo|moment/i)
  })

  test('C9 no trace for whoever asks for one', async () => {
    for (const token of [me, tool, await shop.tool('operator'), undefined]) {
      const headers = {
        'content-type': 'application/json',
        'apollo-federation-include-trace': 'ftv1',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      }
      const text = await (await fetch(`${shop.url}/graphql`, { method: 'POST', headers, body: '{"query":"{ __typename purposes { id } }"}' })).text()
      expect([text.includes('"data"'), /ftv1|trace|duration/i.test(text)]).toEqual([true, false])
    }
  })
})

describe('what plain http lets through', () => {
  test('C68 no start under a public name without TLS; with TLS every answer holds browsers to it', async () => {
    for (const name of ['http://shops.example', 'http://10.0.0.1:4000', 'http://localhost.shops.example'])
      await expect(start({ ...shop.env, PUBLIC_URL: name })).rejects.toThrow('PUBLIC_URL must be https')
    await using secure = await start({ ...shop.env, PUBLIC_URL: 'https://localhost:4443' })
    const paths = ['/health/live', '/login', '/oidc/jwks', '/oidc/auth', '/login/google/callback', '/nothing']
    const heard = (base: string) =>
      Promise.all(paths.map(async (path) => (await fetch(base + path, { redirect: 'manual' })).headers.get('strict-transport-security')))
    for (const said of await heard(secure.address)) expect(said).toMatch(/^max-age=\d{8,}/)
    expect(await heard(shop.url)).toEqual(paths.map(() => null))
  })
})

describe('what a data base and its driver let through', () => {
  test.for(['secondary', 'secondaryPreferred', 'nearest', 'primaryPreferred', 'PRIMARYPREFERRED'])(
    'D9 no start with reads from elsewhere than the primary: %s',
    async (preference) => {
      const uri = `${shop.env.MONGODB_URI}${shop.env.MONGODB_URI.includes('?') ? '&' : '?'}readPreference=${preference}`
      await expect(start({ ...shop.env, MONGODB_URI: uri })).rejects.toThrow('must not ask for secondary reads')
    },
  )

  test('D1 D4 D7 nothing that outlives a request keeps answers, rows or verdicts', async () => {
    const sources: string[] = []
    for await (const file of glob('src/**/*.ts')) sources.push(file)
    const texts = await Promise.all(sources.map((file) => readFile(file, 'utf8')))
    expect(sources.length).toBeGreaterThan(100)
    // The one loader joins what is asked in a turn, and remembers nothing.
    const loader = sources.indexOf('src/storage/joined.ts')
    expect(texts[loader]).toContain('cache: false')
    expect(sources.filter((_, n) => n !== loader && /from '(dataloader|@apollo\/[\w.-]*cache[\w./-]*|keyv)'/.test(texts[n] ?? ''))).toEqual([])
    // The same question by two tools in turn, while the person decides in between: each answer is of its moment and its asker.
    const anna = await shop.signIn('google', { as: 'person-601' })
    const { data } = await shop.graphql('{ purposes { id textVersion } }')
    const { textVersion } = data.purposes.find((one: { id: string }) => one.id === 'email_marketing')
    const decide = (granted: boolean) =>
      shop.graphql(
        'mutation ($d: [ConsentDecisionInput!]!) { setConsents(decisions: $d) { id } }',
        { d: [{ purpose: 'email_marketing', granted, ...(granted && { textVersion }) }] },
        anna.accessToken,
      )
    const ads = await shop.tool('ads')
    const list = '{ customers { totalCount edges { node { email givenName } } } }'
    for (const granted of [true, false, true, false]) {
      expect((await decide(granted)).errors).toBeUndefined()
      const [marketing, advertising] = await Promise.all([shop.graphql(list, {}, tool), shop.graphql(list, {}, ads)])
      expect([marketing.data.customers.totalCount, advertising.data.customers.totalCount]).toEqual([granted ? 1 : 0, 0])
    }
  })
})
