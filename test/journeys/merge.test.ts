import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { linksOf, pick } from '../support/browser.ts'
import { code, merge, merging, undo } from '../support/merging.ts'
import { redirectUri, startShop, type Shop } from '../support/shop.ts'

// Two accounts of one person become one, and two again. Two gateways, which share nothing but MongoDB and Redis.
let shop: Shop
let person: ReturnType<typeof merging>
beforeAll(async () => {
  // A tool that is told of decisions, at an address where nobody listens: what it is told waits.
  const clients = (await readFile('demo/clients.yaml', 'utf8')).replace(/(  - id: marketing\n)/, '$1    webhookUri: http://127.0.0.1:9/consent\n')
  const file = join(await mkdtemp(join(tmpdir(), 'merge-')), 'clients.yaml')
  await writeFile(file, clients)
  shop = await startShop({ gateways: 2, env: { CLIENTS_FILE: file } })
  person = merging(shop)
}, 60_000)
afterAll(() => shop[Symbol.asyncDispose]())

const restrict = 'mutation ($on: Boolean!) { restrictProcessing(restricted: $on) { id } }'
const rename = 'mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { id } }'
const at = (n: number): string => shop.urls[n % shop.urls.length] ?? ''
const idFor = async (client: string, provider: string, as: string): Promise<string> => {
  const { accessToken } = await shop.signIn(provider, { as, client })
  return (await shop.graphql('{ me { id } }', {}, accessToken)).data.me.id
}

test('B26 the refusal brings a proof and nothing of the other one; the proof makes one account of two', async () => {
  const { accessToken, back, proof, other } = await person.pair('person-1', 'person-2')
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
  await person.expectAgreement()
})

test('B33 of two decisions the one that protects more stays, whoever stays; objections and a restriction hold for one account', async () => {
  const first = await person.account('google', 'person-3')
  await person.yes(first.accessToken, 'personalised_shop', 'email_marketing')
  const second = await person.account('facebook', 'person-4')
  await person.yes(second.accessToken, 'personalised_shop', 'email_marketing', 'personalised_ads')
  await person.sayNo(second.accessToken, 'email_marketing')
  await shop.graphql(restrict, { on: true }, second.accessToken)

  const { accessToken, proof } = await person.shown('person-3', 'person-4')
  const told = () => shop.db.collection('jobs').countDocuments({ kind: 'clientHook', _id: /^clientHook:marketing\// } as object)
  const before = await told()
  expect((await shop.graphql(merge, { proof }, accessToken)).errors).toBeUndefined()
  // Of the one who stays, whose yes is no more; the other one is nobody any longer.
  expect(await told()).toBe(before + 1)
  const after = await person.account('facebook', 'person-4')
  expect(await person.consentsOf(after.accessToken)).toMatchObject({
    personalised_shop: 'GRANTED',
    email_marketing: 'WITHDRAWN',
    personalised_ads: 'NOT_ASKED',
  })
  const [row] = await shop.db.collection('customers').find({ 'identities.provider': 'facebook', restricted: true }).toArray()
  expect(row?.['decisions']['email_marketing'].state).toBe('withdrawn')
  await shop.graphql(restrict, { on: false }, after.accessToken)
  await expect(shop.db.collection('consent_ledger').countDocuments({ 'turn.what': 'absorbed' })).resolves.toBeGreaterThan(0)
})

test('B13 B35 the old id leads tools to the account that stayed, if they may process both; to others it is unknown', async () => {
  const first = await person.account('google', 'person-5')
  const second = await person.account('facebook', 'person-6')
  const [marketing, ads] = await Promise.all([shop.tool('marketing', 'purpose:email_marketing'), shop.tool('ads', 'purpose:personalised_ads')])
  const listed = async (token: string): Promise<string[]> => {
    const { data } = await shop.graphql('{ customers(first: 50) { edges { node { id } } } }', {}, token)
    return data.customers.edges.map((one: { node: { id: string } }) => one.node.id)
  }
  const ask = async (id: string | undefined, token: string) =>
    (await shop.graphql('query ($id: ID!) { customer(id: $id) { id } }', { id }, token, at(1))).data.customer
  await person.yes(second.accessToken, 'email_marketing', 'personalised_ads')
  const [oldToMarketing, oldToAds] = [(await listed(marketing)).at(-1), (await listed(ads)).at(-1)]
  await person.sayNo(second.accessToken, 'personalised_ads')
  await person.yes(first.accessToken, 'email_marketing')
  const { accessToken, proof } = await person.shown('person-5', 'person-6')
  expect((await shop.graphql(merge, { proof }, accessToken)).errors).toBeUndefined()

  const found = await ask(oldToMarketing, marketing)
  expect(found.id).not.toBe(oldToMarketing)
  expect(await listed(marketing)).toContain(found.id)
  const now = await person.account('google', 'person-5')
  await person.yes(now.accessToken, 'personalised_ads')
  expect(await listed(ads)).toHaveLength(1)
  expect(await ask(oldToAds, ads)).toBeNull()

  await person.sayNo(now.accessToken, 'email_marketing')
  expect(await ask(oldToMarketing, marketing)).toBeNull()
  for (const token of [first.accessToken, second.accessToken]) expect(code(await shop.graphql('{ me { id } }', {}, token))).toBe('UNAUTHENTICATED')
})

test('undone, each has what it had, and a no that was said since holds for both', async () => {
  const first = await person.account('google', 'person-7')
  await person.yes(first.accessToken, 'personalised_shop', 'email_marketing')
  await shop.graphql(rename, { input: { givenName: 'Ada' } }, first.accessToken)
  const second = await person.account('facebook', 'person-8')
  await person.yes(second.accessToken, 'personalised_shop', 'email_marketing', 'personalised_ads')
  await shop.graphql(rename, { input: { givenName: 'Bea', familyName: 'Berg' } }, second.accessToken)
  const [mineBefore, theirsBefore] = [await idFor('storefront', 'google', 'person-7'), await idFor('storefront', 'facebook', 'person-8')]

  const { accessToken, proof } = await person.shown('person-7', 'person-8')
  expect((await shop.graphql(merge, { proof }, accessToken)).data.mergeCustomer).toMatchObject({ givenName: 'Bea' })
  const between = await person.account('google', 'person-7')
  await person.sayNo(between.accessToken, 'personalised_shop')
  await person.yes(between.accessToken, 'personalised_ads')
  const { data } = await shop.graphql('{ me { merges { id mergedAt undoUntil } } }', {}, between.accessToken)
  expect(data.me.merges).toHaveLength(1)
  const undone = await shop.graphql(undo, { id: data.me.merges[0].id }, between.accessToken)
  expect(undone.errors).toBeUndefined()
  expect(code(await shop.graphql('{ me { id } }', {}, between.accessToken))).toBe('UNAUTHENTICATED')

  const [mine, theirs] = [await person.account('google', 'person-7'), await person.account('facebook', 'person-8')]
  const names = async (token: string) => (await shop.graphql('{ me { givenName familyName identities { provider } merges { id } } }', {}, token)).data.me
  expect(await names(mine.accessToken)).toMatchObject({ givenName: 'Ada', identities: [{ provider: 'google' }], merges: [] })
  expect(await names(theirs.accessToken)).toMatchObject({ givenName: 'Bea', familyName: 'Berg', identities: [{ provider: 'facebook' }], merges: [] })
  expect(await person.consentsOf(mine.accessToken)).toMatchObject({ personalised_shop: 'WITHDRAWN', email_marketing: 'GRANTED', personalised_ads: 'GRANTED' })
  expect(await person.consentsOf(theirs.accessToken)).toMatchObject({ personalised_shop: 'WITHDRAWN', email_marketing: 'GRANTED', personalised_ads: 'GRANTED' })
  expect([await idFor('storefront', 'google', 'person-7'), await idFor('storefront', 'facebook', 'person-8')]).toEqual([mineBefore, theirsBefore])
  await person.expectAgreement()
})

test('an operator undoes a merge too; a tool without the scope does not, nor anybody who is not the person', async () => {
  const { accessToken, proof } = await person.pair('person-9', 'person-10')
  expect((await shop.graphql(merge, { proof }, accessToken)).errors).toBeUndefined()
  const now = await person.account('google', 'person-9')
  const { id } = (await shop.graphql('{ me { merges { id } } }', {}, now.accessToken)).data.me.merges[0]
  const stranger = await person.account('google', 'person-11')
  expect(code(await shop.graphql(undo, { id }, stranger.accessToken))).toBe('BAD_USER_INPUT')
  expect(code(await shop.graphql(undo, { id }, await shop.tool('operator', 'audit:read')))).toBe('FORBIDDEN')
  expect(code(await shop.graphql(undo, { id }, (await shop.signIn('google', { as: 'person-9' })).accessToken))).toBe('FORBIDDEN')
  const operator = await shop.tool('operator', 'privacy:handle')
  // Asked once more, as by somebody who got no answer.
  for (const _ of [1, 2]) expect((await shop.graphql(undo, { id }, operator)).data).toEqual({ undoMerge: true })
  expect(code(await shop.graphql('{ me { id } }', {}, now.accessToken))).toBe('UNAUTHENTICATED')
  expect(await shop.db.collection('merges').countDocuments({ _id: id, sealed: { $exists: false } } as object)).toBe(1)
  await person.expectAgreement()
})

test('three become one and are taken apart in reverse; the first merge does not come undone before the last', async () => {
  const first = await person.pair('person-12', 'person-13')
  expect((await shop.graphql(merge, { proof: first.proof }, first.accessToken)).errors).toBeUndefined()
  const second = await person.pair('person-12', 'person-14')
  expect((await shop.graphql(merge, { proof: second.proof }, second.accessToken)).errors).toBeUndefined()
  const now = async () => {
    const { accessToken } = await person.account('google', 'person-12')
    return { accessToken, merges: (await shop.graphql('{ me { merges { id } } }', {}, accessToken)).data.me.merges.map(({ id }: { id: string }) => id) }
  }
  const both = await now()
  expect(both.merges).toHaveLength(2)
  expect(code(await shop.graphql(undo, { id: both.merges[0] }, both.accessToken))).toBe('BAD_USER_INPUT')
  await person.expectAgreement()
  expect((await shop.graphql(undo, { id: both.merges[1] }, both.accessToken)).errors).toBeUndefined()
  const one = await now()
  expect(one.merges).toEqual([both.merges[0]])
  expect((await shop.graphql(undo, { id: one.merges[0] }, one.accessToken)).errors).toBeUndefined()
  const ids = await Promise.all([
    idFor('storefront', 'google', 'person-12'),
    idFor('storefront', 'facebook', 'person-13'),
    idFor('storefront', 'facebook', 'person-14'),
  ])
  expect(new Set(ids).size).toBe(3)
  await person.expectAgreement()
})

test('a login that was added since stays, one that was removed since is gone, and nobody is left without a way in', async () => {
  const { accessToken, proof } = await person.pair('person-15', 'person-16')
  expect((await shop.graphql(merge, { proof }, accessToken)).errors).toBeUndefined()
  const now = await person.account('google', 'person-15')
  const { identities, merges } = (await shop.graphql('{ me { identities { id provider } merges { id } } }', {}, now.accessToken)).data.me
  const unlink = 'mutation ($id: ID!) { unlinkIdentity(id: $id) { identities { id } } }'
  const google = identities.find((one: { provider: string }) => one.provider === 'google').id
  expect((await shop.graphql(unlink, { id: google }, now.accessToken)).errors).toBeUndefined()
  const left = await person.account('facebook', 'person-16')
  expect(code(await shop.graphql(undo, { id: merges[0].id }, left.accessToken))).toBe('LAST_IDENTITY')

  const started = await shop.graphql(`mutation { startLinking(provider: "google", redirectUri: "${redirectUri}") { url } }`, {}, left.accessToken)
  expect((await pick(left.browser, await left.browser.open(started.data.startLinking.url), 'person-15')).url).toBe(`${redirectUri}?linked=google`)
  expect((await shop.graphql(undo, { id: merges[0].id }, left.accessToken)).errors).toBeUndefined()
  const mine = await person.account('google', 'person-15')
  expect((await shop.graphql('{ me { identities { provider } } }', {}, mine.accessToken)).data.me.identities).toEqual([{ provider: 'google' }])
  await person.expectAgreement()
})

test('in the account centre: the page says what a merge does, does it on one press, and takes it back on another', async () => {
  await person.account('facebook', 'person-22')
  const browser = shop.newBrowser()
  const chosen = await browser.open(`${shop.url}/account`)
  const way = linksOf(chosen).find((href) => new URL(href).searchParams.get('provider') === 'google') ?? ''
  let page = await pick(browser, await browser.open(way), 'person-21')
  expect(page.url).toBe(`${shop.url}/account`)
  page = await browser.open(`${shop.url}/account/logins/add?provider=facebook`)
  const onward = await browser.submit(page, {}, (form) => form.action.endsWith('/account/logins/add'))
  const picker = await browser.open(linksOf(onward).find((href) => href.includes('/login/link/')) ?? '')
  page = await pick(browser, picker, 'person-22')
  expect(new URL(page.url).pathname).toBe('/account/merge')
  expect(page.text).toContain('Make one account of two')
  expect(page.text).not.toContain('person-22')
  await browser.submit(page, {}, (form) => form.action.endsWith('/account/merge'))

  const again = await browser.open(`${shop.url}/account`)
  page = await pick(browser, await browser.open(linksOf(again).find((href) => new URL(href).searchParams.get('provider') === 'facebook') ?? ''), 'person-22')
  expect(page.text).toContain('Another account became part of this one')
  const { id } = (await shop.db.collection('customers').findOne({ 'merges.id': { $exists: true }, 'identities.email': 'person-21@people.example' }))?.[
    'merges'
  ].at(-1)
  page = await browser.open(linksOf(page).find((href) => href.endsWith(`/account/merge/undo?id=${id}`)) ?? '')
  expect(page.text).toContain('Each account gets back what it had')
  await browser.submit(page, {}, (form) => form.action.endsWith('/account/merge/undo'))
  expect(await idFor('storefront', 'google', 'person-21')).not.toBe(await idFor('storefront', 'facebook', 'person-22'))
  await person.expectAgreement()
})
