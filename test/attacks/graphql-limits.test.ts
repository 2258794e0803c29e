import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openHouse } from '../support/house.ts'

let house: Awaited<ReturnType<typeof openHouse>>
let me: string
let tool: string
let operator: string
beforeAll(async () => {
  house = await openHouse()
  const anna = await house.addCustomer({ givenName: 'Anna', email: 'anna@canary.example', granted: ['email_marketing'] })
  me = house.tokenFor('account', ['data_subject_access'], anna)
  tool = house.tokenFor('marketing', ['email_marketing'])
  operator = house.tokenFor('operator', [], null, { scopes: new Set(['audit:read']) })
})
afterAll(() => house[Symbol.asyncDispose]())

/** Refused with that code and status, fast, and without words about limits or the schema. */
async function refused(query: string, code: string, { status = 400, within = 500, token = me, variables = {} } = {}) {
  const start = performance.now()
  const answer = await house.ask(query, { token, variables })
  expect(performance.now() - start).toBeLessThan(within)
  expect(answer.errors?.[0]?.extensions.code).toBe(code)
  expect(answer.status).toBe(status)
  expect(answer.data).toBeUndefined()
  expect(JSON.stringify(answer.errors)).not.toMatch(/\d|Did you mean/)
}

const nested = (levels: number, inner = 'id') => 'seenBy(clientId: "ads") { customer { '.repeat(levels) + inner + ' } }'.repeat(levels)
const doubling = (levels: number, line: (next: string) => string, last: string) =>
  Array.from({ length: levels }, (_, n) => `fragment F${n} on Customer { ${n === levels - 1 ? last : line(`F${n + 1}`)} }`).join(' ')

describe('size', () => {
  test('E01 depth: fields, fragments and introspection', async () => {
    await refused(`{ me { ${nested(25)} } }`, 'QUERY_TOO_COSTLY')
    await refused(`{ me { ...F0 } } ${doubling(25, (next) => `seenBy(clientId: "a") { customer { ...${next} } }`, 'id')}`, 'QUERY_TOO_COSTLY')
    await refused(`{ __schema { types { fields { type { ${'ofType { '.repeat(50)} name ${'} '.repeat(50)} } } } } }`, 'QUERY_TOO_COSTLY', { token: operator })
    expect((await house.ask(`{ me { ${nested(3)} } }`, { token: me })).errors).toBeUndefined()
  })

  test('E02 aliases: of a query, a mutation, __typename', async () => {
    const many = (field: string) => Array.from({ length: 100 }, (_, n) => `a${n}: ${field}`).join(' ')
    await refused(`{ ${many('me { id }')} }`, 'QUERY_TOO_COSTLY')
    await refused(`mutation { ${many('logout')} }`, 'QUERY_TOO_COSTLY')
    await refused(`{ ${many('__typename')} }`, 'QUERY_TOO_COSTLY')
    // Below the root, where more fields may stand.
    await refused(`{ me { ${many('id')} } }`, 'QUERY_TOO_COSTLY')
    expect((await house.ask(`{ me { ${many('id').split(' a30:')[0]} } }`, { token: me })).errors).toBeUndefined()
  })

  test('E04 directives by the thousand', async () => {
    await refused(`{ me ${'@a '.repeat(5_000)} { id } }`, 'QUERY_TOO_COSTLY')
    await refused(`{ me ${'@include(if: true) '.repeat(200)} { id } }`, 'QUERY_TOO_COSTLY')
  })

  test('E05 tokens: many, nested deep, ten thousand fragments', async () => {
    await refused(`{ ${'me '.repeat(50_000)} }`.slice(0, 60_000) + '}', 'QUERY_TOO_COSTLY')
    await refused(`{ customers(filter: {or: ${'['.repeat(2_500)}${']'.repeat(2_500)}}) { totalCount } }`, 'QUERY_TOO_COSTLY', { token: tool })
    await refused(`{ me { id } } ${Array.from({ length: 1_000 }, (_, n) => `fragment F${n} on Customer { id }`).join(' ')}`, 'QUERY_TOO_COSTLY')
  })

  test('E06 fragments that spread themselves', async () => {
    await refused('{ me { ...A } } fragment A on Customer { ...B } fragment B on Customer { ...A }', 'QUERY_TOO_COSTLY')
    await refused('{ me { id } } fragment A on Customer { ...A }', 'QUERY_TOO_COSTLY')
  })

  test('E07 a kilobyte that unfolds to a million fields is refused in 50 ms', async () => {
    const line = (next: string) => `a: seenBy(clientId: "a") { customer { ...${next} } } b: seenBy(clientId: "b") { customer { ...${next} } }`
    await refused(`{ me { ...F0 } } ${doubling(8, line, 'id')}`, 'QUERY_TOO_COSTLY', { within: 50 })
    await refused(`{ me { ...F0 } } ${doubling(30, line, 'id')}`, 'QUERY_TOO_COSTLY', { within: 50 })
    // Shallow, few aliases, small sets: only the fields of the whole are too many.
    await refused(`{ me { ...F0 } } ${doubling(4, line, 'id '.repeat(90))}`, 'QUERY_TOO_COSTLY', { within: 50 })
    expect((await house.ask(`{ me { ...F0 } } ${doubling(4, line, 'id '.repeat(60))}`, { token: me })).errors).toBeUndefined()
  })

  test('E08 fragments spread twice cost nothing to walk', async () => {
    await refused(`{ me { ...F0 } } ${doubling(24, (next) => `...${next} ...${next}`, 'id')}`, 'QUERY_TOO_COSTLY', { within: 50 })
    // Nothing in it that could be counted: what is walked once is not walked again.
    await refused(`{ me { id ...F0 } } ${doubling(24, (next) => `...${next} ...${next}`, '...Nowhere')}`, 'GRAPHQL_VALIDATION_FAILED', { within: 200 })
  })

  test('E09 validation that compares each field with each', async () => {
    await refused(`{ ${'me { id } '.repeat(280)} }`, 'QUERY_TOO_COSTLY')
    await refused(`{ me { ${'... on Customer { email email email email email } '.repeat(120)} } }`, 'QUERY_TOO_COSTLY')
    await refused(`{ me { ${Array.from({ length: 200 }, (_, n) => `x: accessLog(first: ${n + 1}) { edges { cursor } }`).join(' ')} } }`, 'QUERY_TOO_COSTLY')
  })
})

describe('cost', () => {
  const page =
    'query ($n: Int) { customers(first: $n) { edges { node { id email givenName familyName pictureUrl birthYear postcode country locale traits { clothingSize newsletterRhythm } } } } }'

  test('E10 E11 a cost in a variable is counted for each request anew', async () => {
    expect((await house.ask(page, { token: tool, variables: { n: 500 } })).errors).toBeUndefined()
    expect((await house.ask(page, { token: tool, variables: { n: 1_000 } })).errors).toBeUndefined()
    await refused(page, 'QUERY_TOO_COSTLY', { token: tool, variables: { n: 1_000_000 } })
    await refused(page, 'BAD_USER_INPUT', { token: tool, variables: { n: -1 } })
    await refused(page, 'BAD_USER_INPUT', { token: tool, variables: { n: 0 } })
    expect((await house.ask(page, { token: tool, variables: { n: null } })).errors).toBeUndefined()
    await refused(page.replace('$n: Int', '$n: Int = 5000'), 'QUERY_TOO_COSTLY', { token: tool })
    await refused('{ customers(first: 100000) { totalCount } }', 'QUERY_TOO_COSTLY', { token: tool })
  })

  test('B18 what may be asked is the same, however many there are and whatever they decided', async () => {
    const nested = (first: number) => `{ customers(first: ${first}) { edges { node { id email accessLog(first: 20) { edges { node { at purposes } } } } } } }`
    const most = async (): Promise<number> => {
      let [passed, refusedAt] = [0, 1_000]
      while (refusedAt - passed > 1) {
        const middle = Math.floor((passed + refusedAt) / 2)
        if ((await house.ask(nested(middle), { token: tool })).errors === undefined) passed = middle
        else refusedAt = middle
      }
      return passed
    }
    const before = await most()
    for (let n = 0; n < 30; n++) await house.addCustomer({ email: `b18-${n}@canary.example`, [n % 2 ? 'granted' : 'refused']: ['email_marketing'] })
    expect([before > 10, await most()]).toEqual([true, before])
  })

  test('E12 E13 lists in lists multiply, and the answer names no number', async () => {
    const both = (first: number) =>
      `{ customers(first: ${first}) { edges { node { accessLog(first: 50) { edges { node { at clientId purposes categories } } } } } } }`
    await refused(both(100), 'QUERY_TOO_COSTLY', { token: tool })
    expect((await house.ask(both(5), { token: tool })).errors).toBeUndefined()
  })

  test('E17 a thousand representations count as a thousand customers', async () => {
    const query = 'query ($r: [_Any!]!) { _entities(representations: $r) { ... on Customer { id email accessLog { edges { cursor } } } } }'
    const r = Array.from({ length: 1_001 }, () => ({ __typename: 'Customer', id: 'x' }))
    await refused(query, 'QUERY_TOO_COSTLY', { token: tool, variables: { r } })
  })
})

describe('values', () => {
  const update = 'mutation ($i: UpdateProfileInput!) { updateProfile(input: $i) { id } }'
  const bad = (variables: Record<string, unknown>, query = update) => refused(query, 'BAD_USER_INPUT', { variables })

  test('E24 E25 huge and deep variables', async () => {
    let deep: unknown = {}
    for (let n = 0; n < 20_000; n++) deep = { not: deep }
    await bad({ i: { givenName: 'x'.repeat(20_000) } })
    await bad({ i: Array.from({ length: 6_000 }, () => 1) })
    await refused('query ($f: CustomerFilter) { customers(filter: $f) { totalCount } }', 'BAD_USER_INPUT', { token: tool, variables: { f: deep as object } })
  })

  test('E22 a wrong value is not repeated, nor said in the log of defects', async () => {
    const answer = await house.ask('query ($id: ID!) { customer(id: $id) { id } }', { token: me, variables: { id: { secret: 'canary-7' } } })
    expect(answer.errors[0].extensions.code).toBe('BAD_USER_INPUT')
    expect(answer.text).not.toContain('canary-7')
    const literal = await house.ask('{ customers(first: "canary-8") { totalCount } }', { token: tool })
    expect(literal.text).not.toContain('canary-8')
  })

  test('E26 operators where text is expected', async () => {
    for (const id of [{ $gt: '' }, { $ne: null }, ['a', 'b'], { $where: '1' }]) await bad({ id }, 'query ($id: ID!) { customer(id: $id) { id } }')
    const query = 'query ($r: [_Any!]!) { _entities(representations: $r) { ... on Customer { id } } }'
    const answer = await house.ask(query, { token: tool, variables: { r: [{ __typename: 'Customer', id: { $gt: '' } }] } })
    expect(answer.errors[0].extensions.code).toBe('BAD_USER_INPUT')
  })

  test('E28 keys that reach a prototype', async () => {
    await refused(update, 'BAD_USER_INPUT', { variables: JSON.parse('{"__proto__": {"x": 1}, "i": {}}') })
    await bad({ i: { constructor: { prototype: { x: 1 } } } })
    await refused('{ __proto__: me { id } }', 'BAD_USER_INPUT')
    expect(({} as { x?: unknown }).x).toBeUndefined()
  })

  test('E30 E31 numbers out of range', async () => {
    await bad(JSON.parse('{"i": {"birthYear": 1e999}}'))
    await bad({ i: { birthYear: 2147483648 } })
    for (const birthYear of [0, 99_999]) {
      const answer = await house.ask(update, { token: me, variables: { i: { birthYear } } })
      expect(answer.errors[0].extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'birthYear' })
    }
  })

  test('E32 NUL and lone surrogates, in variables and in the text', async () => {
    await bad({ i: { givenName: 'a\u0000b' } })
    await bad({ i: { givenName: '\ud800' } })
    await refused('mutation { updateProfile(input: {givenName: "a\\u0000b"}) { id } }', 'BAD_USER_INPUT')
  })

  test('E29 near-matches by the kilobyte are refused at once', async () => {
    for (const field of ['email', 'locale', 'postcode', 'country']) {
      const start = performance.now()
      const answer = await house.ask(update, { token: me, variables: { i: { [field]: `a${'-a'.repeat(7_000)}!` } } })
      expect(answer.errors[0].extensions.code).toBe('BAD_USER_INPUT')
      expect(performance.now() - start).toBeLessThan(250)
    }
  })
})
