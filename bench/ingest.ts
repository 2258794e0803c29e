import { MongoClient } from 'mongodb'
import { visitOf } from './behaviour.ts'
import { startChild, type Child } from './child.ts'
import { databases, inDatabase } from './databases.ts'
import { loadCount, post, type Target } from './load.ts'
import { startOurs } from './ours.ts'
import { people } from './people.ts'
import { rowOf, type Pair, type Row } from './report.ts'
import type { Tokens } from './tokens.ts'

const writeKey = 'storefront-bench-write-key'
/** Requests of one round, and of the rounds before it that warm up: after two of them the compiler was still at it, on both sides. */
const batches = 60
const warmUps = 4
const idLength = 24

/**
 * Events that are durable in a second: ours with consent asked for each, known events left out, what nobody named dropped, traits, interests
 * and segments brought up to date in the same transaction; the peer with Express and Mongoose's `insertMany` of the same bytes. A server's
 * tool sends whole visits, some six acts of one person each.
 */
export async function ingested(uri: string, { idsInShop }: Tokens, rounds: number, size: number): Promise<Row> {
  await using ours = await startOurs(uri)
  await using peer = await startChild('peers/ingest.js', { MONGODB_URI: inDatabase(uri, databases.peer) })
  await using client = await MongoClient.connect(uri)
  const [own, others] = [databases.ours, databases.peer].map((name) => client.db(name).collection('events'))
  if (own === undefined || others === undefined) throw new Error('no collections')
  await Promise.all([own.deleteMany({}), others.deleteMany({})])
  await client
    .db(databases.ours)
    .collection('customers')
    .updateMany({}, { $unset: { derived: '', memberships: '', membershipsDue: '' } })
  const count = Math.round((batches * 500) / size)
  const rates: Pair[] = []
  const cpu: Pair[] = []
  for (let round = -warmUps; round < rounds; round++) {
    const made = Array.from({ length: count }, (_, n) => batchOf((round + warmUps) * count + n, size, idsInShop))
    const requests = made.map(({ body }) => post('/v1/batch', body, { authorization: `Basic ${btoa(`${writeKey}:`)}` }))
    const a = await measured(ours, requests, size)
    const b = await measured(peer, requests, size)
    if (round < 0) continue
    rates.push({ ours: 1e6 / a.cpu, peer: 1e6 / b.cpu })
    cpu.push({ ours: a.cpu, peer: b.cpu })
    console.log(`  by the clock: ${Math.round(a.rate)} : ${Math.round(b.rate)} events/s; resident ${mebibytes(a.rss)} : ${mebibytes(b.rss)} MiB`)
  }
  const sent = (rounds + warmUps) * count * size
  const [kept, theirs] = [await own.countDocuments({}), await others.countDocuments({})]
  if (kept !== sent || theirs !== sent) throw new Error(`of ${sent} events ${kept} were kept, ${theirs} by the peer`)
  return rowOf(size === 500 ? 'ingest' : `ingest/${size}`, 'events/s/core', rates, cpu)
}

const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20)

async function measured(server: Child, requests: readonly Buffer[], size: number) {
  const target: Target = { port: server.port, requests, check: () => {} }
  const before = await server.usage()
  const load = await loadCount(target, requests.length)
  const after = await server.usage()
  const events = requests.length * size
  return { rate: events / load.seconds, cpu: (after.cpu - before.cpu) / events, rss: after.rss }
}

const context = { library: { name: '@segment/analytics-node', version: '3.1.0' } }

/** Visits one after the other until the batch is full. */
function batchOf(n: number, size: number, ids: readonly string[]): { readonly body: object } {
  const timestamp = new Date().toISOString()
  const calls: object[] = []
  for (let visit = n * size; calls.length < size; visit++) {
    const { person, acts } = visitOf(visit, people.length)
    for (const { event, properties } of acts.slice(0, size - calls.length)) {
      const call = event === '$page' ? { type: 'page', name: 'Page' } : { type: 'track', event }
      const messageId = `m-${n}-${calls.length}`.padEnd(idLength, '-')
      calls.push({ ...call, messageId, userId: ids[person], properties, context, timestamp, _metadata: { nodeVersion: '24.0.0' } })
    }
  }
  return { body: { batch: calls, writeKey, sentAt: timestamp } }
}
