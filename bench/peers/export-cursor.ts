import { MongoClient } from 'mongodb'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import { serveAsChild } from '../child.ts'

// What mongoexport does, by the driver: a cursor over one index, a line of JSON a document. No token, no gate, no log.
const client = await MongoClient.connect(process.env['MONGODB_URI'] ?? '')
const customers = client.db().collection<{ _id: string; memberships: readonly string[] }>('customers')

async function* lines(audience: string, fields: readonly string[]): AsyncGenerator<string> {
  const projection = Object.fromEntries(fields.map((field) => [field, 1]))
  let text = ''
  for await (const { _id: id, ...rest } of customers.find({ memberships: audience }, { projection, sort: { _id: 1 }, batchSize: 1_000 })) {
    text += `${JSON.stringify({ id, ...rest })}\n`
    if (text.length < 65_536) continue
    yield text
    text = ''
  }
  yield text
}

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '', 'http://localhost')
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  const body = Readable.from(lines(decodeURIComponent(url.pathname.slice(1)), url.search.slice(1).split(',')), { objectMode: false })
  body.on('error', () => response.destroy())
  body.pipe(response)
})

server.listen(0, '127.0.0.1')
await once(server, 'listening')
const address = server.address()
serveAsChild(typeof address === 'object' && address !== null ? address.port : 0, async () => {
  server.close()
  await client.close()
})
