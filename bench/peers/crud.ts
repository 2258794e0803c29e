import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { MongoClient } from 'mongodb'
import { serveAsChild } from '../child.ts'

// The same operations as shops write them without any of this: the driver, JSON, no token, no transaction, no ledger, no log, no gate.
interface PeerCustomer {
  readonly _id: string
  readonly grants: readonly string[]
}

const client = await MongoClient.connect(process.env['MONGODB_URI'] ?? '', { maxPoolSize: 50 })
const db = client.db()
const customers = db.collection<PeerCustomer>('customers')
const events = db.collection('events')
const profile = { email: 1, givenName: 1, familyName: 1, birthYear: 1, postcode: 1, country: 1, locale: 1, traits: 1 }

type Work = (key: string, body: Record<string, unknown>) => Promise<unknown>

const works: Readonly<Record<string, Work>> = {
  'GET profile': (key) => customers.findOne({ _id: key }, { projection: profile }),
  'GET decisions': (key) => customers.findOne({ _id: key }, { projection: { decisions: 1 } }),
  'GET picture': async (key) => {
    const found = await customers.findOne<{ readonly pictureUrl: string; readonly decisions: Readonly<Record<string, { readonly state: string }>> }>(
      { _id: key },
      { projection: { pictureUrl: 1, 'decisions.personalised_shop': 1 } },
    )
    return { pictureUrl: found?.decisions['personalised_shop']?.state === 'granted' ? found.pictureUrl : null }
  },
  'PATCH profile': (key, values) =>
    customers.findOneAndUpdate(
      { _id: key },
      { $set: values },
      { returnDocument: 'after', projection: Object.fromEntries(Object.keys(values).map((name) => [name, 1])) },
    ),
  'DELETE country': (key) => customers.updateOne({ _id: key }, { $unset: { country: '' } }),
  'PUT decision': async (key, { purpose, state }) => {
    const decision = { state, textVersion: '2026-01', at: new Date() }
    const $set = { [`decisions.${String(purpose)}`]: decision }
    const entry = `${String(purpose)}@2026-01`
    await customers.updateOne({ _id: key }, state === 'granted' ? { $set, $addToSet: { grants: entry } } : { $set, $pull: { grants: entry } })
    return { purpose, ...decision }
  },
  'POST event': async (customer, event) => {
    await events.insertOne({ customer, ...event, at: new Date() })
    return { success: true }
  },
  'DELETE purpose': async (key, body) => {
    const decided = await works['PUT decision']?.(key, { ...body, state: 'withdrawn' })
    await events.deleteMany({ customer: key, purposes: body['purpose'] })
    return decided
  },
  'GET agreeing': (entry) => customers.find({ grants: entry }, { projection: profile }).sort({ _id: 1 }).limit(50).toArray(),
  'GET log': () => db.collection('audit_log').find({}).sort({ at: -1, _id: -1 }).limit(50).toArray(),
  'GET erasure': (id) => db.collection<{ readonly _id: string }>('erasures').findOne({ _id: id }),
}

const server = createServer((request, response) => {
  answer(request).then(
    (body) => response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body),
    () => response.writeHead(500).end(),
  )
})

async function answer(request: IncomingMessage): Promise<string> {
  const [, what = '', key = ''] = request.url?.split('/') ?? []
  const text = Buffer.concat(await request.toArray()).toString()
  const work = works[`${request.method} ${what}`]
  if (work === undefined) throw new Error('not known')
  return JSON.stringify(await work(key, text === '' ? {} : JSON.parse(text)))
}

server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const address = server.address()
serveAsChild(typeof address === 'object' && address !== null ? address.port : 0, async () => {
  server.close()
  await client.close()
})
