import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { atChoice, confirmWith, knownAgain, redeem, withTotp, type App } from '../support/signing-in.ts'
import { addLetters, operatorAtWork, policyWithLetters, roleToken, rolesAsked } from '../support/operators.ts'
import { startShop, type Answer, type Shop } from '../support/shop.ts'

let shop: Shop
let cem: Awaited<ReturnType<typeof operatorAtWork>>
let paula: Awaited<ReturnType<typeof operatorAtWork>>
beforeAll(async () => {
  shop = await startShop({ env: { POLICY_FILE: await policyWithLetters() } })
  await addLetters(shop)
  cem = await operatorAtWork(shop, 'cem')
  paula = await operatorAtWork(shop, 'gmail-1')
  await vi.waitFor(() => shop.tool('letters'), { timeout: 15_000, interval: 200 })
}, 120_000)
afterAll(() => shop[Symbol.asyncDispose]())

const codeOf = ({ errors }: Answer): string | undefined => errors?.[0]?.extensions.code
const propose =
  'mutation ($change: ClientChangeInput!) { proposeClientChange(clientId: "letters", change: $change) { id state adds removes approvable proposedBy } }'
const approve = 'mutation ($id: ID!) { approveClientChange(id: $id) { id state approvedBy } }'
const lookUp = 'mutation ($input: LookUpInput!) { lookUpCustomer(input: $input) { id email givenName providers } }'
const held = 'mutation ($input: HeldLookUpInput!) { lookUpHeldData(input: $input) { field value } }'
const wider = { change: { purposes: ['email_marketing'] } }

/** Every door for operators, each with something that would be right for an operator. */
const doors: readonly (readonly [string, Record<string, unknown>])[] = [
  ['{ alerts { edges { node { id } } } }', {}],
  ['{ auditEvents { edges { node { id } } } }', {}],
  ['{ registeredClients { id } }', {}],
  ['{ clientChanges { id } }', {}],
  ['{ privacyRequests { id } }', {}],
  ['mutation { acknowledgeAlert(id: "none", note: "") { id } }', {}],
  [propose, wider],
  [approve, { id: 'none' }],
  ['mutation { createClient(input: { id: "own", kind: TOOL, name: "Own" }) { id } }', {}],
  [lookUp, { input: { email: 'anna.demo@gmail.com', reason: 'ticket 4711, asked by telephone' } }],
  [held, { input: { customerId: 'none', purpose: 'order_processing', reason: 'ticket 4711, asked by the tax office' } }],
  ['mutation { openPrivacyRequest(input: { kind: ACCESS, customerId: "none", reason: "letter" }) { id } }', {}],
]

describe('only operators pass the doors for operators', () => {
  const passes = async (token: string | undefined): Promise<string[]> => {
    const codes: string[] = []
    for (const [query, variables] of doors) codes.push(codeOf(await shop.graphql(query, variables, token)) ?? 'passed')
    return codes
  }
  const none = (code: string) => doors.map(() => code)

  test('not strangers, customers, or tools of shops', async () => {
    const anna = await shop.signIn('google', { as: 'anna', consent: { personalised_shop: true } })
    expect(await passes(undefined)).toEqual(none('UNAUTHENTICATED'))
    expect(await passes(anna.accessToken)).toEqual(none('FORBIDDEN'))
    expect(await passes(await shop.tool('marketing'))).toEqual(none('FORBIDDEN'))
  })

  test('not a customer who asks for the roles at the page for operators, with a second factor of their own', async () => {
    const ben = await operatorAtWork(shop, 'ben')
    expect(await passes(ben.token)).toEqual(none('FORBIDDEN'))
    expect((await shop.graphql('{ myRoles }', {}, ben.token)).data).toEqual({ myRoles: [] })
  })

  test('not an operator without the second factor, nor in another client', async () => {
    const { browser } = await shop.signIn('google', { as: 'cem', client: 'account', browser: knownAgain(shop, cem.browser) })
    const way = await atChoice(shop, { browser, client: 'operators', scope: rolesAsked })
    const { accessToken } = await redeem(shop, way, way.page)
    expect(await passes(accessToken)).toEqual(none('FORBIDDEN'))
    const elsewhere = await atChoice(shop, { browser, client: 'account', scope: rolesAsked })
    expect(elsewhere.page.url).toContain('error=invalid_scope')
  })

  test('not who has the address of an operator at another provider, which vouches for nobody', async () => {
    const { accessToken, browser } = await shop.signIn('facebook', { as: 'gmail-1', client: 'account' })
    expect(await passes(await roleToken(shop, await withTotp(shop, accessToken), browser))).toEqual(none('FORBIDDEN'))
  })

  test('each operator has the roles of the list, and no other', async () => {
    expect((await shop.graphql('{ myRoles }', {}, cem.token)).data.myRoles.toSorted()).toEqual(['audit:read', 'clients:write', 'privacy:handle'])
    expect((await shop.graphql('{ myRoles }', {}, paula.token)).data.myRoles.toSorted()).toEqual(['audit:read', 'clients:write'])
    expect(codeOf(await shop.graphql(lookUp, { input: { email: 'anna.demo@gmail.com', reason: 'ticket 4711, asked by telephone' } }, paula.token))).toBe(
      'FORBIDDEN',
    )
  })
})

describe('four eyes are the eyes of two people', () => {
  const proposed = async (token: string, change: Record<string, unknown> = wider.change): Promise<string> =>
    (await shop.graphql(propose, { change }, token)).data.proposeClientChange.id

  test('not of one in two sessions', async () => {
    const id = await proposed(cem.token)
    expect(codeOf(await shop.graphql(approve, { id }, cem.token))).toBe('FORBIDDEN')
    const again = await roleToken(shop, cem.app, (await signedInAgain('cem', cem)).browser)
    expect(again).not.toBe(cem.token)
    expect(codeOf(await shop.graphql(approve, { id }, again))).toBe('FORBIDDEN')
    expect(await purposesOfLetters()).toEqual([])
  })

  test('not of one with two accounts: the names of the list are compared too, and stay with the proposal', async () => {
    const id = await proposed(cem.token)
    // As if Cem had merged the account that he proposed it from into another one since.
    await shop.db.collection<{ _id: string }>('client_changes').updateOne({ _id: id }, { $set: { 'proposedBy.customer': 'A'.repeat(22) } })
    expect(codeOf(await shop.graphql(approve, { id }, cem.token))).toBe('FORBIDDEN')
  })

  test('not of who was an operator: blocked logins and ended tokens end the role', async () => {
    const id = await proposed(cem.token)
    const customers = shop.db.collection('customers')
    const row = await customers.findOne({ email: 'gmail.person.1@gmail.com' })
    await customers.updateOne({ email: 'gmail.person.1@gmail.com' }, { $set: { 'identities.0.state': 'blocked' } })
    expect(codeOf(await shop.graphql(approve, { id }, paula.token))).toBe('FORBIDDEN')
    await customers.updateOne({ email: 'gmail.person.1@gmail.com' }, { $unset: { 'identities.0.state': '' }, $set: { factors: [] } })
    expect(codeOf(await shop.graphql(approve, { id }, paula.token))).toBe('FORBIDDEN')
    await customers.replaceOne({ email: 'gmail.person.1@gmail.com' }, row ?? {})
    expect((await shop.graphql(approve, { id }, paula.token)).data.approveClientChange.state).toBe('APPLIED')
    await vi.waitFor(async () => expect(await purposesOfLetters()).toEqual(['email_marketing']))
    await shop.graphql(propose, { change: { purposes: [] } }, paula.token)
  })

  test('a proposal is for the client as it was, counts once, and not for ever', async () => {
    const [stale, twice, late] = [await proposed(cem.token), await proposed(cem.token), await proposed(cem.token)]
    const both = await Promise.all([1, 2].map(() => shop.graphql(approve, { id: twice }, paula.token)))
    expect(both.map(({ errors }) => errors === undefined).toSorted()).toEqual([false, true])
    expect(codeOf(await shop.graphql(approve, { id: stale }, paula.token))).toBe('BAD_USER_INPUT')
    await shop.graphql(propose, { change: { purposes: [] } }, paula.token)
    await shop.db.collection<{ _id: string }>('client_changes').updateOne({ _id: late }, { $set: { expiresAt: new Date() } })
    expect(codeOf(await shop.graphql(approve, { id: late }, paula.token))).toBe('BAD_USER_INPUT')
  })

  test('neither asks for what a registration may not say', async () => {
    for (const change of [
      { purposes: ['personalised_ads'] },
      { purposes: ['no_such_purpose'] },
      { redirectUris: ['http://letters.example/callback'] },
      { redirectUris: ['https://letters.example/callback', 'javascript:alert(1)'] },
      { origins: ['https://letters.example/path'] },
      { scopes: ['audit:write'] },
      { name: '' },
      {},
    ])
      expect([change, codeOf(await shop.graphql(propose, { change }, cem.token))]).toEqual([change, 'BAD_USER_INPUT'])
    const ofFile = 'mutation { proposeClientChange(clientId: "marketing", change: { purposes: [] }) { id } }'
    expect(codeOf(await shop.graphql(ofFile, {}, cem.token))).toBe('BAD_USER_INPUT')
  })
})

test('a look at a person takes a reason that does not name them, and going through addresses is seen', async () => {
  await shop.signIn('google', { as: 'anna' })
  const email = 'anna.demo@gmail.com'
  for (const reason of [
    '',
    '          ',
    'short',
    'x'.repeat(201),
    'anna.demo@gmail.com wrote to us',
    'Anna called us about an order',
    'a letter by Mrs. Lindner',
  ])
    expect([reason, codeOf(await shop.graphql(lookUp, { input: { email, reason } }, cem.token))]).toEqual([reason, 'BAD_USER_INPUT'])
  const nobody = await shop.graphql(lookUp, { input: { email: 'nobody@people.example', reason: 'ticket 4711, by telephone' } }, cem.token)
  expect(nobody.data).toEqual({ lookUpCustomer: null })
  const log = await shop.graphql(
    '{ auditEvents(filter: { types: ["customer.not_found", "customer.looked_up"] }) { edges { node { type clientId } } } }',
    {},
    cem.token,
  )
  expect(log.data.auditEvents.edges).toEqual([{ node: { type: 'customer.not_found', clientId: 'operators' } }])
})

async function signedInAgain(as: string, { app, browser }: { readonly app: App; readonly browser: Parameters<typeof knownAgain>[1] }) {
  const again = knownAgain(shop, browser)
  const { page } = await shop.walk('google', { as, client: 'account', browser: again })
  if (new URL(page.url).pathname === '/confirm') await confirmWith(again, page, 'totp', app.next())
  return { browser: again }
}

async function purposesOfLetters(): Promise<string[]> {
  const { data } = await shop.graphql('{ registeredClients { id purposes } }', {}, cem.token)
  return data.registeredClients.find(({ id }: { id: string }) => id === 'letters').purposes
}
