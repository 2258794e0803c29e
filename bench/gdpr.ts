import { randomBytes } from 'node:crypto'
import { MongoClient, type Db } from 'mongodb'
import type { AuditRow } from '../src/storage/audit-log.ts'
import type { ErasureRow } from '../src/storage/erasures.ts'
import { gatewayFlags, startChild, type Child } from './child.ts'
import { inDatabase } from './databases.ts'
import { erased, erasureId, mixes, personAt, type Door, type Mixed, type Operation, type Persona } from './gdpr-mixes.ts'
import { manyConnections, type Target } from './load.ts'
import { forReads, startOurs } from './ours.ts'
import { customerRow, people } from './people.ts'
import type { Row } from './report.ts'
import { compare, type Side } from './rounds.ts'
import { openMint, type Mint } from './tokens.ts'

const requests = 10_000
const logSize = 100_000

/**
 * Operations a second of one persona: the gateway beside a service of the same kind without any of this (`peers/plain-service.ts`), each with
 * the same rows in its own database of the same MongoDB. Both get the same queries over HTTP, with a token of theirs, and write as durably.
 */
export async function gdpr(name: string, persona: Persona, uri: string, rounds: number): Promise<Row> {
  await using sides = await openSides(uri)
  const targetOf = async (side: 'ours' | 'peer'): Promise<Side> => ({
    server: sides[side],
    target: targetOn(sides[side], inTurn(await mixes[persona](sides.doors[side]))),
  })
  return await compare({ name, unit: 'operations/s', rounds }, await targetOf('ours'), await targetOf('peer'))
}

/** Both servers, each among its own rows. */
async function openSides(uri: string) {
  const databases = { ours: inDatabase(uri, 'bench_gdpr'), peer: inDatabase(uri, 'bench_gdpr_peer') }
  const opened = new AsyncDisposableStack()
  for (const one of Object.values(databases)) opened.defer(() => inside(one, async (db) => void (await db.dropDatabase())))
  // The gateway makes the collections and their indexes; the peer gets those that its queries need.
  const ours = opened.use(await startOurs(uri, { ...forReads, MONGODB_URI: databases.ours }))
  await inside(databases.ours, crowdInto)
  await inside(databases.peer, async (db) => {
    await db.collection('customers').createIndex({ grants: 1, _id: 1 })
    await db.collection('audit_log').createIndex({ at: -1, _id: -1 })
    await db.collection('events').createIndex({ customer: 1 })
    await crowdInto(db)
  })
  const mint = opened.use(await openMint(databases.ours))
  const peer = opened.use(await startChild('peers/plain-service.js', { MONGODB_URI: databases.peer, TOKEN_KEY: await mint.verifier() }, gatewayFlags))
  const keys = people.map(({ key }) => key)
  const doors = {
    ours: doorOf(mint, { storefront: mint.idsAt('storefront', people), marketing: mint.idsAt('marketing', people) }),
    peer: doorOf(mint, { storefront: keys, marketing: keys }),
  }
  return { ours, peer, doors, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

const doorOf = (mint: Mint, ids: Readonly<Record<'storefront' | 'marketing', readonly string[]>>): Door => ({
  idIn: (client, n) => ids[client][n] ?? '',
  tokensOfPeople: () => Promise.all(ids.storefront.map((id, n) => mint.ofPerson('storefront', id, n))),
  tokenOfTool: (client, scope) => mint.ofTool(client, scope),
})

const targetOn = ({ port }: Child, operations: readonly Operation[]): Target => ({
  port,
  connections: manyConnections,
  requests: operations.map(({ request }) => request),
  check: (body, at) => {
    const saying = operations[at]?.saying ?? ''
    if (body === 'null' || body.includes('"errors"') || !body.includes(saying)) throw new Error(`the answer is ${body.slice(0, 300)}, not ${saying}`)
  },
})

/** Every mix in the order of a fixed shuffle, so that no operation comes in a burst. */
function inTurn(mix: readonly Mixed[]): Operation[] {
  const chosen = mix.flatMap(({ share, of }) => Array.from({ length: (requests * share) / 100 }, (_, at) => of(at)))
  return chosen.map((_, at) => chosen[(at * 7_919) % chosen.length]).filter((one) => one !== undefined)
}

async function inside(uri: string, work: (db: Db) => Promise<void>): Promise<void> {
  await using client = await MongoClient.connect(uri)
  await work(client.db())
}

async function crowdInto(db: Db): Promise<void> {
  await db.collection<{ _id: string }>('customers').insertMany(people.map(customerRow))
  await db.collection<ErasureRow>('erasures').insertMany(Array.from({ length: erased }, (_, n) => erasure(n)))
  for (let from = 0; from < logSize; from += 10_000)
    await db.collection<AuditRow>('audit_log').insertMany(Array.from({ length: 10_000 }, (_, n) => logged(from + n)))
}

const long = new Date(Date.now() - 24 * 3_600_000)

const erasure = (n: number): ErasureRow => ({
  _id: erasureId(n),
  customer: `erased-${n}`,
  state: 'done',
  client: 'account',
  actor: 'customer',
  requestedAt: long,
  dueAt: long,
  erasedAt: long,
  completedAt: long,
  kept: [],
  certificate: randomBytes(600).toString('base64url'),
})

const logged = (n: number): AuditRow => ({
  _id: `gateway-bench/${String(n).padStart(10, '0')}`,
  at: new Date(long.getTime() + n),
  type: 'data.read',
  client: 'marketing',
  actor: 'client',
  subjects: [personAt(n % people.length).key],
  cover: [personAt(n % people.length).key],
  purposes: ['email_marketing'],
  categories: ['user.contact.email', 'user.name'],
  detail: {},
  prev: randomBytes(32).toString('base64url'),
  hash: randomBytes(32).toString('base64url'),
})
