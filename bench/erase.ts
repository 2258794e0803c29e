import type { Db } from 'mongodb'
import type { ErasureRow } from '../src/storage/erasures.ts'
import { inDatabase } from './databases.ts'
import { loadCount, post } from './load.ts'
import { crowdInto, inDatabaseOf } from './login-growth.ts'
import { forReads, startOurs } from './ours.ts'
import { people } from './people.ts'
import { rowOf, type Pair, type Row } from './report.ts'
import { openMint } from './tokens.ts'

const sizes = { ours: Number(process.env['BENCH_PEOPLE'] ?? 1_000_000), peer: 1_000 }
const erasedInRound = 100
const query = 'mutation { eraseMe(confirm: true) { completedAt certificate } }'

/**
 * Milliseconds of an erasure, from the asking to its certificate, in a house of a million customers ("ours") to one in a house of a thousand
 * ("peer"). `BENCH_PEOPLE` makes the large house another one.
 */
export async function erasing(uri: string, rounds: number): Promise<Row> {
  if ((rounds + 1) * erasedInRound > sizes.peer) throw new RangeError(`erase takes at most ${sizes.peer / erasedInRound - 1} rounds`)
  await using stack = new AsyncDisposableStack()
  const open = async (side: keyof typeof sizes) => {
    const own = inDatabase(uri, `bench_erase_${side}`)
    stack.defer(() => inDatabaseOf(own, async (db) => void (await db.dropDatabase())))
    const gateway = stack.use(await startOurs(uri, { ...forReads, MONGODB_URI: own }))
    await inDatabaseOf(own, (db) => crowdInto(db, sizes[side]))
    const target = { port: gateway.port, requests: await erasuresAt(own, (rounds + 1) * erasedInRound), check: () => {} }
    const measureRound = async () => {
      const before = await gateway.usage()
      const load = await loadCount(target, erasedInRound)
      const after = await gateway.usage()
      return { clock: (load.seconds * 1000) / load.answers, cpu: (after.cpu - before.cpu) / load.answers }
    }
    const requireAll = (): Promise<void> => inDatabaseOf(own, (db) => requireDone(db, target.requests.length))
    return { measureRound, requireAll }
  }
  const [many, few] = [await open('ours'), await open('peer')]
  await many.measureRound()
  await few.measureRound()
  const rates: Pair[] = []
  const cpu: Pair[] = []
  for (let round = 0; round < rounds; round++) {
    const [a, b] = [await many.measureRound(), await few.measureRound()]
    rates.push({ ours: a.clock, peer: b.clock })
    cpu.push({ ours: a.cpu, peer: b.cpu })
  }
  await many.requireAll()
  await few.requireAll()
  return rowOf('erase', 'ms/erasure', rates, cpu)
}

/** Each person asks for themself, just signed in. */
async function erasuresAt(uri: string, count: number): Promise<Buffer[]> {
  await using mint = await openMint(uri)
  const ids = mint.idsAt('account', people.slice(0, count))
  const tokens = await Promise.all(ids.map((id, n) => mint.ofPerson('account', id, n, 'openid purpose:data_subject_access')))
  return tokens.map((token) => post('/graphql', { query }, { authorization: `Bearer ${token}` }))
}

async function requireDone(db: Db, count: number): Promise<void> {
  const done = await db.collection<ErasureRow>('erasures').countDocuments({ state: 'done', certificate: { $exists: true } })
  if (done !== count) throw new Error(`of ${count} erasures ${done} are done`)
}
