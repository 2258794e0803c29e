import { randomBytes } from 'node:crypto'
import { MongoClient } from 'mongodb'
import { jobQueue } from '../src/jobs/queue.ts'
import type { AuditRow } from '../src/storage/audit-log.ts'
import { exportStore } from '../src/storage/exports.ts'
import { jobStore } from '../src/storage/jobs.ts'
import { keyStore } from '../src/storage/keys.ts'
import { openMongo } from '../src/storage/mongo.ts'
import { inTransaction } from '../src/storage/transaction.ts'
import type { Child } from './child.ts'
import { databases, inDatabase } from './databases.ts'
import { forReads, startOurs } from './ours.ts'
import { people } from './people.ts'
import { rowOf, type Pair, type Row } from './report.ts'
import { secret } from './tokens.ts'

const records = 100_000
const mebibyte = 2 ** 20
/** A heap that all of it must fit into; without a bound, V8 collects garbage when it likes, and resident says nothing of what is held. */
const bounded = ['--max-old-space-size=160', '--max-semi-space-size=4']

/**
 * Megabytes of a customer's records that become an archive in a second ("ours": two tables, ZIP, encrypted chunks, all in MongoDB again) to
 * those that the bare driver reads and writes as JSON ("peer"). What the process holds meanwhile is printed.
 */
export async function exported(uri: string, rounds: number): Promise<Row> {
  const own = inDatabase(uri, databases.ours)
  const customer = people[0]?.key ?? ''
  await using gateway = await startOurs(uri, forReads, bounded)
  await using client = await MongoClient.connect(own)
  const events = client.db().collection<AuditRow>('audit_log')
  const bytes = await recordsInto(client, customer)
  const pairs: Pair[] = []
  let resident = 0
  for (let round = 0; round < rounds; round++) {
    const ours = await timed(async () => (resident = Math.max(resident, await build(own, gateway, customer))))
    const peer = await timed(async () => {
      for await (const row of events.find({ cover: customer }).sort({ at: -1, _id: -1 })) JSON.stringify(row)
    })
    pairs.push({ ours: bytes / 1e6 / ours, peer: bytes / 1e6 / peer })
  }
  console.log(`export: ${records} records, at most ${Math.round(resident / mebibyte)} MiB resident`)
  return rowOf('export', 'MB/s', pairs)
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await work()
  return (performance.now() - begun) / 1000
}

/** Their size, as the database keeps them. */
async function recordsInto(client: MongoClient, customer: string): Promise<number> {
  const events = client.db().collection<AuditRow>('audit_log')
  await events.deleteMany({ cover: customer })
  const now = Date.now()
  const row = (n: number): AuditRow => ({
    _id: `gateway-bench/${String(n).padStart(10, '0')}`,
    at: new Date(now - n),
    type: 'data.read',
    client: 'storefront',
    actor: 'client',
    subjects: [customer],
    cover: [customer],
    purposes: ['order_processing'],
    categories: ['user.contact.email', 'user.name'],
    detail: { times: n },
    prev: randomBytes(32).toString('base64url'),
    hash: randomBytes(32).toString('base64url'),
  })
  for (let from = 0; from < records; from += 10_000) await events.insertMany(Array.from({ length: 10_000 }, (_, n) => row(from + n)))
  const [sum] = await events
    .aggregate<{ bytes: number }>([{ $match: { cover: customer } }, { $group: { _id: null, bytes: { $sum: { $bsonSize: '$$ROOT' } } } }])
    .toArray()
  return sum?.bytes ?? 0
}

/** Has the gateway build one, and answers the most that it held. */
async function build(uri: string, gateway: Child, customer: string): Promise<number> {
  const db = await openMongo(uri)
  try {
    const keys = keyStore(db, { current: secret })
    const exports = exportStore(db, await keys.obtain('export/1'))
    const jobs = jobQueue({ store: jobStore(db), key: await keys.obtain('jobs/1') })
    const id = randomBytes(16).toString('base64url')
    const at = new Date()
    const later = new Date(at.getTime() + 3_600_000)
    await inTransaction(db, customer, async (tx) => {
      await exports.insert(tx, { _id: id, customer, client: 'bench', requestedAt: at, expiresAt: later, forgottenAt: later })
      await jobs.put({ kind: 'export', id, payload: { id }, customer }, tx)
    })
    for (let most = 0; ;) {
      most = Math.max(most, (await gateway.usage()).rss)
      const state = (await exports.read(id))?.state
      if (state === 'failed') throw new Error('the archive could not be built')
      if (state === 'ready') return most
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  } finally {
    await db.close()
  }
}
