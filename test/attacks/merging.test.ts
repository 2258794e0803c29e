import { afterAll, beforeAll, expect, test } from 'vitest'
import { pick } from '../support/browser.ts'
import { code, merge, merging, undo } from '../support/merging.ts'
import { knownAgain, withTotp } from '../support/signing-in.ts'
import { redirectUri, startShop, type Answer, type Shop } from '../support/shop.ts'

// Adding, removing and merging ways in, as somebody does it who may not. What is refused leaves everything as it was.
let shop: Shop
let person: ReturnType<typeof merging>
beforeAll(async () => {
  shop = await startShop({ gateways: 2 })
  person = merging(shop)
}, 60_000)
afterAll(() => shop[Symbol.asyncDispose]())

const unlink = 'mutation ($id: ID!) { unlinkIdentity(id: $id) { id } }'
const start = `mutation { startLinking(provider: "facebook", redirectUri: "${redirectUri}") { url } }`

/** Everything about customers, as it is stored. */
const stored = async (): Promise<string> => {
  const of = (name: string) => shop.db.collection(name).find().sort({ _id: 1 }).toArray()
  return JSON.stringify(await Promise.all(['customers', 'identities', 'emails', 'consent_ledger', 'merges'].map(of)))
}

async function refused(expected: string, ask: () => Promise<Answer>): Promise<void> {
  const before = await stored()
  expect(code(await ask())).toBe(expected)
  expect(await stored()).toBe(before)
}

test('B20 the last way in stays', async () => {
  const { accessToken } = await person.account('google', 'person-1')
  const { id } = (await shop.graphql('{ me { identities { id } } }', {}, accessToken)).data.me.identities[0]
  await refused('LAST_IDENTITY', () => shop.graphql(unlink, { id }, accessToken))
})

test('B24 B25 linking that another began, or one signed in as somebody else since, links nothing', async () => {
  const mine = await person.account('google', 'person-2')
  const begun = async (token: string): Promise<string> => (await shop.graphql(start, {}, token)).data.startLinking.url
  const victim = await person.account('google', 'person-3')
  const before = await shop.db.collection('identities').countDocuments()

  const lured = await victim.browser.open(await begun(mine.accessToken))
  expect(lured.url).not.toContain(shop.providers.facebook.url)

  const picker = await mine.browser.open(await begun(mine.accessToken))
  expect(picker.url).toContain(shop.providers.facebook.url)
  const url = await begun(mine.accessToken)
  await shop.graphql('mutation { logout }', {}, mine.accessToken)
  await person.account('google', 'person-4', mine.browser)
  expect((await mine.browser.open(url)).url).not.toContain(shop.providers.facebook.url)
  // The one that was at the provider already comes back into the session of another.
  await pick(mine.browser, picker, 'person-2')
  expect(await shop.db.collection('identities').countDocuments({ provider: 'facebook' })).toBe(0)
  expect(await shop.db.collection('identities').countDocuments()).toBe(before + 1)
})

test('B28 a shop, a tool and nobody at all merge nothing', async () => {
  const { proof } = await person.pair('person-5', 'person-6')
  const shopToken = (await shop.signIn('google', { as: 'person-5' })).accessToken
  await refused('FORBIDDEN', () => shop.graphql(merge, { proof }, shopToken))
  await refused('FORBIDDEN', async () => shop.graphql(merge, { proof }, await shop.tool('operator', 'privacy:handle')))
  await refused('UNAUTHENTICATED', () => shop.graphql(merge, { proof }))
})

test('B31 half a proof: of another session, for another, used, expired, made up, of oneself', async () => {
  const { accessToken, proof, other } = await person.pair('person-7', 'person-8')
  const again = await person.account('google', 'person-7')
  const stranger = await person.account('google', 'person-9')
  for (const token of [again.accessToken, stranger.accessToken, other.accessToken]) await refused('BAD_USER_INPUT', () => shop.graphql(merge, { proof }, token))
  for (const made of ['', 'x', 'x'.repeat(43), proof.slice(0, -1), `${proof}A`, other.accessToken])
    await refused('BAD_USER_INPUT', () => shop.graphql(merge, { proof: made }, accessToken))
  // Nobody of them has spent it.
  expect((await shop.graphql(merge, { proof }, accessToken)).errors).toBeUndefined()
  const now = await person.account('google', 'person-7')
  await refused('BAD_USER_INPUT', () => shop.graphql(merge, { proof }, now.accessToken))

  // A login of one's own is no proof of a second account, and brings none.
  const started = await shop.graphql(start, {}, now.accessToken)
  const back = new URL((await pick(now.browser, await now.browser.open(started.data.startLinking.url), 'person-8')).url)
  expect([...back.searchParams.keys()]).toEqual(['linked'])
})

test('B31 the proof ends when the other one has become part of a third, or has been merged before', async () => {
  const first = await person.pair('person-10', 'person-11')
  const second = await person.shown('person-12', 'person-11')
  expect((await shop.graphql(merge, { proof: first.proof }, first.accessToken)).errors).toBeUndefined()
  await refused('BAD_USER_INPUT', () => shop.graphql(merge, { proof: second.proof }, second.accessToken))
})

test('B34 an account with a second factor is not merged away past it', async () => {
  const { accessToken, proof } = await person.pair('person-13', 'person-14')
  const theirs = await shop.db.collection('identities').findOne({ provider: 'facebook' }, { sort: { linkedAt: -1 } })
  const factors = [{ id: 'f', kind: 'totp', addedAt: new Date() }]
  await shop.db.collection('customers').updateOne({ _id: theirs?.['customer'] }, { $set: { factors } })
  await refused('STEP_UP_REQUIRED', () => shop.graphql(merge, { proof }, accessToken))
})

test('B34 where both have one, the one that would go is given up by proving it; the account that stays is guarded by its own', async () => {
  const [mine, theirs] = await Promise.all([person.account('google', 'person-18'), person.account('facebook', 'person-19')])
  const own = await withTotp(shop, mine.accessToken)
  const other = await withTotp(shop, theirs.accessToken)
  const prove = (action: string, totp: string, token: string) =>
    shop.graphql('mutation ($action: ID!, $totp: String!) { completeStepUp(action: $action, proof: { totp: $totp }) }', { action, totp }, token)
  const factorsOf = async (token: string) => (await shop.graphql('{ me { factors { id kind } } }', {}, token)).data.me.factors
  const [{ id }] = await factorsOf(theirs.accessToken)
  const remove = () => shop.graphql('mutation ($id: ID!) { removeFactor(id: $id) }', { id }, theirs.accessToken)
  await refused('STEP_UP_REQUIRED', remove)
  await prove('removeFactor', other.next(), theirs.accessToken)
  expect((await remove()).errors).toBeUndefined()

  await prove('linkIdentity', own.next(), mine.accessToken)
  const started = await shop.graphql(start, {}, mine.accessToken)
  const back = new URL((await pick(mine.browser, await mine.browser.open(started.data.startLinking.url), 'person-19')).url)
  await prove('mergeCustomer', own.next(), mine.accessToken)
  expect((await shop.graphql(merge, { proof: back.searchParams.get('merge') }, mine.accessToken)).errors).toBeUndefined()
  const now = await person.account('google', 'person-18', knownAgain(shop, mine.browser))
  expect(await factorsOf(now.accessToken)).toMatchObject([{ kind: 'totp' }])
})

test('a merge is undone by the person at the account centre or an operator, by nobody else', async () => {
  const { accessToken, proof, other } = await person.pair('person-15', 'person-16')
  expect((await shop.graphql(merge, { proof }, accessToken)).errors).toBeUndefined()
  const now = await person.account('google', 'person-15')
  const { id } = (await shop.graphql('{ me { merges { id } } }', {}, now.accessToken)).data.me.merges[0]
  const stranger = await person.account('google', 'person-17')
  await refused('BAD_USER_INPUT', () => shop.graphql(undo, { id }, stranger.accessToken))
  await refused('BAD_USER_INPUT', () => shop.graphql(undo, { id: 'nothing' }, now.accessToken))
  await refused('UNAUTHENTICATED', () => shop.graphql(undo, { id }, other.accessToken))
  await refused('UNAUTHENTICATED', () => shop.graphql(undo, { id }))
  for (const client of ['operator', 'marketing'])
    await refused('FORBIDDEN', async () => shop.graphql(undo, { id }, await shop.tool(client, client === 'operator' ? 'audit:read' : undefined)))
  const shopToken = (await shop.signIn('google', { as: 'person-15' })).accessToken
  await refused('FORBIDDEN', () => shop.graphql(undo, { id }, shopToken))
  await shop.db.collection('merges').updateOne({ _id: id }, { $set: { expiresAt: new Date() } })
  await refused('BAD_USER_INPUT', () => shop.graphql(undo, { id }, now.accessToken))
})

test('what undoing needs lies encrypted, and with its end it is gone', async () => {
  const indexes = await shop.db.collection('merges').indexes()
  expect(indexes).toContainEqual(expect.objectContaining({ key: { expiresAt: 1 }, expireAfterSeconds: 0 }))
  const rows = await shop.db.collection('merges').find().toArray()
  expect(rows.length).toBeGreaterThan(0)
  expect(JSON.stringify(rows)).not.toMatch(/person-|people\.example/)
  expect(Math.max(...rows.map(({ expiresAt }) => expiresAt.getTime()))).toBeLessThanOrEqual(Date.now() + 30 * 86_400_000)
})
