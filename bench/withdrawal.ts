import { MongoClient } from 'mongodb'
import { request } from 'undici'
import { startChild, type Child } from './child.ts'
import { inDatabase } from './databases.ts'
import { forReads, startOurs } from './ours.ts'
import { customerRow, people } from './people.ts'
import { rowOf, type Pair, type Row } from './report.ts'
import { openMint } from './tokens.ts'

const processes = 4
const withdrawalsOfRound = 50
/** How long everybody goes on reading after the answer. Milliseconds. */
const watched = 50

interface Side {
  readonly withdraw: (process: number, person: number) => Promise<void>
  /** Whether the picture is given, for which consent is needed. */
  readonly isGiven: (process: number, person: number) => Promise<boolean>
}

interface Seen {
  /** Of the reads that were asked for after the answer. */
  asked: number
  stale: number
  /** Milliseconds from the answer to the arrival of the last old value, whenever it was asked for. */
  last: number
}

/**
 * Of the reads that begin after a withdrawal was answered, at any of four processes, those that heed it; the peer is four bare servers, which
 * ask the same database. One stale read is a leak.
 */
export async function withdrawalVisible(uri: string, rounds: number): Promise<Row> {
  const count = rounds * withdrawalsOfRound
  await using stack = new AsyncDisposableStack()
  const client = stack.adopt(await MongoClient.connect(uri), (one) => one.close())
  const fill = async (database: string): Promise<string> => {
    const rows = people.slice(0, count).map(customerRow)
    await client.db(database).dropDatabase()
    await client.db(database).collection<{ _id: string }>('customers').insertMany(rows)
    stack.defer(async () => void (await client.db(database).dropDatabase()))
    return inDatabase(uri, database)
  }
  const [own, bare] = [await fill('bench_withdrawal'), await fill('bench_withdrawal_peer')]
  const several = async (start: () => Promise<Child>): Promise<Child[]> => {
    const children: Child[] = []
    for (let n = 0; n < processes; n++) children.push(stack.use(await start()))
    return children
  }
  const ours = await gateways(own, await several(() => startOurs(uri, { ...forReads, MONGODB_URI: own })), count)
  const peer = bareServers(await several(() => startChild('peers/crud.js', { MONGODB_URI: bare })))
  const seen = { asked: 0, stale: 0, last: 0 }
  const pairs: Pair[] = []
  for (let round = 0; round < rounds; round++)
    pairs.push({ ours: await heeded(ours, round, seen), peer: await heeded(peer, round, { asked: 0, stale: 0, last: 0 }) })
  console.log(`withdrawal-visible: ${seen.stale} of ${seen.asked} reads stale; the last old value came ${seen.last.toFixed(1)} ms after the answer`)
  return rowOf('withdrawal-visible', '% heeded', pairs)
}

/** Per cent. */
async function heeded(side: Side, round: number, seen: Seen): Promise<number> {
  const before = { ...seen }
  for (let n = 0; n < withdrawalsOfRound; n++) await watch(side, round * withdrawalsOfRound + n, seen)
  return 100 * (1 - (seen.stale - before.stale) / (seen.asked - before.asked))
}

/** A reader at each process, and somebody who withdraws at one of them. */
async function watch({ withdraw, isGiven }: Side, person: number, seen: Seen): Promise<void> {
  let answered = Infinity
  const reader = async (process: number): Promise<void> => {
    for (;;) {
      const began = performance.now()
      const given = await isGiven(process, person)
      const ended = performance.now()
      if (began > answered) seen.asked++
      if (began > answered && given) seen.stale++
      if (ended > answered && given) seen.last = Math.max(seen.last, ended - answered)
      if (began > answered + watched) return
    }
  }
  const readers = Promise.all(Array.from({ length: processes }, (_, process) => reader(process)))
  await withdraw(person % processes, person)
  answered = performance.now()
  await readers
}

async function gateways(uri: string, children: readonly Child[], count: number): Promise<Side> {
  await using mint = await openMint(uri)
  const tokens = await Promise.all(mint.idsAt('storefront', people.slice(0, count)).map((id, n) => mint.ofPerson('storefront', id, n)))
  const withdrawal = 'mutation { setConsents(decisions: [{ purpose: "personalised_shop", granted: false }]) { id } }'
  const ask = (process: number, person: number, query: string): Promise<string> =>
    said(children[process], 'POST', '/graphql', { query }, { authorization: `Bearer ${tokens[person]}` })
  return {
    withdraw: async (process, person) => void (await ask(process, person, withdrawal)),
    isGiven: async (process, person) => (await ask(process, person, '{ me { pictureUrl } }')).includes('https://'),
  }
}

function bareServers(children: readonly Child[]): Side {
  const keyOf = (person: number): string => people[person]?.key ?? ''
  return {
    withdraw: async (process, person) =>
      void (await said(children[process], 'PUT', `/decision/${keyOf(person)}`, { purpose: 'personalised_shop', state: 'withdrawn' })),
    isGiven: async (process, person) => (await said(children[process], 'GET', `/picture/${keyOf(person)}`)).includes('https://'),
  }
}

async function said(
  child: Child | undefined,
  method: 'GET' | 'POST' | 'PUT',
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<string> {
  const { statusCode, body: answer } = await request(`http://127.0.0.1:${child?.port}${path}`, {
    method,
    headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (statusCode !== 200 || text.includes('"errors"')) throw new Error(`${path} answers ${statusCode} ${text.slice(0, 200)}`)
  return text
}
