import { MongoClient } from 'mongodb'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { serveAsChild } from '../child.ts'

// The least that can answer the same read: no GraphQL, no token, no gate, no log.
interface PeerCustomer {
  readonly _id: string
}

const client = await MongoClient.connect(process.env['MONGODB_URI'] ?? '', { maxPoolSize: 50 })
const customers = client.db().collection<PeerCustomer>('customers')
const projection = {
  email: 1,
  givenName: 1,
  familyName: 1,
  pictureUrl: 1,
  birthYear: 1,
  postcode: 1,
  country: 1,
  locale: 1,
  'traits.clothingSize': 1,
  'traits.favouriteColours': 1,
  'traits.newsletterRhythm': 1,
}

const server = createServer((request, response) => {
  read(request.url?.slice(1) ?? '').then(
    (body) => response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body),
    () => response.writeHead(500).end(),
  )
})

async function read(key: string): Promise<string> {
  const found = await customers.findOne({ _id: key }, { projection })
  if (found === null) return JSON.stringify({ data: { me: null } })
  const { _id: id, ...fields } = found
  return JSON.stringify({ data: { me: { id, ...fields } } })
}

server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const address = server.address()
serveAsChild(typeof address === 'object' && address !== null ? address.port : 0, async () => {
  server.close()
  await client.close()
})
