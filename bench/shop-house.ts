import { MongoClient } from 'mongodb'
import { request } from 'undici'
import type { CustomerRow } from '../src/storage/customers.ts'
import type { Act } from './behaviour.ts'
import type { Child } from './child.ts'
import { inDatabase } from './databases.ts'
import { forReads, startOurs } from './ours.ts'
import { customerRow, people } from './people.ts'
import { openMint } from './tokens.ts'

const writeKey = 'storefront-bench-write-key'
const largestBatch = 500

/** A shop whose people can be followed one by one: what they do goes in, what they read and say comes from their own tokens. */
export interface ShopHouse {
  readonly gateways: readonly Child[]
  /** As the database keeps them. */
  readonly row: (person: number) => Promise<CustomerRow | null>
  /** Events of theirs that count for a purpose. */
  readonly eventsFor: (person: number, purpose: string) => Promise<number>
  /** Answered once they are durable. */
  readonly feed: (gateway: Child, person: number, acts: readonly Act[]) => Promise<void>
  readonly ask: (gateway: Child, person: number, query: string) => Promise<string>
}

/** The first `count` people in a database of their own that goes with `stack`, and so many gateways before it. */
export async function openShopHouse(stack: AsyncDisposableStack, uri: string, name: string, count: number, processes: number): Promise<ShopHouse> {
  const client = stack.adopt(await MongoClient.connect(uri), (one) => one.close())
  const db = client.db(name)
  await db.dropDatabase()
  stack.defer(async () => void (await db.dropDatabase()))
  const rows = db.collection<CustomerRow>('customers')
  const own = inDatabase(uri, name)
  const gateways: Child[] = []
  for (let n = 0; n < processes; n++) gateways.push(stack.use(await startOurs(own, { ...forReads, MONGODB_URI: own })))
  await rows.insertMany(people.slice(0, count).map(customerRow))
  await using mint = await openMint(own)
  const ids = mint.idsAt('storefront', people.slice(0, count))
  const tokens = await Promise.all(ids.map((id, n) => mint.ofPerson('storefront', id, n)))
  const keyOf = (person: number): string => people[person]?.key ?? ''
  return {
    gateways,
    row: (person) => rows.findOne({ _id: keyOf(person) }),
    eventsFor: (person, purposes) => db.collection('events').countDocuments({ customer: keyOf(person), purposes }),
    async feed(gateway, person, acts) {
      for (let from = 0; from < acts.length; from += largestBatch) {
        const batch = acts.slice(from, from + largestBatch).map(({ event, properties }) => ({
          ...(event === '$page' ? { type: 'page' } : { type: 'track', event }),
          messageId: crypto.randomUUID(),
          userId: ids[person],
          properties,
        }))
        await answered(gateway, '/v1/batch', { batch }, `Basic ${btoa(`${writeKey}:`)}`)
      }
    },
    ask: (gateway, person, query) => answered(gateway, '/graphql', { query }, `Bearer ${tokens[person]}`),
  }
}

async function answered({ port }: Child, path: string, body: object, authorization: string): Promise<string> {
  const headers = { authorization, 'content-type': 'application/json' }
  const answer = await request(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  const text = await answer.body.text()
  if (answer.statusCode !== 200 || text.includes('"errors"') || text.includes('"refused"'))
    throw new Error(`${path}: ${answer.statusCode} ${text.slice(0, 200)}`)
  return text
}
