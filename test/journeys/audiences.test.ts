import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { addMembers, take } from '../support/audiences.ts'
import { behaviourOf, type Behaviour } from '../support/behaviour.ts'
import { merge, merging, undo } from '../support/merging.ts'
import { startShop, type Shop } from '../support/shop.ts'

/** A tool that takes people out, is told of them, and has to let go of them. */
let shop: Shop
let people: Behaviour
let marketing: string
const told: { readonly type: string | undefined; readonly body: string }[] = []
const hook = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    told.push({ type: request.headers['content-type'], body: Buffer.concat(chunks).toString() })
    response.writeHead(204).end()
  })
})

beforeAll(async () => {
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
  const address = hook.address()
  const hookUri = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/told`
  const file = join(await mkdtemp(join(tmpdir(), 'audiences-')), 'clients.yaml')
  await writeFile(file, (await readFile('demo/clients.yaml', 'utf8')).replace(/(  - id: marketing\n)/, `$1    webhookUri: ${hookUri}\n`))
  shop = await startShop({ env: { CLIENTS_FILE: file } })
  people = behaviourOf(shop)
  marketing = await shop.tool('marketing')
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
  hook.closeAllConnections()
  hook.close()
})

const purpose = 'email_marketing'
const fields = 'email,familyName,country'
const taken = (asked: Readonly<Record<string, string>> = {}, segment = 'winter_sport') => take(shop.url, marketing, segment, { purpose, fields, ...asked })
const since = (cursor: string, segment = 'winter_sport') => taken({ since: cursor }, segment)
const ski = () => people.viewed({ product_id: 'ski-1', category: 'Winter sports' })
const row = (customer: string, read: Readonly<Record<string, unknown>>) => shop.db.collection<{ _id: string }>('customers').updateOne({ _id: customer }, read)

/** Somebody who agreed to letters and likes winter sports. */
async function skier(as: string) {
  const person = await people.person(as, { personalised_shop: true, email_marketing: true })
  await people.record(person.accessToken, [ski(), ski(), ski(), ski()])
  const { data } = await shop.graphql('{ me { email } }', {}, person.account)
  return { ...person, email: String(data.me.email) }
}
type Skier = Awaited<ReturnType<typeof skier>>
const toldAt = async ({ customer }: Skier) =>
  (await shop.db.collection('audience_changes').findOne({ customer, audience: `winter_sport@${purpose}` }))?.['at'] as Date
const idOf = async ({ email }: Skier, all: Awaited<ReturnType<typeof taken>>) => String(all.people.find((one) => one['email'] === email)?.['id'])

test('what is handed out is in the person’s access log, and is called back when they withdraw', async () => {
  const anna = await skier('person-1')
  const first = await taken()
  expect(first).toMatchObject({ status: 200, complete: true, people: [{ email: anna.email }], suppressed: [] })
  const log = await shop.graphql('{ me { accessLog(first: 3) { edges { node { type clientId purposes categories } } } } }', {}, anna.account)
  expect(log.data.me.accessLog.edges.map((edge: { node: object }) => edge.node)).toContainEqual({
    type: 'data.read',
    clientId: 'marketing',
    purposes: [purpose],
    categories: ['user.contact.address.country', 'user.contact.email', 'user.name'],
  })
  expect(await since(first.cursor)).toMatchObject({ suppressed: [], complete: true })

  const id = await idOf(anna, first)
  await people.say(anna.account, { email_marketing: false })
  expect((await taken()).people).toEqual([])
  const called = await since(first.cursor)
  expect(called).toMatchObject({ people: [], suppressed: [{ id, suppressed: 'withdrawn' }], complete: true })
  // Told once more than needed rather than once less.
  expect((await since(first.cursor)).suppressed).toEqual(called.suppressed)
  expect((await since(called.cursor)).complete).toBe(true)
})

test('changes of what the purpose shows are told, others not', async () => {
  const ben = await skier('person-2')
  const first = await taken()
  const update = 'mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { id } }'
  const change = async (input: object) => expect((await shop.graphql(update, { input }, ben.account)).errors).toBeUndefined()
  const changed = () => toldAt(ben)
  const before = await changed()
  await change({ postcode: '20095' })
  expect(await changed()).toEqual(before)
  await change({ familyName: 'Berg', country: 'AT' })
  expect((await since(first.cursor)).people).toContainEqual({ id: await idOf(ben, first), email: ben.email, familyName: 'Berg', country: 'AT' })
  expect(await changed()).not.toEqual(before)
  // What is computed is handed out too.
  const traits = { fields: 'traits.ordersLastYear' }
  const counted = await taken(traits)
  const then = await changed()
  await people.record(ben.accessToken, [ski()])
  expect(await changed()).toEqual(then)
  await people.record(ben.accessToken, [{ ...people.viewed({ category: 'Winter sports' }), name: 'Order Completed' }])
  expect(await changed()).not.toEqual(then)
  expect((await taken({ ...traits, since: counted.cursor })).people).toContainEqual({ id: await idOf(ben, first), traits: { ordersLastYear: 1 } })
})

test('who becomes one with another is told of with what came along; apart again, all that was derived of them is back', async () => {
  const { account, shown, yes } = merging(shop)
  const erik = await skier('person-961')
  const other = await account('facebook', 'person-962')
  await yes(other.accessToken, purpose)
  await shop.graphql('mutation { updateProfile(input: { traits: { clothingSize: "M" } }) { id } }', {}, other.accessToken)
  const { proof, accessToken } = await shown('person-961', 'person-962')
  const [first, then, derived] = [await taken({ fields: 'traits.clothingSize' }), await toldAt(erik), await people.derived(erik.customer)]
  expect(Object.keys(derived ?? {}).sort()).toEqual([purpose, 'personalised_shop'])
  expect((await shop.graphql(merge, { proof }, accessToken)).errors).toBeUndefined()
  expect(await toldAt(erik)).not.toEqual(then)
  expect((await taken({ fields: 'traits.clothingSize', since: first.cursor })).people).toContainEqual({
    id: expect.any(String),
    traits: { clothingSize: 'M' },
  })
  // The other one has agreed to letters only.
  expect(Object.keys((await people.derived(erik.customer)) ?? {})).toEqual([purpose])

  const both = await account('google', 'person-961')
  const { data } = await shop.graphql('{ me { merges { id } } }', {}, both.accessToken)
  expect((await shop.graphql(undo, { id: data.me.merges[0].id }, both.accessToken)).errors).toBeUndefined()
  expect(await people.derived(erik.customer)).toEqual(derived)
  const parted = await shop.db.collection('customers').findOne({ _id: erik.customer as never })
  expect([parted?.['memberships'].toSorted(), parted?.['behaviourFrom']]).toEqual([[`winter_sport@${purpose}`, 'winter_sport@personalised_shop'], {}])
})

test('an objection, a restriction, an erasure and leaving by the rule are each called back by their name', async () => {
  const clara = await skier('person-3')
  const first = await taken()
  const id = await idOf(clara, first)
  const restrict = 'mutation ($on: Boolean!) { restrictProcessing(restricted: $on) { id } }'
  await shop.graphql(restrict, { on: true }, clara.account)
  expect((await since(first.cursor)).suppressed).toContainEqual({ id, suppressed: 'restricted' })
  await shop.graphql(restrict, { on: false }, clara.account)
  expect((await since(first.cursor)).people).toContainEqual(expect.objectContaining({ id, email: clara.email }))

  await people.record(clara.accessToken, [{ ...people.viewed({ category: 'Winter sports' }), name: 'Product Added' }])
  const baskets = await taken({}, 'left_the_basket')
  expect(baskets.people).toContainEqual(expect.objectContaining({ id }))
  await people.record(clara.accessToken, [{ ...people.viewed({ category: 'Winter sports' }), name: 'Order Completed' }])
  expect((await since(baskets.cursor, 'left_the_basket')).suppressed).toContainEqual({ id, suppressed: 'left' })

  const erased = await shop.graphql('mutation { eraseMe(confirm: true) { completedAt } }', {}, clara.account)
  expect(erased.errors).toBeUndefined()
  expect((await since(first.cursor)).suppressed).toContainEqual({ id, suppressed: 'erased' })
})

test('clients are told who enters and who leaves, in order and signed, and nothing but ids', async () => {
  const dora = await skier('person-4')
  const id = await idOf(dora, await taken())
  const keys = createRemoteJWKSet(new URL(`${shop.url}/oidc/jwks`))
  const toldOf = (many: number) =>
    vi.waitFor(async () => expect((await eventsOf()).filter(({ sub }) => sub === id)).toHaveLength(many), { timeout: 20_000, interval: 100 })
  // Who has left again is not told to have entered.
  await toldOf(1)
  await people.say(dora.account, { email_marketing: false })
  await toldOf(2)
  const events = (await eventsOf()).filter(({ sub }) => sub === id)
  expect(events.map(({ event, segment, purpose: on, reason }) => ({ event, segment, on, reason }))).toEqual([
    { event: 'segment.entered', segment: 'winter_sport', on: purpose, reason: undefined },
    { event: 'segment.left', segment: 'winter_sport', on: purpose, reason: 'withdrawn' },
  ])
  expect(JSON.stringify(events)).not.toContain(dora.email)

  async function eventsOf(): Promise<Record<string, unknown>[]> {
    const verified = await Promise.all(
      told.map(({ body }) => jwtVerify<Record<string, unknown>>(body, keys, { audience: 'marketing', issuer: `${shop.url}/oidc` })),
    )
    return verified.filter(({ protectedHeader }) => protectedHeader.typ === 'segment-event+jwt').map(({ payload }) => payload)
  }
})

test('who does not fetch in time who is gone is handed nobody more, raises an alert, and comes back by fetching', async () => {
  const first = await taken()
  const receivers = shop.db.collection('audience_receivers')
  const late = new Date(Date.now() - 25 * 3_600_000)
  await receivers.updateOne({ _id: `marketing/winter_sport@${purpose}` as never }, { $set: { calledBackTo: late } })
  const refused = await taken()
  expect(refused).toMatchObject({ status: 403, error: { error: 'FORBIDDEN', field: 'since', since: expect.any(String) } })
  const page = await shop.graphql(`{ audience(segment: "winter_sport", purpose: "${purpose}") { people { id } } }`, {}, marketing)
  expect(page.errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', since: expect.any(String) })
  // Another tool, and another segment of the same tool, go on.
  expect((await taken({}, 'regulars')).status).toBe(200)
  await vi.waitFor(
    async () => {
      const { data } = await shop.graphql('{ alerts(open: true) { edges { node { rule subject } } } }', {}, await shop.tool('operator'))
      expect(data.alerts.edges).toContainEqual({ node: { rule: 'suppressionsOverdue', subject: 'client:marketing' } })
    },
    { timeout: 15_000 },
  )
  const caught = await since(String(refused.error?.since))
  expect([caught.status, caught.complete, caught.people.length]).toEqual([200, true, first.people.length])
  expect((await taken()).status).toBe(200)
})

test('who fetched nothing for so long that nobody knows any more whom to call back begins anew', async () => {
  await taken({}, 'left_the_basket')
  const audience = `left_the_basket@${purpose}`
  const [key = ''] = await addMembers(shop.db, 1, [purpose], [audience])
  const day = 86_400_000
  await shop.db
    .collection('audience_receivers')
    .updateOne({ _id: `marketing/${audience}` as never }, { $set: { calledBackTo: new Date(Date.now() - 95 * day) } })
  const refused = await taken({}, 'left_the_basket')
  expect(refused).toMatchObject({ status: 403, error: { error: 'FORBIDDEN', field: 'after', after: expect.any(String) } })
  const anew = await taken({ after: String(refused.error?.after) }, 'left_the_basket')
  expect(anew).toMatchObject({ status: 200, complete: true })
  expect(anew.people.length).toBeGreaterThan(0)
  expect((await taken({}, 'left_the_basket')).status).toBe(200)
  expect(await since(anew.cursor, 'left_the_basket')).toMatchObject({ status: 200, complete: true })
  await row(key, { $set: { memberships: [] } })
})

test('who becomes part of another is called back under the name they had', async () => {
  const { pair, yes } = merging(shop)
  const { proof, accessToken, other } = await pair('person-951', 'person-952')
  await yes(other.accessToken, purpose)
  const { data } = await shop.graphql('{ me { email } }', {}, other.accessToken)
  await shop.db.collection('customers').updateOne({ email: data.me.email }, { $set: { memberships: [`winter_sport@${purpose}`] } })
  const first = await taken()
  const id = first.people.find((one) => one['email'] === data.me.email)?.['id']
  expect(id).toEqual(expect.any(String))
  expect((await shop.graphql(merge, { proof }, accessToken)).errors).toBeUndefined()
  expect((await since(first.cursor)).suppressed).toContainEqual({ id, suppressed: 'merged' })
  expect((await taken()).people.map((one) => one['id'])).not.toContain(id)
})

test('a consent that runs out is called back when it does', async () => {
  const [key = ''] = await addMembers(shop.db, 1, [purpose], [`regulars@${purpose}`])
  const first = await taken({}, 'regulars')
  expect(first.people).toHaveLength(1)
  await row(key, { $set: { [`decisions.${purpose}.expiresAt`]: new Date(Date.now() - 1000), membershipsDue: new Date(Date.now() - 1000) } })
  expect((await taken({}, 'regulars')).people).toEqual([])
  await vi.waitFor(async () => expect((await since(first.cursor, 'regulars')).suppressed).toEqual([{ id: first.people[0]?.['id'], suppressed: 'expired' }]), {
    timeout: 20_000,
    interval: 500,
  })
})

test('GraphQL gives the same, page by page', async () => {
  await addMembers(shop.db, 5, [purpose], [`regulars@${purpose}`])
  const query = `query ($after: String, $since: String) {
    audience(segment: "regulars", purpose: "${purpose}", first: 2, after: $after, since: $since) { people { id email } suppressed { id suppressed } cursor complete }
  }`
  const ids: string[] = []
  let cursor: string | null = null
  for (let complete = false; !complete;) {
    const { data }: Awaited<ReturnType<Shop['graphql']>> = await shop.graphql(query, { after: cursor }, marketing)
    ids.push(...data.audience.people.map(({ id }: { id: string }) => id))
    ;({ cursor, complete } = data.audience)
  }
  const streamed = (await taken({}, 'regulars')).people.map(({ id }) => id)
  expect([ids, new Set(ids).size]).toEqual([streamed, 5])
  const listed = await shop.graphql('{ customers(segment: "regulars", first: 10) { edges { node { id } } totalCount } }', {}, marketing)
  expect(listed.data.customers).toMatchObject({ totalCount: 5, edges: ids.map((id) => ({ node: { id } })) })
  expect((await shop.graphql(query, { since: cursor }, marketing)).data.audience).toMatchObject({ people: [], suppressed: expect.any(Array), complete: true })
})

test('all of an audience is taken out so often in an hour; what changed can be asked for always', async () => {
  const first = await taken({}, 'left_the_basket')
  const ask = `{ audience(segment: "left_the_basket", purpose: "${purpose}", first: 1) { cursor } }`
  const answers = await Promise.all(Array.from({ length: 60 }, () => shop.graphql(ask, {}, marketing)))
  expect(answers.map(({ errors }) => errors?.[0]?.extensions.code)).toContain('RATE_LIMITED')
  expect(await taken({}, 'left_the_basket')).toMatchObject({ status: 429, error: { error: 'RATE_LIMITED', retryAfter: expect.any(Number) } })
  expect((await since(first.cursor, 'left_the_basket')).status).toBe(200)
})
