import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { memoryLog } from '../support/callback.ts'
import { startShop, type Shop } from '../support/shop.ts'

// Nonsense by the thousand, with some sense in it: no answer of 500, no defect in the log, and the house stands.
const { log, lines } = memoryLog()
let shop: Shop
let me: string
beforeAll(async () => {
  shop = await startShop({ other: { log } })
  me = (await shop.signIn('google', { as: 'person-4000', client: 'account' })).accessToken
})
afterAll(() => shop[Symbol.asyncDispose]())

const odd = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '\0', '\ud800', '__proto__', '{"$gt":""}', '../../etc/passwd', 'x'.repeat(5_000), '%00', "' or 1=1", '${jndi:x}', '\r\nX: y', '{{7*7}}'),
  fc.base64String(),
)
const json = fc.letrec((tie) => ({
  any: fc.oneof({ depthSize: 'small' }, odd, fc.double(), fc.boolean(), fc.constant(null), fc.array(tie('any')), fc.dictionary(odd, tie('any'))),
})).any
const form = fc.dictionary(
  fc.oneof(odd, fc.constantFrom('grant_type', 'code', 'state', 'client_id', 'token', 'uid', 'address', 'signed_request', 'payload', 'id_token_hint')),
  odd,
)
const encoded = form.map((fields) =>
  new URLSearchParams(Object.entries(fields).map(([name, value]): [string, string] => [name.toWellFormed(), value.toWellFormed()])).toString(),
)
const operation = fc.constantFrom(
  'query ($x: ID!) { customer(id: $x) { id } }',
  'mutation ($x: UpdateProfileInput!) { updateProfile(input: $x) { id } }',
  'mutation ($x: [ConsentDecisionInput!]!) { setConsents(decisions: $x) { id } }',
  'mutation ($x: CompleteLoginInput!) { completeLogin(input: $x) { scope } }',
  'mutation ($x: LoginWithIdTokenInput!) { loginWithIdToken(input: $x) { scope } }',
  'mutation ($x: String!) { mergeCustomer(proof: $x) { id } }',
  'query ($x: [_Any!]!) { _entities(representations: $x) { __typename } }',
)

const bodies = {
  JSON: ['application/json', json.map((value) => JSON.stringify(value))],
  operations: ['application/json', fc.tuple(operation, json).map(([query, x]) => JSON.stringify({ query, variables: { x } }))],
  forms: ['application/x-www-form-urlencoded', encoded],
  bytes: ['application/json', fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes))],
} as const

describe.for([
  ['/graphql', ['JSON', 'operations', 'bytes']],
  ['/oidc/token', ['forms', 'JSON']],
  ['/oidc/token/revocation', ['forms']],
  ['/oidc/token/introspection', ['forms']],
  ['/oidc/request', ['forms']],
  ['/login/apple/callback', ['forms']],
  ['/login/mail', ['forms']],
  ['/login/code', ['forms']],
  ['/consent', ['forms']],
  ['/confirm', ['forms']],
  ['/webhooks/apple', ['JSON', 'bytes']],
  ['/webhooks/google', ['JSON']],
  ['/webhooks/facebook', ['forms']],
] as const)('F46 F48 %s', ([path, kinds]) => {
  test.for([...kinds])('%s', async (kind) => {
    const [type, arbitrary] = bodies[kind]
    const from = lines.length
    const samples: (string | Buffer)[] = fc.sample<string | Buffer>(arbitrary, { numRuns: 60, seed: 4711 })
    for (let n = 0; n < samples.length; n += 10) {
      await Promise.all(
        samples.slice(n, n + 10).map(async (body) => {
          const headers = { 'content-type': type, ...(path === '/graphql' && { authorization: `Bearer ${me}` }) }
          const answer = await fetch(shop.url + path, {
            method: 'POST',
            headers,
            redirect: 'manual',
            body: typeof body === 'string' ? body : new Uint8Array(body),
          })
          const text = await answer.text()
          expect([String(body), answer.status >= 500 || /INTERNAL_SERVER_ERROR|server_error/.test(text)]).toEqual([String(body), false])
          expect(text).not.toMatch(/E11000|mongo|CastError|ValidationError|node_modules|_id_|collection/i)
        }),
      )
    }
    expect(lines.slice(from).filter((line) => /"defect"|"failed"/.test(line))).toEqual([])
  })
})

test('F46 in addresses and cookies too; afterwards the house works as before', async () => {
  const paths = fc.tuple(
    fc.constantFrom(
      '/login?uid=',
      '/login/google/callback?state=',
      '/oidc/auth?client_id=',
      '/onward?to=',
      '/not-me/',
      '/privacy/deletion/',
      '/login/link/',
      '/graphql?query=',
    ),
    odd,
  )
  for (const [path, text] of fc.sample(paths, { numRuns: 150, seed: 4711 })) {
    const cookie = encodeURIComponent(text.toWellFormed()).slice(0, 500)
    const headers = { accept: 'text/html', cookie: `__Host-entente-session=${cookie}; __Host-entente-interaction=${cookie}; __Host-entente-account=${cookie}` }
    const answer = await fetch(shop.url + path + encodeURIComponent(text.toWellFormed()), { headers, redirect: 'manual' })
    await answer.arrayBuffer()
    expect([path, text, answer.status < 500]).toEqual([path, text, true])
  }
  expect(await (await fetch(`${shop.url}/health/ready`)).json()).toEqual({ status: 'ok' })
  expect((await shop.graphql('{ me { email } }', {}, me)).data.me.email).toBe('person-4000@people.example')
})
