import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { MongoClient } from 'mongodb'
import { serveAsChild } from '../child.ts'

// Withdrawals and reads as shops write them without any of this: the driver, JSON, no token, no transaction, no ledger, no log, no gate.
interface PeerCustomer {
  readonly _id: string
  readonly grants: readonly string[]
}

const client = await MongoClient.connect(process.env['MONGODB_URI'] ?? '', { maxPoolSize: 50 })
const customers = client.db().collection<PeerCustomer>('customers')

type Work = (key: string, body: Record<string, unknown>) => Promise<unknown>

const works: Readonly<Record<string, Work>> = {
  'GET picture': async (key) => {
    const found = await customers.findOne<{ readonly pictureUrl: string; readonly decisions: Readonly<Record<string, { readonly state: string }>> }>(
      { _id: key },
      { projection: { pictureUrl: 1, 'decisions.personalised_shop': 1 } },
    )
    return { pictureUrl: found?.decisions['personalised_shop']?.state === 'granted' ? found.pictureUrl : null }
  },
  'PUT decision': async (key, { purpose, state }) => {
    const decision = { state, textVersion: '2026-01', at: new Date() }
    const $set = { [`decisions.${String(purpose)}`]: decision }
    const entry = `${String(purpose)}@2026-01`
    await customers.updateOne({ _id: key }, state === 'granted' ? { $set, $addToSet: { grants: entry } } : { $set, $pull: { grants: entry } })
    return { purpose, ...decision }
  },
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
