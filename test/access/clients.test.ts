import { expect, test } from 'vitest'
import { ClientsError, clientRegistry, readClients } from '../../src/config/clients.ts'
import { policy } from './stage.ts'

const shop = { id: 'shop', name: 'Shop', authentication: 'none', redirectUris: ['https://shop.example/callback'], grants: ['authorization_code'] }
const fileOf = (...clients: unknown[]): string => JSON.stringify({ clients })

function problemsOf(text: string): readonly string[] {
  try {
    readClients(text, 'clients.json', policy)
    return []
  } catch (error) {
    if (error instanceof ClientsError) return error.problems
    throw error
  }
}

test('a client has its own sector and no purposes unless it says so', () => {
  expect(readClients(fileOf(shop), 'clients.json', policy)).toMatchObject([
    { id: 'shop', sector: 'shop', purposes: 0, application: 'web', origins: [], trustedForIntrospection: false },
  ])
})

test.for([
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'data:text/html,x',
  'https://*.shop.example/callback',
  'https://shop.example/*',
  'https://shop.example/callback#',
  'http://shop.example/callback',
  'https://evil@shop.example/callback',
  'https://SHOP.example/callback',
  'https://shop.example/a/../callback',
  'https://ѕhop.example/callback',
  '/callback',
  'com.example.app:/callback',
  '',
])('C03 a web client cannot register %s', (uri) => {
  for (const member of ['redirectUris', 'postLogoutRedirectUris', 'origins', 'backchannelLogoutUri']) {
    const value = member === 'backchannelLogoutUri' ? uri : [uri]
    const problems = problemsOf(fileOf({ ...shop, [member]: value }))
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(`clients.json client shop ${member}`)
  }
})

test.for([
  ['http://127.0.0.1/callback', true],
  ['http://[::1]/callback', true],
  ['com.example.shop:/callback', true],
  ['https://app.shop.example/callback', true],
  ['http://localhost/callback', false],
  ['http://shop.example/callback', false],
  ['shop:/callback', false],
  ['javascript:x', false],
  ['https://127.0.0.1/callback', false],
] as const)('C02 C03 a native client registers %s: %s', ([uri, allowed]) => {
  expect(problemsOf(fileOf({ ...shop, application: 'native', redirectUris: [uri] })).length === 0).toBe(allowed)
})

test.for([
  ['an unknown member', { colour: 'red' }],
  ['a short secret', { authentication: 'secret', secret: 'short' }],
  ['no secret', { authentication: 'secret' }],
  ['a secret of a public client', { secret: 'long enough for a secret' }],
  ['no key', { authentication: 'private_key_jwt' }],
  ['a private key', { authentication: 'private_key_jwt', jwks: { keys: [{ kty: 'EC', d: 'x' }] } }],
  ['client_credentials without authentication', { grants: ['authorization_code', 'client_credentials'] }],
  ['a code without an address', { redirectUris: [] }],
  ['an unknown purpose', { purposes: ['nothing'] }],
  ['a purpose that the policy gives to others', { purposes: ['email_marketing'] }],
  ['the proof of consent', { purposes: ['consent_record'] }],
  ['the id of a customer', { id: 'AAAAAAAAAAAAAAAAAAAAAA' }],
  ['a scope that is a purpose', { scopes: ['purpose:order_processing'] }],
] as const)('C03 %s refuses the start', ([, change]) => {
  expect(problemsOf(fileOf({ ...shop, ...change })).length).toBeGreaterThan(0)
})

test('the account’s access is for people, never for a tool', () => {
  const account = { ...shop, authentication: 'secret', secret: 'long enough for a secret', purposes: ['data_subject_access'] }
  expect(problemsOf(fileOf(account))).toEqual([])
  expect(problemsOf(fileOf({ ...account, grants: ['authorization_code', 'client_credentials'] }))).toHaveLength(1)
})

test('all that is wrong is said at once, with the clients’ names', () => {
  const problems = problemsOf(fileOf({ ...shop, name: '' }, { ...shop, id: 'other', redirectUris: ['x', 'y'] }, 7, shop, shop))
  expect(problems.map((problem) => problem.split(' ')[2])).toEqual(['shop', 'other', 'other', 'number', 'shop'])
  expect(problemsOf('clients: [')[0]).toMatch(/^clients\.json:1:\d+ /)
  expect(problemsOf('clients: []\nmore: 1')).toHaveLength(1)
})

test('clients of the collection come and go while the gateway runs; the file wins, and what cannot be read is no client', async () => {
  const rows = [
    { _id: 'later', registration: { ...shop, id: 'something else' } },
    { _id: 'shop', registration: { ...shop, name: 'Taken over' } },
    { _id: 'broken', registration: { ...shop, grants: [] } },
  ]
  const told: (readonly string[])[] = []
  await using registry = await clientRegistry({
    file: readClients(fileOf(shop), 'clients.json', policy),
    collection: { readAll: async () => rows },
    policy,
    unusable: (problems) => told.push(problems),
  })
  expect(registry.find('later')).toMatchObject({ id: 'later', sector: 'later' })
  expect(registry.find('shop')?.name).toBe('Shop')
  expect(registry.find('broken')).toBeUndefined()
  expect(told).toHaveLength(1)
  rows.splice(0, 1)
  await registry.refresh()
  expect(registry.find('later')).toBeUndefined()
  expect(registry.all().map(({ id }) => id)).toEqual(['shop'])
})
