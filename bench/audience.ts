import { get } from 'node:http'
import { once } from 'node:events'
import type { Child } from './child.ts'
import { startChild } from './child.ts'
import { among, filled } from './filled.ts'
import { forReads, startOurs } from './ours.ts'
import { rowOf, type Pair, type Row } from './report.ts'
import { openMint } from './tokens.ts'

const audience = 'winter_sport@email_marketing'
const fields = ['email', 'givenName', 'familyName', 'birthYear', 'country', 'locale']
/** A small audience is taken out again until a round has seen so many. */
const peopleOfRound = 30_000

/**
 * People a second who leave as NDJSON over HTTP: ours through the gate, each page in the audit log before it is given, against the bare
 * driver's cursor over the same index to `JSON.stringify`, as mongoexport does it, which gives everything as it is stored.
 */
export async function audienceStream(uri: string, rounds: number, people: number): Promise<Row> {
  await using stack = new AsyncDisposableStack()
  const house = await filled(stack, uri, people)
  // Whoever took people out in a run before and heard nothing since gets nobody.
  await house.db.collection('audience_receivers').deleteMany({})
  const size = await house.db.collection('customers').countDocuments({ memberships: audience })
  await using mint = await openMint(house.uri)
  const authorization = `Bearer ${await mint.ofTool('marketing', 'purpose:email_marketing')}`
  const ours = stack.use(await startOurs(house.uri, { ...forReads, MONGODB_URI: house.uri }))
  const peer = stack.use(await startChild('peers/export-cursor.js', { MONGODB_URI: house.uri }))
  const own = `/v1/audiences/winter_sport?purpose=email_marketing&fields=${fields.join()}`
  const [rates, cpu]: [Pair[], Pair[]] = [[], []]
  let most = 0
  for (let round = -1; round < rounds; round++) {
    const a = await drained(ours, own, { authorization }, size)
    const b = await drained(peer, `/${audience}?${fields.join()}`, {}, size)
    most = Math.max(most, (await ours.usage()).rss)
    if (round < 0) continue
    rates.push({ ours: a.rate, peer: b.rate })
    cpu.push({ ours: a.cpu, peer: b.cpu })
  }
  console.log(`audience-stream: ${size} of ${people} people, at most ${Math.round(most / 2 ** 20)} MiB resident`)
  return await among(house, rowOf('audience-stream', 'people/s', rates, cpu), ours, peer)
}

async function drained(server: Child, path: string, headers: Readonly<Record<string, string>>, size: number) {
  const before = await server.usage()
  const begun = performance.now()
  let seen = 0
  while (seen < peopleOfRound) {
    const people = await drainedOnce(server, path, headers)
    if (people !== size) throw new Error(`${people} people of ${size}`)
    seen += people
  }
  const seconds = (performance.now() - begun) / 1000
  return { rate: seen / seconds, cpu: ((await server.usage()).cpu - before.cpu) / seen }
}

/** Reads it to the end, and counts lines that hold a person by their first bytes. */
async function drainedOnce(server: Child, path: string, headers: Readonly<Record<string, string>>): Promise<number> {
  const request = get({ host: '127.0.0.1', port: server.port, path, headers })
  const [response] = await once(request, 'response')
  let [people, rest] = [0, '']
  for await (const chunk of response) {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.startsWith('{"id"')) people++
  }
  return people
}
