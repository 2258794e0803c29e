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

  test('E21 C8 a defect below says a reference and nothing else', async () => {
    const kept = await shop.db.collection('customers').findOne({ email: 'person-600@people.example' })
    await shop.db.collection('customers').updateOne({ email: 'person-600@people.example' }, { $set: { 'traits.favouriteColours': 'canary-in-a-defect' } })
    const answer = await shop.graphql('{ me { traits { favouriteColours } } }', {}, me)
    await shop.db.collection('customers').replaceOne({ email: 'person-600@people.example' }, kept ?? {})
    expect(code(answer)).toBe('INTERNAL_SERVER_ERROR')
    const { reference } = answer.errors?.[0]?.extensions as unknown as { reference: string }
    expect(lines.some((line) => line.includes(reference))).toBe(true)
    expect(JSON.stringify(answer) + lines.join('')).not.toContain('canary-in-a-defect')
    expect(JSON.stringify(answer)).not.toMatch(/stack|node_modules|\.ts|mongo|Iterable/i)
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
    // The one loader joins reads of a turn, and remembers nothing.
    const loader = sources.indexOf('src/storage/joined-reads.ts')
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
