import { spawn } from 'node:child_process'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { MongoClient, type Db } from 'mongodb'
import { onServerCore, type Child } from './child.ts'
import { inDatabase } from './databases.ts'
import { eventsOfEach } from './histories.ts'
import { forReads, startOurs } from './ours.ts'
import type { Among, Row } from './report.ts'

/** How many people there are in a house that is measured as a large one. */
export const sizes: Readonly<Record<string, number>> = { small: 20_000, full: 1_000_000 }

/** A gateway's database with so many people who have logged in, decided and behaved; the peer's has what it would keep of the same. */
export interface Filled {
  readonly people: number
  readonly db: Db
  /** Of our database and of the peer's. */
  readonly uri: string
  readonly peerUri: string
  /** When everybody did their last, milliseconds. */
  readonly until: number
}

interface Mark {
  readonly _id: string
  readonly until: number
  readonly written: string
}

/** Another word for other documents, or another policy: what was filled before is filled again. */
const written = `documents-2 ${hash('sha256', readFileSync('bench/policy.yaml'))}`
const day = 86_400_000
/** Behaviour gets old; after this it would be another one that is measured. */
const good = 30 * day

/** Filled once for all rows of a run, and for the next run where the databases stay. */
export async function filled(stack: AsyncDisposableStack, uri: string, people: number): Promise<Filled> {
  const client = stack.adopt(await MongoClient.connect(uri), (one) => one.close())
  const [name, peer] = [`bench_filled_${people}`, `bench_filled_${people}_peer`]
  const [db, marks] = [client.db(name), client.db(name).collection<Mark>('bench_filled')]
  const own = inDatabase(uri, name)
  let mark = await marks.findOne({ _id: 'whole' })
  if (mark === null || mark.written !== written || mark.until + good < Date.now()) {
    await db.dropDatabase()
    await client.db(peer).dropDatabase()
    mark = { _id: 'whole', until: Date.now(), written }
    await filling(uri, [name, peer, String(people), String(mark.until)])
    const began = performance.now()
    await using gateway = await startOurs(uri, { ...forReads, MONGODB_URI: own })
    console.log(`Its indexes: ${((performance.now() - began) / 1000).toFixed(1)} s, by the gateway at ${gateway.port} at its start.`)
    // The first one goes through everybody.
    while ((await db.collection('ledger_checkpoints').countDocuments()) === 0) await pause(1_000)
    await marks.insertOne(mark)
  }
  await untouched(db)
  return { people, db, uri: own, peerUri: inDatabase(uri, peer), until: mark.until }
}

async function filling(uri: string, args: readonly string[]): Promise<void> {
  const [first = '', ...rest] = onServerCore([process.execPath, fileURLToPath(new URL('fill.js', import.meta.url)), ...args])
  const child = spawn(first, rest, { env: { ...process.env, MONGODB_URI: uri }, stdio: 'inherit' })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error('the database could not be filled')
}

/**
 * What a gateway does of its own accord begins ten minutes after a start, which is longer than a row, and its checkpoint an hour after the one
 * before; and nobody's segments change with the time.
 */
async function untouched(db: Db): Promise<void> {
  await db.collection('ledger_checkpoints').updateMany({}, { $set: { at: new Date() } })
  await db.collection('jobs').deleteMany({ kind: { $in: ['retention', 'followRules'] } })
  await db.collection('customers').updateMany({ membershipsDue: { $lt: new Date(Date.now() + day) } }, { $unset: { membershipsDue: '' } })
}

/** The row with what is there behind it, and what each side takes for it. */
export async function among(house: Filled, row: Row, ours: Child, peer: Child): Promise<Row> {
  const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20)
  const [{ dataSize, storageSize, indexSize }, { mem }] = [await house.db.stats(), await house.db.admin().serverStatus()]
  const figures: Among = {
    people: house.people,
    events: house.people * eventsOfEach,
    data: mebibytes(dataSize),
    disk: mebibytes(storageSize + indexSize),
    indexes: mebibytes(indexSize),
    resident: { ours: mebibytes((await ours.usage()).rss), peer: mebibytes((await peer.usage()).rss), mongod: mem.resident },
  }
  return { ...row, among: figures }
}
