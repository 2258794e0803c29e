import { mkdtemp, readFile, rename, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { CustomerRow } from '../../src/storage/customers.ts'
import type { JobRow } from '../../src/storage/jobs.ts'
import type { RuleWalkRow } from '../../src/storage/rule-walks.ts'
import { start } from '../../src/main.ts'
import { addMembers, take } from '../support/audiences.ts'
import { behaviourOf, type Behaviour } from '../support/behaviour.ts'
import { clientSide, openSurroundings } from '../support/shop.ts'

/** A gateway whose policy is written anew: whoever is there already is looked at by the new rules. */
async function openHouse() {
  await using stack = new AsyncDisposableStack()
  const file = join(await mkdtemp(join(tmpdir(), 'segments-')), 'policy.yaml')
  const original = await readFile('demo/policy.yaml', 'utf8')
  await writeFile(file, original)
  const around = stack.use(await openSurroundings({ POLICY_FILE: file }))
  const gateway = stack.use(await start(around.env))
  const running = stack.move()
  /** Before the first answer by them the walk is in the line; what it leaves other processes for taking them too is not waited for here. */
  const take = async (policy: string): Promise<void> => {
    await writeFile(`${file}.new`, policy)
    await rename(`${file}.new`, file)
    await gateway.reload()
    const walk = await around.db.collection<RuleWalkRow>('rule_walks').findOne({})
    const waiting = { _id: `followRules:${walk?.turn}/`, attempts: 0 }
    const { matchedCount } = await around.db.collection<JobRow>('jobs').updateOne(waiting, { $set: { dueAt: new Date() } })
    expect(matchedCount).toBe(1)
  }
  const write = async (change: (text: string) => string): Promise<void> => {
    const changed = change(original)
    expect(changed).not.toBe(original)
    await take(changed)
  }
  const back = (): Promise<void> => take(original)
  return { ...around, ...clientSide(gateway.url), url: gateway.url, write, back, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

let house: Awaited<ReturnType<typeof openHouse>>
let people: Behaviour
beforeAll(async () => {
  house = await openHouse()
  people = behaviourOf({ ...house, newBrowser: house.newBrowser })
}, 60_000)
afterAll(() => house[Symbol.asyncDispose]())

const soon = { timeout: 60_000, interval: 50 }
const purpose = 'email_marketing'
const rows = () => house.db.collection<CustomerRow>('customers')
const segmentsOf = async (customer: string) => (await rows().findOne({ _id: customer }))?.memberships ?? []
const taken = async (segment: string, asked: Readonly<Record<string, string>> = {}) =>
  take(house.url, await house.tool('marketing'), segment, { purpose, fields: 'country', ...asked })

const austrians = `segments:
  - id: austrians
    title: { en: From Austria, de: Aus Österreich }
    purposes: [email_marketing]
    rule: { profile: { field: country, op: eq, value: AT } }
  - id: germans
    title: { en: Reads German, de: Liest Deutsch }
    purposes: [order_processing]
    rule: { profile: { field: locale, op: startsWith, value: de } }`
const withAustrians = (policy: string): string => policy.replace(/^segments:$/m, austrians)
const withoutRegulars = (policy: string): string => policy.replace(/ {2}- id: regulars\n(?: {4}.*\n)+/, '')
const withViews = (policy: string): string =>
  policy
    .replace(/^computed:$/m, 'computed:\n  - { name: viewsLastYear, compute: count, event: Product Viewed, window: P1Y }')
    .replace(
      /^segments:$/m,
      `segments:\n  - id: lookers\n    title: { en: Looks around, de: Schaut sich um }\n    purposes: [personalised_shop]\n    rule: { trait: { name: viewsLastYear, op: gte, value: 2 } }`,
    )

test('a segment that is added has whom it fits at once, many and few, and those who come later from their first moment', async () => {
  const [elsewhere = ''] = await addMembers(house.db, 400, [purpose], [], { country: 'DE' })
  const many = await addMembers(house.db, 20, [purpose], [], { country: 'AT' })
  await house.write(withAustrians)
  await vi.waitFor(async () => expect(await rows().countDocuments({ memberships: `austrians@${purpose}` })).toBe(many.length), soon)
  expect(await segmentsOf(elsewhere)).toEqual([])
  const all = await taken('austrians')
  expect(all).toMatchObject({ status: 200, complete: true })
  expect(all.people).toHaveLength(many.length)

  // Whose first login says which language they read is in it without anybody having written them again.
  await house.signIn('haus', { as: 'person-7' })
  const [newest] = await rows().find({}).sort({ createdAt: -1 }).limit(1).toArray()
  expect(newest).toMatchObject({ locale: 'de-DE', memberships: ['germans@order_processing'] })
  await house.back()
  await vi.waitFor(async () => expect(await rows().countDocuments({ memberships: `austrians@${purpose}` })).toBe(0), soon)
}, 180_000)

test('a process that cannot listen has said nothing of its rules: nobody follows them', async () => {
  const said = () => house.db.collection<RuleWalkRow>('rule_walks').findOne({})
  const before = await said()
  const file = join(await mkdtemp(join(tmpdir(), 'segments-')), 'policy.yaml')
  await writeFile(file, withoutRegulars(await readFile('demo/policy.yaml', 'utf8')))
  await expect(start({ ...house.env, POLICY_FILE: file, PORT: new URL(house.url).port, PUBLIC_URL: house.url })).rejects.toThrow('EADDRINUSE')
  expect(await said()).toEqual(before)
}, 60_000)

test('rules that stood for a moment only leave nobody where they put them', async () => {
  await house.write(withAustrians)
  await house.signIn('haus', { as: 'person-8' })
  const [newest] = await rows().find({}).sort({ createdAt: -1 }).limit(1).toArray()
  expect(newest?.memberships).toEqual(['germans@order_processing'])
  await house.back()
  await vi.waitFor(async () => expect(await segmentsOf(newest?._id ?? '')).toEqual([]), soon)
}, 180_000)

test('a segment that is removed calls everybody back who was handed out, and hands out nobody', async () => {
  const [key = ''] = await addMembers(house.db, 1, [purpose], [`regulars@${purpose}`], {
    derived: { [purpose]: { sums: { ordersLastYear: [Math.floor(Date.now() / 86_400_000), 5] }, tallies: {}, marks: {}, interests: {}, happened: '' } },
  })
  const first = await taken('regulars')
  expect(first.people).toHaveLength(1)
  await house.write(withoutRegulars)
  expect(await taken('regulars')).toMatchObject({ status: 400, error: { error: 'BAD_USER_INPUT', field: 'segment' } })
  await vi.waitFor(async () => expect(await segmentsOf(key)).toEqual([]), soon)
  const called = await taken('regulars', { since: first.cursor })
  expect(called).toMatchObject({ status: 200, people: [], suppressed: [{ id: first.people[0]?.['id'], suppressed: 'left' }], complete: true })
  expect((await taken('regulars', { since: 'x'.repeat(200) })).status).toBe(400)

  // Rules that were a mistake took nothing away.
  await house.back()
  await vi.waitFor(async () => expect(await segmentsOf(key)).toEqual([`regulars@${purpose}`]), soon)
  expect((await taken('regulars', { since: called.cursor })).people).toEqual(first.people)
}, 180_000)

test('a trait that is added is worked out of what was kept before, and so are the segments that ask for it', async () => {
  const anna = await people.person('person-1', { personalised_shop: true })
  await people.record(anna.accessToken, [people.viewed({ category: 'Camping' }), people.viewed({ category: 'Camping' })])
  const before = await people.derived(anna.customer)
  await house.write(withViews)
  await vi.waitFor(async () => expect(await segmentsOf(anna.customer)).toContain('lookers@personalised_shop'), soon)
  const { data } = await house.graphql('{ me { traits { viewsLastYear } segments { id } } }', {}, anna.accessToken)
  expect(data.me).toEqual({ traits: { viewsLastYear: 2 }, segments: [{ id: 'lookers' }] })
  await house.back()
  await vi.waitFor(async () => expect(await people.derived(anna.customer)).toEqual(before), soon)
}, 180_000)
