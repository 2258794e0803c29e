import { readFileSync } from 'node:fs'
import { MongoClient, type Collection } from 'mongodb'
import { readPolicy } from '../src/config/policy.ts'
import { deriver, type KeptEvent } from '../src/personalization/derive.ts'
import { derivedReader } from '../src/personalization/read-derived.ts'
import { derivedFields, openParts } from '../src/consent/derived.ts'
import type { CustomerRow } from '../src/storage/customers.ts'
import { visitOf } from './behaviour.ts'
import { startChild, type Child } from './child.ts'
import { databases, inDatabase } from './databases.ts'
import { post, type Target } from './load.ts'
import { forReads, startOurs } from './ours.ts'
import { sameValues, twelveFields } from './peers.ts'
import { crowd, customerRow, people, personOf, type Person } from './people.ts'
import type { Row } from './report.ts'
import { compare } from './rounds.ts'
import type { Tokens } from './tokens.ts'

/** How many people each side keeps; the first of `people` are read. */
const size = Math.max(crowd, Number(process.env['BENCH_PEOPLE'] ?? crowd))
const few = 10_000
const asked = 5_000
const atOnce = 2_000
const visits = 4
const day = 86_400_000

const computed = 'ordersLastYear spentLastYear favouriteCategories'
const fields = `${twelveFields.replace('newsletterRhythm', `newsletterRhythm ${computed}`)} affinities { kind name score } segments { id title }`

const policy = readPolicy(readFileSync('bench/policy.yaml', 'utf8'), 'bench/policy.yaml')
const { apply, memberships } = deriver(policy)
const read = derivedReader(policy)
const shop = 'personalised_shop'
const parts = openParts([...new Set([...derivedFields(policy).values()].flat())], policy.maskOf([shop]), policy)
const now = Date.now()

/** What a person did in the last weeks, the same at every run. */
function eventsOf(n: number): KeptEvent[] {
  return Array.from({ length: visits }, (_, visit) => ({ visit, ...visitOf(n * visits + visit, crowd) })).flatMap(({ visit, acts }) =>
    acts.map(({ event, properties }, i) => {
      const at = new Date(now - visit * 9 * day - i * 60_000)
      return { id: `${n}/${visit}/${i}`, name: event, at, receivedAt: at, properties }
    }),
  )
}

function behavingRow(person: Person, n: number): CustomerRow {
  const row = { ...customerRow(person), derived: { [shop]: apply(undefined, shop, eventsOf(n), now, []) } }
  return { ...row, memberships: memberships(row, now).memberships }
}

/** What the usual stack keeps beside the profile: the values themselves, as the last event left them. */
function peerRow(row: CustomerRow, { key, profile }: Person) {
  const { traits, affinities, segments } = read(row, parts, now)
  const titles = new Map(policy.segments.map(({ id, titles: byLocale }) => [id, byLocale.get('en') ?? id]))
  return { _id: key, ...profile, traits: { ...profile.traits, ...traits }, affinities, segments: segments.map((id) => ({ id, title: titles.get(id) ?? id })) }
}

interface Filled {
  readonly rows: Collection<CustomerRow>
  readonly theirs?: Collection<{ _id: string }>
}

async function fill({ rows, theirs }: Filled, count: number): Promise<void> {
  for (let from = 0; from < count; from += atOnce) {
    const some = Array.from({ length: Math.min(atOnce, count - from) }, (_, i) => {
      const person = people[from + i] ?? personOf(from + i)
      return { person, row: behavingRow(person, from + i) }
    })
    await rows.insertMany(some.map(({ row }) => row))
    await theirs?.insertMany(some.map(({ person, row }) => peerRow(row, person)))
  }
}

/** A gateway whose people have behaved, with the keys that the tokens are made with. */
async function opened(stack: AsyncDisposableStack, client: MongoClient, uri: string, name: string, count: number, theirs?: Filled['theirs']): Promise<Child> {
  const db = client.db(name)
  await db.dropDatabase()
  stack.defer(async () => void (await db.dropDatabase()))
  await db.collection('keys').insertMany(await client.db(databases.ours).collection('keys').find().toArray())
  const child = stack.use(await startOurs(uri, { ...forReads, MONGODB_URI: inDatabase(uri, name) }))
  await fill({ rows: db.collection<CustomerRow>('customers'), ...(theirs && { theirs }) }, count)
  return child
}

const withoutScores = (body: string): string => body.replaceAll(/,"score":[\d.e-]+/g, '')
const expected = (person: Person, n: number) => {
  const { affinities, ...known } = peerRow(behavingRow(person, n), person)
  return { ...known, affinities: affinities.map(({ kind, name }) => ({ kind, name })) }
}

function target(port: number, requests: Buffer[], id: (at: number) => string | undefined): Target {
  return {
    port,
    requests,
    check: (body, at) => {
      const person = people[at]
      const { _id, ...me } = expected(person ?? personOf(at), at)
      if (!sameValues(withoutScores(body), { data: { me: { id: id(at), ...me } } })) throw new Error(`answer ${at} is wrong: ${body.slice(0, 900)}`)
    },
  }
}

const own = ({ port }: Child, tokens: Tokens): Target =>
  target(
    port,
    tokens.ofPeople.slice(0, asked).map((token) => post('/graphql', { query: `{ me { ${fields} } }` }, { authorization: `Bearer ${token}` })),
    (at) => tokens.idsInShop[at],
  )

const usual = ({ port }: Child): Target =>
  target(
    port,
    people.slice(0, asked).map(({ key }) => post('/', { query: `query ($id: ID!) { me(id: $id) { ${fields} } }`, variables: { id: key } })),
    (at) => people[at]?.key,
  )

/** Profile, traits, interests and segments in one answer, decided by consent and worked out as it is read; the peer reads them as they were stored. */
export async function personalReads(uri: string, tokens: Tokens, rounds: number): Promise<Row> {
  await using stack = new AsyncDisposableStack()
  const client = stack.adopt(await MongoClient.connect(uri), (one) => one.close())
  const theirs = client.db('bench_personal_peer')
  await theirs.dropDatabase()
  stack.defer(async () => void (await theirs.dropDatabase()))
  const ours = await opened(stack, client, uri, 'bench_personal', size, theirs.collection<{ _id: string }>('customers'))
  const peer = stack.use(await startChild('peers/personal-stack.js', { MONGODB_URI: inDatabase(uri, 'bench_personal_peer') }))
  const plan = { name: 'personal-read/usual-stack', unit: 'reads/s', rounds }
  return await compare(plan, { server: ours, target: own(ours, tokens) }, { server: peer, target: usual(peer) })
}

/** Reads a second among few ("ours") to those among many ("peer"): how much slower a read gets with the crowd. */
export async function personalReadGrowth(uri: string, tokens: Tokens, rounds: number): Promise<Row> {
  await using stack = new AsyncDisposableStack()
  const client = stack.adopt(await MongoClient.connect(uri), (one) => one.close())
  const small = await opened(stack, client, uri, 'bench_personal_few', few)
  const large = await opened(stack, client, uri, 'bench_personal', size)
  const plan = { name: 'personal-read-growth', unit: 'reads/s', rounds }
  return await compare(plan, { server: small, target: own(small, tokens) }, { server: large, target: own(large, tokens) })
}
