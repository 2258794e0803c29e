import { MongoClient } from 'mongodb'
import { get } from 'node:http'
import { once } from 'node:events'
import type { Child } from './child.ts'
import { startChild } from './child.ts'
import { databases, inDatabase } from './databases.ts'
import { startOurs } from './ours.ts'
import { customerRow, personOf } from './people.ts'
import { rowOf, type Pair, type Row } from './report.ts'
import type { Tokens } from './tokens.ts'

const audience = 'winter_sport@email_marketing'
const fields = ['email', 'givenName', 'familyName', 'birthYear', 'country', 'locale']
/** How many people are taken out; a million takes some ten minutes to make. */
const size = Number(process.env['BENCH_AUDIENCE'] ?? 50_000)
const atOnce = 10_000
const first = 1_000_000

/**
 * People a second who leave as NDJSON over HTTP: ours through the gate, each page in the audit log before it is given, against the bare
 * driver's cursor over the same index to `JSON.stringify`, as mongoexport does it, which gives everything as it is stored.
 */
export async function audienceStream(uri: string, tokens: Tokens, rounds: number): Promise<Row> {
  await members(uri)
  await using ours = await startOurs(uri)
  await using peer = await startChild('peers/export-cursor.js', { MONGODB_URI: inDatabase(uri, databases.ours) })
  const own = `/v1/audiences/winter_sport?purpose=email_marketing&fields=${fields.join()}`
  const [rates, cpu]: [Pair[], Pair[]] = [[], []]
  let most = 0
  for (let round = -1; round < rounds; round++) {
    const a = await drained(ours, own, { authorization: `Bearer ${tokens.ofTool}` })
    const b = await drained(peer, `/${audience}?${fields.join()}`, {})
    most = Math.max(most, (await ours.usage()).rss)
    if (a.people !== size || b.people !== size) throw new Error(`${a.people} and ${b.people} people of ${size}`)
    if (round < 0) continue
    rates.push({ ours: a.rate, peer: b.rate })
    cpu.push({ ours: a.cpu, peer: b.cpu })
  }
  console.log(`audience-stream: ${size} people, at most ${Math.round(most / 2 ** 20)} MiB resident`)
  return rowOf('audience-stream', 'people/s', rates, cpu)
}

/** All of them agree to letters and are in the segment. */
async function members(uri: string): Promise<void> {
  await using client = await MongoClient.connect(inDatabase(uri, databases.ours))
  const customers = client.db().collection<{ _id: string; memberships?: readonly string[] }>('customers')
  // As the gateway makes them, which waits three seconds for each: of a million people that are there already it takes longer.
  await customers.createIndexes([{ key: { memberships: 1, _id: 1 } }, { key: { grants: 1, _id: 1 } }, { key: { membershipsDue: 1 }, sparse: true }])
  await customers.deleteMany({ memberships: audience })
  for (let from = 0; from < size; from += atOnce) {
    const people = Array.from({ length: Math.min(atOnce, size - from) }, (_, n) => personOf(first + from + n))
    const rows = people.map((one) => ({ ...customerRow({ ...one, agreesTo: { marketing: true, ads: false } }), memberships: [audience] }))
    await customers.insertMany(rows, { ordered: false })
  }
}

/** Reads it to the end, and counts lines that hold a person by their first bytes. */
async function drained(server: Child, path: string, headers: Readonly<Record<string, string>>) {
  const before = await server.usage()
  const begun = performance.now()
  const request = get({ host: '127.0.0.1', port: server.port, path, headers })
  const [response] = await once(request, 'response')
  let [people, rest] = [0, '']
  for await (const chunk of response) {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.startsWith('{"id"')) people++
  }
  const seconds = (performance.now() - begun) / 1000
  return { people, rate: people / seconds, cpu: ((await server.usage()).cpu - before.cpu) / people }
}
