import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openHouse } from '../support/house.ts'

let house: Awaited<ReturnType<typeof openHouse>>
let me: string
let operator: string
beforeAll(async () => {
  house = await openHouse()
  const anna = await house.addCustomer({ givenName: 'Anna' })
  me = house.tokenFor('account', ['data_subject_access'], anna)
  operator = house.tokenFor('operator', [], null, { scopes: new Set(['audit:read']) })
})
afterAll(() => house[Symbol.asyncDispose]())

describe('form of the request', () => {
  test('E03 a batch is refused', async () => {
    const answer = await house.http({ body: [{ query: '{ __typename }' }, { query: '{ __typename }' }] })
    expect([answer.status, answer.json.errors[0].extensions.code]).toEqual([400, 'BAD_USER_INPUT'])
  })

  test('E14 a query that cannot be read is 400, never 500', async () => {
    for (const query of [
      '{',
      '{ me { nope } }',
      '{ me }',
      'query A { __typename } query B { __typename }',
      'subscription { x }',
      'type X { y: Int }',
      '\u0000',
    ]) {
      const answer = await house.ask(query)
      expect([query, answer.status]).toEqual([query, 400])
    }
    expect((await house.ask('query A { __typename } query B { __typename }', { operationName: 'C' })).status).toBe(400)
  })

  test('E15 no suggestion and no name of the schema that was not sent', async () => {
    for (const query of [
      '{ customr { id } }',
      '{ me { givenNam } }',
      'query ($x: Custmer) { __typename }',
      '{ customers(frist: 1) { totalCount } }',
      '{ customer { id } }',
      '{ customers(filter: {emial: {eq: "x"}}) { totalCount } }',
      '{ me }',
    ])
      for (const word of ['Did you mean', 'customers(', '"givenName"', '"Query"', '"first"', '"ID!"', 'CustomerFilter'])
        expect((await house.ask(query)).errors[0].message).not.toContain(word)
    const variable = await house.ask('query ($f: CustomerFilter) { customers(filter: $f) { totalCount } }', { variables: { f: { emial: { eq: 'x' } } } })
    expect(variable.text).not.toMatch(/Did you mean|emial/)
    expect((await house.ask('{ customr { id } }', { token: operator })).errors[0].message).toContain('Did you mean')
  })

  test('E16 E17 introspection and the federation SDL are for the trusted', async () => {
    const doors = [
      '{ __schema { types { name } } }',
      '{ x: __type(name: "Customer") { name } }',
      '{ ...F } fragment F on Query { __schema { types { name } } }',
      '{ ... on Query { __type(name: "Query") { name } } }',
      '{ _service { sdl } }',
    ]
    for (const query of doors) {
      for (const options of [{ token: me }, {}]) {
        const answer = await house.ask(query, options)
        if (query.startsWith('{ x: __type')) expect(answer).toMatchObject({ data: { x: null } })
        else expect([answer.data, answer.errors[0].extensions.code]).toEqual([null, 'FORBIDDEN'])
      }
      expect((await house.ask(query, { token: operator })).errors).toBeUndefined()
    }
    expect((await house.ask('{ __typename me { __typename } }', { token: me })).data).toEqual({ __typename: 'Query', me: { __typename: 'Customer' } })
  })

  test('E19 E46 forms of other sites are refused before anything runs', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', '']) {
      const answer = await house.http({ headers: { 'content-type': type }, body: { query: '{ __typename }' } })
      expect([type, answer.status]).toEqual([type, 400])
    }
  })

  test('E20 GET: no read without a header that needs a preflight, no mutation', async () => {
    const get = (query: string, headers: Record<string, string> = {}) =>
      house.http({ method: 'GET', headers: { 'content-type': 'application/json', ...headers }, search: `?query=${encodeURIComponent(query)}` })
    const bare = await house.server.handle({ method: 'GET', headers: {}, search: '?query={__typename}', body: undefined, ip: '::1' })
    expect(bare.status).toBe(400)
    expect((await get('{ __typename }')).json.data).toEqual({ __typename: 'Query' })
    expect((await get('mutation { logout }', { authorization: me })).status).toBe(405)
    expect((await get('{ __typename }', { 'content-type': 'message/http', 'apollo-require-preflight': '1' })).status).toBe(415)
    expect((await get('{ me { id } }', { cookie: `session=${me}` })).status).toBe(401)
  })

  test('E23 no persisted queries', async () => {
    const answer = await house.http({ body: { extensions: { persistedQuery: { version: 1, sha256Hash: 'a'.repeat(64) } } } })
    expect(answer.json.errors[0].extensions.code).toBe('BAD_USER_INPUT')
  })

  test('E36 parts that come later are not in the language', async () => {
    for (const query of ['{ ... @defer { me { id } } }', '{ me { identities @stream { id } } }'])
      expect((await house.ask(query, { token: me })).status).toBe(400)
  })

  test('E45 an operation name is refused when it is not one of the text', async () => {
    for (const operationName of ['x'.repeat(10_000), 'a\nb', '__proto__'])
      expect((await house.ask('query Q { __typename }', { operationName })).status).toBe(400)
  })

  test('E47 no page for browsers', async () => {
    const answer = await house.server.handle({ method: 'GET', headers: { accept: 'text/html' }, search: '', body: undefined, ip: '::1' })
    expect([answer.status, /<html/i.test(answer.body.toString())]).toEqual([400, false])
  })

  test('C9 C11 no trace for those who ask for one, and nothing to keep', async () => {
    const answer = await house.http({ headers: { authorization: me, 'apollo-federation-include-trace': 'ftv1' }, body: { query: '{ me { id } }' } })
    expect(answer.json.extensions).toBeUndefined()
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store' })
    expect(Object.keys(answer.headers)).not.toContain('etag')
  })
})

describe('failures', () => {
  test('E21 what a resolver throws stays inside', async () => {
    const broken = house.tokenFor('account', ['data_subject_access'], 'not a key')
    const before = house.defects.length
    await house.db
      .collection('customers')
      .insertOne({ _id: 'not a key' as never, state: 'active', tokensValidFrom: new Date(0), endedGrants: [], decisions: {}, restricted: false })
    const answer = await house.ask('{ me { id } }', { token: broken })
    expect(answer.errors).toEqual([
      { message: 'Something went wrong here.', path: ['me'], extensions: { code: 'INTERNAL_SERVER_ERROR', reference: `defect-${before + 1}` } },
    ])
    expect(answer.text).not.toMatch(/stack|\.ts|key/)
  })

  test('an ended token ends the whole operation', async () => {
    const ben = await house.addCustomer({ tokensValidFrom: new Date(Date.now() + 60_000) })
    for (const query of ['{ loginProviders { id } me { id } }', 'mutation { updateProfile(input: {givenName: "B"}) { id } }']) {
      const answer = await house.ask(query, { token: house.tokenFor('account', ['data_subject_access'], ben) })
      expect([answer.status, answer.data, answer.errors[0].extensions.code]).toEqual([401, undefined, 'UNAUTHENTICATED'])
    }
    expect((await house.store.read(ben))?.givenName).toBeUndefined()
    const carla = await house.addCustomer({ endedGrants: [{ grant: 'g1', until: new Date(Date.now() + 60_000) }] })
    expect((await house.ask('{ me { id } }', { token: house.tokenFor('account', ['data_subject_access'], carla, { grant: 'g1' }) })).status).toBe(401)
    expect((await house.ask('{ me { id } }', { token: house.tokenFor('account', ['data_subject_access'], carla, { grant: 'g2' }) })).status).toBe(200)
    // Grants of one customer that end at the same moment all end; what no token can stand on any more is forgotten on the way.
    const [later, until] = [new Date(Date.now() + 60_001), new Date(Date.now() + 120_000)]
    await Promise.all(['g2', '$g3'].map((grant) => house.store.endGrant(carla, grant, until, later)))
    const ended = (await house.store.read(carla))?.endedGrants.map(({ grant }) => grant)
    expect(ended?.toSorted()).toEqual(['$g3', 'g2'])
    expect((await house.ask('{ me { id } }', { token: house.tokenFor('account', ['data_subject_access'], carla, { grant: 'g2' }) })).status).toBe(401)
  })
})
