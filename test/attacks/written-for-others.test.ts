import { decodeJwt } from 'jose'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { acrs } from '../../src/access/session-marks.ts'
import { behaviourOf } from '../support/behaviour.ts'
import { code } from '../support/merging.ts'
import { startShop, type Answer, type Shop } from '../support/shop.ts'

// What a caller writes or asks for about somebody else, or about what is not theirs to say.
let shop: Shop
let me: string
beforeAll(async () => {
  shop = await startShop()
  me = (await shop.signIn('google', { as: 'person-3000', client: 'account' })).accessToken
})
beforeEach(() => shop.providers.haus.behave())
afterAll(() => shop[Symbol.asyncDispose]())

const update = 'mutation ($i: UpdateProfileInput!) { updateProfile(input: $i) { id givenName email } }'
const decide = 'mutation ($d: [ConsentDecisionInput!]!) { setConsents(decisions: $d) { id } }'
const row = (email: string) => shop.db.collection('customers').findOne({ email })
const all = () => shop.db.collection('customers').find({}).toArray()
const idOf = async (token: string): Promise<string> => (await shop.graphql('{ me { id } }', {}, token)).data.me.id

test('B51 members that nobody asks for are refused as a whole, and so is the rest of the call', async () => {
  const before = await all()
  for (const more of ['id', '_id', 'decisions', 'identities', 'emailProof', 'state', 'role', '$set', 'purposes', 'tokensValidFrom', 'sources', 'traits.admin'])
    expect([more, code(await shop.graphql(update, { i: { givenName: 'Changed', [more]: { $set: 1 } } }, me))]).toEqual([more, 'BAD_USER_INPUT'])
  expect(code(await shop.graphql(update, { i: { traits: { admin: true } } }, me))).toBe('BAD_USER_INPUT')
  expect(code(await shop.graphql(decide, { d: [{ purpose: 'personalised_ads', granted: false, customer: 'x', at: '2020-01-01' }] }, me))).toBe('BAD_USER_INPUT')
  expect(await all()).toEqual(before)
  expect((await shop.graphql(update, { i: { givenName: 'Changed' } }, me)).data.updateProfile.givenName).toBe('Changed')
})

test('B52 what a provider says at each login takes nothing from its customer: own words stay, a proved address is given up for no unproved one', async () => {
  const first = await shop.signIn('google', { as: 'person-3001', client: 'account' })
  await shop.graphql(update, { i: { givenName: 'Own' } }, first.accessToken)
  shop.providers.google.misbehave({ email: 'elsewhere@people.example', emailVerified: false, hostileProfile: true })
  const again = await shop.signIn('google', { as: 'person-3001', client: 'account' })
  const { data } = await shop.graphql('{ me { givenName email } }', {}, again.accessToken)
  expect(data.me).toEqual({ givenName: 'Own', email: 'person-3001@people.example' })
  expect(await shop.db.collection('emails').countDocuments({ customer: (await row('person-3001@people.example'))?._id })).toBe(1)
  // One that is proved and free is taken, one that is somebody else’s is not claimed.
  shop.providers.google.misbehave({ email: 'gmail.person.3002@gmail.com', emailVerified: true })
  await shop.signIn('google', { as: 'person-3001', client: 'account' })
  shop.providers.google.behave()
  expect((await shop.walk('google', { as: 'gmail-3002' })).page.text).toContain('LINK_REQUIRED')
  shop.providers.google.misbehave({ email: 'person-3000@people.example', emailVerified: true })
  await shop.signIn('google', { as: 'person-3001', client: 'account' })
  shop.providers.google.behave()
  const owner = await shop.db.collection('customers').findOne({ 'identities.email': 'person-3000@people.example', givenName: 'Changed' })
  const rows = await shop.db.collection('emails').find({ customer: owner?._id }).toArray()
  expect(rows).toHaveLength(1)
})

test('B53 B54 a decision is the person’s own, of now, about what is theirs to decide and the text in use; it says who passed it on', async () => {
  const { data } = await shop.graphql('{ purposes { id textVersion } }')
  const version = data.purposes.find((one: { id: string }) => one.id === 'personalised_ads').textVersion
  const yes = { purpose: 'personalised_ads', granted: true, textVersion: version }
  const kept = () => shop.db.collection('consent_ledger').countDocuments({})
  const before = await kept()
  const refused = async (decisions: readonly object[], expected: string, token?: string) =>
    expect([decisions, code(await shop.graphql(decide, { d: decisions }, token))]).toEqual([decisions, expected])
  for (const client of ['marketing', 'ads', 'operator']) await refused([yes], 'FORBIDDEN', await shop.tool(client))
  await refused([yes], 'UNAUTHENTICATED')
  await refused([{ ...yes, textVersion: '2019-01' }], 'CONSENT_TEXT_OUTDATED', me)
  await refused([{ ...yes, textVersion: '2099-01' }], 'CONSENT_TEXT_OUTDATED', me)
  for (const purpose of ['world_domination', 'order_processing', 'data_subject_access', 'consent_record', '__proto__', ''])
    await refused([{ ...yes, purpose }], 'BAD_USER_INPUT', me)
  await refused([{ ...yes, at: '2020-01-01T00:00:00Z' }], 'BAD_USER_INPUT', me)
  expect(await kept()).toBe(before)
  const from = Date.now()
  expect((await shop.graphql(decide, { d: [yes] }, me)).errors).toBeUndefined()
  const [entry] = await shop.db.collection('consent_ledger').find({}).sort({ at: -1 }).limit(1).toArray()
  expect(entry).toMatchObject({ surface: 'account', decisions: [{ purpose: 'personalised_ads', state: 'granted', textVersion: version }] })
  expect(entry?.['at'].getTime()).toBeGreaterThanOrEqual(from)
})

test('B55 yes and no in one call, or more decisions than there are purposes: nothing of it is written', async () => {
  const before = await shop.db.collection('consent_ledger').countDocuments({})
  const no = { purpose: 'email_marketing', granted: false }
  expect(code(await shop.graphql(decide, { d: [no, { ...no, granted: true, textVersion: '2026-01' }] }, me))).toBe('BAD_USER_INPUT')
  expect(code(await shop.graphql(decide, { d: Array.from({ length: 51 }, () => no) }, me))).toBe('BAD_USER_INPUT')
  expect(await shop.db.collection('consent_ledger').countDocuments({})).toBe(before)
  expect((await shop.graphql(decide, { d: [no] }, me)).errors).toBeUndefined()
})

test('B45 ids are 128 random bits, and one who is there but not for the caller is like nobody, in any list and by any id', async () => {
  const stranger = await idOf((await shop.signIn('google', { as: 'person-3010' })).accessToken)
  expect(Buffer.from(stranger, 'base64url').length).toBeGreaterThanOrEqual(16)
  const marketing = await shop.tool('marketing')
  const ask = async (id: string) => {
    const answer: Answer = await shop.graphql('query ($id: ID!) { customer(id: $id) { id email } }', { id }, marketing)
    return JSON.stringify([answer.status, answer.data, answer.errors, answer.extensions])
  }
  const unknown = await ask('A'.repeat(stranger.length))
  const near = stranger.slice(0, -1) + (stranger.endsWith('A') ? 'B' : 'A')
  for (const id of [stranger, near, await idOf(me)]) expect(await ask(id)).toBe(unknown)
  expect((await shop.graphql('{ customers { totalCount } }', {}, marketing)).data.customers.totalCount).toBe(0)
})

test('B57 whose events they are says the token; what is said twice, ahead of time or at length is told apart, and nothing is kept of somebody else', async () => {
  const on = behaviourOf(shop)
  const [anna, ben] = [await on.person('person-3057', { personalised_shop: true }), await on.person('person-3058', { personalised_shop: true })]
  const event = on.viewed({ category: 'Tents' })
  expect(code(await shop.graphql(on.mutation, { events: [event], customerId: anna.id }, ben.accessToken))).toBe('FORBIDDEN')
  // An id that another house has for her names nobody.
  const refused = { accepted: 0, refused: [{ index: 0, reason: 'NO_PURPOSE' }] }
  expect(await on.record(await shop.tool('marketing'), [event], { customerId: anna.id })).toEqual(refused)
  expect(await on.kept(anna.customer)).toEqual([])

  const ahead = { ...on.viewed({ category: 'Ropes' }), timestamp: new Date(Date.now() + 86_400_000).toISOString() }
  const answer = await on.record(ben.accessToken, [event, event, ahead, on.viewed({ category: 'x'.repeat(5_000) })])
  expect(answer).toEqual({ accepted: 3, refused: [{ index: 3, reason: 'TOO_LARGE' }] })
  const kept = await on.kept(ben.customer)
  expect([kept.length, kept.every(({ at }) => at.getTime() <= Date.now())]).toEqual([2, true])
})

test('B59 seenBy tells the person alone, and an unknown client and one that may see nothing look alike', async () => {
  const seen = 'query ($c: ID!) { me { seenBy(clientId: $c) { customer { id email givenName } } } }'
  const ask = async (client: string, token = me) => {
    const answer = await shop.graphql(seen, { c: client }, token)
    return JSON.stringify([answer.status, answer.data, answer.errors, answer.extensions]).replaceAll(client, 'CLIENT')
  }
  const unknown = await ask('no-such-client')
  for (const client of ['marketing', 'operator', '__proto__', 'no-other-client']) expect(await ask(client)).toBe(unknown)
  expect(await ask('storefront')).not.toBe(unknown)
  const shopToken = (await shop.signIn('google', { as: 'person-3000' })).accessToken
  expect(await ask('storefront', shopToken)).not.toMatch(/person-3000|Changed/)
})

test('D31 what a provider says of its own checks raises nothing here', async () => {
  const plain = decodeJwt((await shop.signIn('haus', { as: 'person-3020' })).idToken ?? '')
  shop.providers.haus.misbehave({ claims: { amr: ['mfa', 'hwk', 'otp'], acr: acrs.factor } })
  const boasting = decodeJwt((await shop.signIn('haus', { as: 'person-3020' })).idToken ?? '')
  expect([boasting['acr'], boasting['amr']]).toEqual([plain['acr'], plain['amr']])
  expect(boasting['acr']).not.toBe(acrs.factor)
})
