import { afterAll, beforeAll, expect, test } from 'vitest'
import { pick, type Browser } from '../support/browser.ts'
import { contradictions } from '../support/consistency.ts'
import { redirectUri, startShop, type Answer, type Shop } from '../support/shop.ts'

// Two accounts of one person become one, and two again. Two gateways, which share nothing but MongoDB and Redis.
let shop: Shop
beforeAll(async () => {
  shop = await startShop({ gateways: 2 })
}, 60_000)
afterAll(() => shop[Symbol.asyncDispose]())

const merge = 'mutation ($proof: String!) { mergeCustomer(proof: $proof) { id email givenName identities { provider email } } }'
const undo = 'mutation ($id: ID!) { undoMerge(id: $id) }'
const decide = 'mutation ($decisions: [ConsentDecisionInput!]!) { setConsents(decisions: $decisions) { id } }'
const restrict = 'mutation ($on: Boolean!) { restrictProcessing(restricted: $on) { id } }'
const rename = 'mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { id } }'

const code = (answer: Answer) => answer.errors?.[0]?.extensions.code
const at = (n: number): string => shop.urls[n % shop.urls.length] ?? ''
const account = (provider: string, as: string, browser?: Browser) => shop.signIn(provider, { as, client: 'account', ...(browser && { browser }) })
const idFor = async (client: string, provider: string, as: string): Promise<string> => {
  const { accessToken } = await shop.signIn(provider, { as, client })
  return (await shop.graphql('{ me { id } }', {}, accessToken)).data.me.id
}
const expectAgreement = async (): Promise<void> => expect(await contradictions(shop.db)).toEqual([])

async function yes(token: string, ...purposes: string[]): Promise<void> {
  const { data } = await shop.graphql('{ purposes { id textVersion } }')
  const versionOf = (id: string) => data.purposes.find((one: { id: string }) => one.id === id).textVersion
  const decisions = purposes.map((purpose) => ({ purpose, granted: true, textVersion: versionOf(purpose) }))
  expect((await shop.graphql(decide, { decisions }, token)).errors).toBeUndefined()
}
const no = async (token: string, ...purposes: string[]): Promise<void> => {
  const decisions = purposes.map((purpose) => ({ purpose, granted: false }))
  expect((await shop.graphql(decide, { decisions }, token)).errors).toBeUndefined()
}

/** Signed in with Google as one, and at Facebook as another: the redirect after the link was refused. */
async function shown(mine: string, theirs: string) {
  const { accessToken, browser } = await account('google', mine)
  const started = await shop.graphql(`mutation { startLinking(provider: "facebook", redirectUri: "${redirectUri}") { url } }`, {}, accessToken)
  const back = new URL((await pick(browser, await browser.open(started.data.startLinking.url), theirs)).url)
  expect(back.searchParams.get('error')).toBe('IDENTITY_TAKEN')
  return { accessToken, browser, back, proof: back.searchParams.get('merge') ?? '' }
}

/** Two customers and a proof that they are one person. */
async function pair(mine: string, theirs: string) {
  const other = await account('facebook', theirs)
  return { ...(await shown(mine, theirs)), other }
}

const consentsOf = async (token: string): Promise<Record<string, string>> => {
  const { data } = await shop.graphql('{ me { consents { purpose state } } }', {}, token)
  return Object.fromEntries(data.me.consents.map(({ purpose, state }: { purpose: string; state: string }) => [purpose, state]))
}

test('B26 the refusal brings a proof and nothing of the other one; the proof makes one account of two', async () => {
  const { accessToken, back, proof, other } = await pair('person-1', 'person-2')
  expect([...back.searchParams.keys()]).toEqual(['error', 'merge'])
  expect(back.href).not.toMatch(/person|example/)
  const [mineBefore, theirsBefore] = [await idFor('storefront', 'google', 'person-1'), await idFor('storefront', 'facebook', 'person-2')]
  expect(mineBefore).not.toBe(theirsBefore)

  const done = await shop.graphql(merge, { proof }, accessToken)
  expect(done.errors).toBeUndefined()
  expect(done.data.mergeCustomer.identities.map((one: { provider: string }) => one.provider).sort()).toEqual(['facebook', 'google'])
  for (const token of [accessToken, other.accessToken]) expect(code(await shop.graphql('{ me { id } }', {}, token, at(1)))).toBe('UNAUTHENTICATED')
  expect(await idFor('storefront', 'facebook', 'person-2')).toBe(mineBefore)
  expect(await idFor('storefront', 'google', 'person-1')).toBe(mineBefore)
  await expectAgreement()
})

test('B33 of two decisions the one that protects more stays, whoever stays; objections and a restriction hold for one account', async () => {
  const first = await account('google', 'person-3')
  await yes(first.accessToken, 'personalised_shop', 'email_marketing')
  const second = await account('facebook', 'person-4')
  await yes(second.accessToken, 'personalised_shop', 'email_marketing', 'personalised_ads')
  await no(second.accessToken, 'email_marketing')
  await shop.graphql(restrict, { on: true }, second.accessToken)

  const { accessToken, proof } = await shown('person-3', 'person-4')
  expect((await shop.graphql(merge, { proof }, accessToken)).errors).toBeUndefined()
  const after = await account('facebook', 'person-4')
  expect(await consentsOf(after.accessToken)).toMatchObject({ personalised_shop: 'GRANTED', email_marketing: 'WITHDRAWN', personalised_ads: 'NOT_ASKED' })
  const [row] = await shop.db.collection('customers').find({ 'identities.provider': 'facebook', restricted: true }).toArray()
  expect(row?.['decisions']['email_marketing'].state).toBe('withdrawn')
  await shop.graphql(restrict, { on: false }, after.accessToken)
  await expect(shop.db.collection('consent_ledger').countDocuments({ 'turn.what': 'absorbed' })).resolves.toBeGreaterThan(0)
})

test('B35 the old id leads tools to the account that stayed, as far as they may see that one', async () => {
  const first = await account('google', 'person-5')
  const second = await account('facebook', 'person-6')
  await yes(first.accessToken, 'email_marketing')
  await yes(second.accessToken, 'email_marketing')
  const marketing = await shop.tool('marketing', 'purpose:email_marketing')
  const listed = async () => (await shop.graphql('{ customers(first: 50) { edges { node { id } } } }', {}, marketing)).data.customers.edges.map((one: { node: { id: string } }) => one.node.id)
  const before: string[] = await listed()
  const { accessToken, proof } = await shown('person-5', 'person-6')
  expect((await shop.graphql(merge, { proof }, accessToken)).errors).toBeUndefined()
  const after: string[] = await listed()
  const [old] = before.filter((id) => !after.includes(id))
  const ask = async () => (await shop.graphql('query ($id: ID!) { customer(id: $id) { id email } }', { id: old }, marketing, at(1))).data.customer
  const found = await ask()
  expect(after).toContain(found.id)
  expect(found.id).not.toBe(old)

  const now = await account('google', 'person-5')
  await no(now.accessToken, 'email_marketing')
  expect(await ask()).toBeNull()
  expect(code(await shop.graphql('{ me { id } }', {}, second.accessToken))).toBe('UNAUTHENTICATED')
})

test('undone, each has what it had, and a no that was said since holds for both', async () => {
  const first = await account('google', 'person-7')
  await yes(first.accessToken, 'personalised_shop', 'email_marketing')
  await shop.graphql(rename, { input: { givenName: 'Ada' } }, first.accessToken)
  const second = await account('facebook', 'person-8')
  await yes(second.accessToken, 'personalised_shop', 'email_marketing', 'personalised_ads')
  await shop.graphql(rename, { input: { givenName: 'Bea', familyName: 'Berg' } }, second.accessToken)
  const [mineBefore, theirsBefore] = [await idFor('storefront', 'google', 'person-7'), await idFor('storefront', 'facebook', 'person-8')]

  const { accessToken, proof } = await shown('person-7', 'person-8')
  expect((await shop.graphql(merge, { proof }, accessToken)).data.mergeCustomer).toMatchObject({ givenName: 'Bea' })
  const between = await account('google', 'person-7')
  await no(between.accessToken, 'personalised_shop')
  await yes(between.accessToken, 'personalised_ads')
  const { data } = await shop.graphql('{ me { merges { id mergedAt undoUntil } } }', {}, between.accessToken)
  expect(data.me.merges).toHaveLength(1)
  const undone = await shop.graphql(undo, { id: data.me.merges[0].id }, between.accessToken)
  expect(undone.errors).toBeUndefined()
  expect(code(await shop.graphql('{ me { id } }', {}, between.accessToken))).toBe('UNAUTHENTICATED')

  const [mine, theirs] = [await account('google', 'person-7'), await account('facebook', 'person-8')]
  const names = async (token: string) => (await shop.graphql('{ me { givenName familyName identities { provider } merges { id } } }', {}, token)).data.me
  expect(await names(mine.accessToken)).toMatchObject({ givenName: 'Ada', identities: [{ provider: 'google' }], merges: [] })
  expect(await names(theirs.accessToken)).toMatchObject({ givenName: 'Bea', familyName: 'Berg', identities: [{ provider: 'facebook' }], merges: [] })
  expect(await consentsOf(mine.accessToken)).toMatchObject({ personalised_shop: 'WITHDRAWN', email_marketing: 'GRANTED', personalised_ads: 'GRANTED' })
  expect(await consentsOf(theirs.accessToken)).toMatchObject({ personalised_shop: 'WITHDRAWN', email_marketing: 'GRANTED', personalised_ads: 'GRANTED' })
  expect([await idFor('storefront', 'google', 'person-7'), await idFor('storefront', 'facebook', 'person-8')]).toEqual([mineBefore, theirsBefore])
  await expectAgreement()
})

test('an operator undoes a merge too; a tool without the scope does not, nor anybody who is not the person', async () => {
  const { accessToken, proof } = await pair('person-9', 'person-10')
  expect((await shop.graphql(merge, { proof }, accessToken)).errors).toBeUndefined()
  const now = await account('google', 'person-9')
  const { id } = (await shop.graphql('{ me { merges { id } } }', {}, now.accessToken)).data.me.merges[0]
  const stranger = await account('google', 'person-11')
  expect(code(await shop.graphql(undo, { id }, stranger.accessToken))).toBe('BAD_USER_INPUT')
  expect(code(await shop.graphql(undo, { id }, await shop.tool('operator', 'audit:read')))).toBe('FORBIDDEN')
  expect(code(await shop.graphql(undo, { id }, (await shop.signIn('google', { as: 'person-9' })).accessToken))).toBe('FORBIDDEN')
  const operator = await shop.tool('operator', 'privacy:handle')
  // Asked once more, as by somebody who got no answer.
  for (const _ of [1, 2]) expect((await shop.graphql(undo, { id }, operator)).data).toEqual({ undoMerge: true })
  expect(code(await shop.graphql('{ me { id } }', {}, now.accessToken))).toBe('UNAUTHENTICATED')
  expect(await shop.db.collection('merges').countDocuments({ _id: id, sealed: { $exists: false } } as object)).toBe(1)
  await expectAgreement()
})

test('three become one and are taken apart in reverse; the first merge does not come undone before the last', async () => {
  const first = await pair('person-12', 'person-13')
  expect((await shop.graphql(merge, { proof: first.proof }, first.accessToken)).errors).toBeUndefined()
  const second = await pair('person-12', 'person-14')
  expect((await shop.graphql(merge, { proof: second.proof }, second.accessToken)).errors).toBeUndefined()
  const now = async () => {
    const { accessToken } = await account('google', 'person-12')
    return { accessToken, merges: (await shop.graphql('{ me { merges { id } } }', {}, accessToken)).data.me.merges.map(({ id }: { id: string }) => id) }
  }
  const both = await now()
  expect(both.merges).toHaveLength(2)
  expect(code(await shop.graphql(undo, { id: both.merges[0] }, both.accessToken))).toBe('BAD_USER_INPUT')
  await expectAgreement()
  expect((await shop.graphql(undo, { id: both.merges[1] }, both.accessToken)).errors).toBeUndefined()
  const one = await now()
  expect(one.merges).toEqual([both.merges[0]])
  expect((await shop.graphql(undo, { id: one.merges[0] }, one.accessToken)).errors).toBeUndefined()
  const ids = await Promise.all([idFor('storefront', 'google', 'person-12'), idFor('storefront', 'facebook', 'person-13'), idFor('storefront', 'facebook', 'person-14')])
  expect(new Set(ids).size).toBe(3)
  await expectAgreement()
})

test('a login that was added since stays, one that was removed since is gone, and nobody is left without a way in', async () => {
  const { accessToken, proof } = await pair('person-15', 'person-16')
  expect((await shop.graphql(merge, { proof }, accessToken)).errors).toBeUndefined()
  const now = await account('google', 'person-15')
  const { identities, merges } = (await shop.graphql('{ me { identities { id provider } merges { id } } }', {}, now.accessToken)).data.me
  const unlink = 'mutation ($id: ID!) { unlinkIdentity(id: $id) { identities { id } } }'
  const google = identities.find((one: { provider: string }) => one.provider === 'google').id
  expect((await shop.graphql(unlink, { id: google }, now.accessToken)).errors).toBeUndefined()
  const left = await account('facebook', 'person-16')
  expect(code(await shop.graphql(undo, { id: merges[0].id }, left.accessToken))).toBe('LAST_IDENTITY')

  const started = await shop.graphql(`mutation { startLinking(provider: "google", redirectUri: "${redirectUri}") { url } }`, {}, left.accessToken)
  expect((await pick(left.browser, await left.browser.open(started.data.startLinking.url), 'person-15')).url).toBe(`${redirectUri}?linked=google`)
  expect((await shop.graphql(undo, { id: merges[0].id }, left.accessToken)).errors).toBeUndefined()
  const mine = await account('google', 'person-15')
  expect((await shop.graphql('{ me { identities { provider } } }', {}, mine.accessToken)).data.me.identities).toEqual([{ provider: 'google' }])
  await expectAgreement()
})
