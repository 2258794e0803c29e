import { randomBytes } from 'node:crypto'
import { MongoClient, type Db } from 'mongodb'
import type { AuditRow } from '../src/storage/audit-log.ts'
import type { ErasureRow } from '../src/storage/erasures.ts'
import { startChild, type Child } from './child.ts'
import { inDatabase } from './databases.ts'
import { post, send, type Target } from './load.ts'
import { forReads, startOurs } from './ours.ts'
import { elevenFields } from './peers.ts'
import { customerRow, people, type Person } from './people.ts'
import type { Row } from './report.ts'
import { compare } from './rounds.ts'
import { openMint } from './tokens.ts'

/*
 * GDPRbench (Shastri et al., PVLDB 13(7), 2020, table 2): what a customer, a processor, a controller and a regulator do, and how much of
 * each. There a record is a value with its purposes, here a customer; the customer's deleting takes one value away.
 */

/** One operation, as it is sent to the gateway and to the peer. */
interface Operation {
  readonly ours: Buffer
  readonly peer: Buffer
  /** What our answer has in it, so that no refusal is measured as an answer. */
  readonly saying: string
}

interface Mixed {
  /** Of a hundred. */
  readonly share: number
  readonly of: (at: number) => Operation
}

const requests = 10_000
const nearlyAll = elevenFields
const sizes = { log: 100_000, erasures: 10_000 }

type Persona = 'customer' | 'processor' | 'regulator'

/** Operations a second of one persona: the gateway's GraphQL beside `node:http` and the driver, on the same rows in the same MongoDB. */
export async function gdpr(name: string, persona: Persona, uri: string, rounds: number): Promise<Row> {
  const side = { ours: inDatabase(uri, 'bench_gdpr'), peer: inDatabase(uri, 'bench_gdpr_peer') }
  await using stack = new AsyncDisposableStack()
  for (const one of Object.values(side)) stack.defer(() => inside(one, async (db) => void (await db.dropDatabase())))
  // The gateway makes the collections and their indexes; the peer gets those that its queries need.
  const ours = stack.use(await startOurs(uri, { ...forReads, MONGODB_URI: side.ours }))
  await inside(side.ours, crowdInto)
  await inside(side.peer, async (db) => {
    await db.collection('customers').createIndex({ grants: 1, _id: 1 })
    await db.collection('audit_log').createIndex({ at: -1, _id: -1 })
    await crowdInto(db)
  })
  const peer = stack.use(await startChild('peers/crud.js', { MONGODB_URI: side.peer }))
  const operations = inTurn(await mixes[persona](side.ours))
  const plan = { name, unit: 'operations/s', rounds }
  return await compare(plan, { server: ours, target: targetOf(ours, operations, 'ours') }, { server: peer, target: targetOf(peer, operations, 'peer') })
}

function targetOf({ port }: Child, operations: readonly Operation[], side: 'ours' | 'peer'): Target {
  return {
    port,
    requests: operations.map((one) => one[side]),
    check: (body, at) => {
      const saying = operations[at]?.saying ?? ''
      if (body === 'null' || body.includes('"errors"') || !body.includes(saying)) throw new Error(`${side} answers ${body.slice(0, 300)}, not ${saying}`)
    },
  }
}

/** Every mix in the order of a fixed shuffle, so that no operation comes in a burst. */
function inTurn(mix: readonly Mixed[]): Operation[] {
  const chosen = mix.flatMap(({ share, of }) => Array.from({ length: (requests * share) / 100 }, (_, at) => of(at)))
  return chosen.map((_, at) => chosen[(at * 7_919) % chosen.length]).filter((one) => one !== undefined)
}

const mixes: Readonly<Record<Persona, (uri: string) => Promise<readonly Mixed[]>>> = {
  async customer(uri) {
    await using mint = await openMint(uri)
    const ids = mint.idsAt('storefront', people)
    const tokens = await Promise.all(ids.map((id, n) => mint.ofPerson('storefront', id, n)))
    const byPerson = (query: string, saying: string, peer: (person: Person, at: number) => Buffer, variables: (at: number) => object = () => ({})) => ({
      share: 20,
      of: (at: number): Operation => {
        const n = zipf(at)
        const person = personAt(n)
        return { ours: asking(query, tokens[n] ?? '', variables(at)), peer: peer(person, at), saying }
      },
    })
    const postcode = (at: number) => String(10_000 + (at % 80_000))
    const decision = (at: number) => ({ purpose: 'personalised_shop', granted: at % 2 === 0, textVersion: '2026-01' })
    return [
      byPerson(`{ me { ${nearlyAll} } }`, 'email', ({ key }) => send('GET', `/profile/${key}`)),
      byPerson('{ me { consents { purpose state textVersion decidedAt expiresAt } } }', 'textVersion', ({ key }) => send('GET', `/decisions/${key}`)),
      byPerson(
        'mutation ($postcode: String) { updateProfile(input: { postcode: $postcode }) { id postcode } }',
        'postcode',
        ({ key }, at) => send('PATCH', `/profile/${key}`, { postcode: postcode(at) }),
        (at) => ({ postcode: postcode(at) }),
      ),
      byPerson(
        'mutation ($decision: ConsentDecisionInput!) { setConsents(decisions: [$decision]) { decidedAt consents { purpose state } } }',
        'purpose',
        ({ key }, at) => send('PUT', `/decision/${key}`, { purpose: 'personalised_shop', state: decision(at).granted ? 'granted' : 'withdrawn' }),
        (at) => ({ decision: decision(at) }),
      ),
      // Of the contract, so that it may be cleared whatever was decided just before.
      byPerson('mutation { updateProfile(input: { country: null }) { id } }', '', ({ key }) => send('DELETE', `/country/${key}`)),
    ]
  },

  async processor(uri) {
    await using mint = await openMint(uri)
    const agreeing = people.map((person, n) => ({ person, n })).filter(({ person }) => person.agreesTo.marketing)
    const ids = mint.idsAt('marketing', people)
    const letters = await mint.ofTool('marketing', 'purpose:email_marketing')
    const ads = await mint.ofTool('marketing', 'purpose:personalised_ads')
    const list = (token: string, purpose: string): Operation => ({
      ours: asking(`{ customers(first: 50) { edges { node { ${nearlyAll} } } } }`, token),
      peer: send('GET', `/agreeing/${purpose}@2026-01`),
      saying: 'email',
    })
    return [
      {
        share: 80,
        of: (at) => {
          const { person, n } = agreeing[(at * 31) % agreeing.length] ?? { person: personAt(0), n: 0 }
          const ours = asking(`query ($id: ID!) { customer(id: $id) { ${nearlyAll} } }`, letters, { id: ids[n] })
          return { ours, peer: send('GET', `/profile/${person.key}`), saying: person.profile.email }
        },
      },
      { share: 10, of: () => list(letters, 'email_marketing') },
      { share: 10, of: () => list(ads, 'personalised_ads') },
    ]
  },

  async regulator(uri) {
    await using mint = await openMint(uri)
    const ids = mint.idsAt('marketing', people)
    const letters = await mint.ofTool('marketing', 'purpose:email_marketing')
    const authority = await mint.ofTool('regulator', 'audit:read')
    const decisions = 'query ($id: ID!) { customer(id: $id) { consents { purpose state textVersion decidedAt expiresAt } } }'
    const log = '{ auditEvents(first: 50) { edges { node { id at type clientId actor purposes categories } } } }'
    const deleted = 'query ($id: ID!) { erasureReceipt(id: $id) { id requestedAt completedAt certificate } }'
    const agreeing = people.flatMap((person, n) => (person.agreesTo.marketing ? [{ person, n }] : []))
    return [
      {
        share: 46,
        of: (at) => {
          const { person, n } = agreeing[zipf(at) % agreeing.length] ?? { person: personAt(0), n: 0 }
          return { ours: asking(decisions, letters, { id: ids[n] }), peer: send('GET', `/decisions/${person.key}`), saying: 'textVersion' }
        },
      },
      { share: 31, of: () => ({ ours: asking(log, authority), peer: send('GET', '/log'), saying: 'type' }) },
      {
        share: 23,
        of: (at) => {
          const id = erasureId(zipf(at) % sizes.erasures)
          return { ours: asking(deleted, authority, { id }), peer: send('GET', `/erasure/${id}`), saying: 'certificate' }
        },
      },
    ]
  },
}

const asking = (query: string, token: string, variables: object = {}): Buffer => post('/graphql', { query, variables }, { authorization: `Bearer ${token}` })

function personAt(n: number): Person {
  const person = people[n]
  if (person === undefined) throw new RangeError(`no person ${n}`)
  return person
}

const harmonic = Math.log(people.length)
/** Some come often, most seldom: rank by the inverse of the harmonic sum, of a number that is the same at every run. */
function zipf(at: number): number {
  const dice = ((at * 2_654_435_761) >>> 0) / 2 ** 32
  return Math.min(people.length - 1, Math.floor(Math.exp(dice * harmonic) - 1))
}

async function inside(uri: string, work: (db: Db) => Promise<void>): Promise<void> {
  await using client = await MongoClient.connect(uri)
  await work(client.db())
}

const erasureId = (n: number): string => `erasure-${String(n).padStart(14, '0')}`

async function crowdInto(db: Db): Promise<void> {
  await db.collection<{ _id: string }>('customers').insertMany(people.map(customerRow))
  await db.collection<ErasureRow>('erasures').insertMany(Array.from({ length: sizes.erasures }, (_, n) => erasure(n)))
  for (let from = 0; from < sizes.log; from += 10_000)
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
