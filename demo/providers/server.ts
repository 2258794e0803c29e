import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { json, type Exchange, type Reply, type Route } from './dialect.ts'
import { forEndpoint, type Endpoint, type Switches } from './switches.ts'

/** A request as it came in, for tests that count and inspect. `at` is milliseconds since 1970. */
export interface RecordedRequest {
  readonly at: number
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly form: Readonly<Record<string, string>>
  readonly headers: IncomingHttpHeaders
}

export interface ServerParts {
  readonly find: (method: string, path: string) => Route | undefined
  readonly switches: () => Switches
  readonly record: (request: RecordedRequest) => void
}

const formLimit = 1_000_000 // bytes

/** Listens on a port of its own and misbehaves on the connection as the switches say. */
export async function listen(parts: ServerParts, host: string, port: number): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  const server = createServer((request, response) => {
    serve(parts, request, response).catch((error: unknown) => (response.headersSent ? response.destroy() : send(response, json(500, { error: String(error) }))))
  })
  server.keepAliveTimeout = 60_000
  server.listen(port, host)
  await once(server, 'listening')
  return { url: urlOf(server, host), close: () => close(server) }
}

function urlOf(server: Server, host: string): string {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a listening TCP server has a port')
  const everywhere = host === '0.0.0.0' || host === '::'
  return `http://${everywhere ? 'localhost' : host}:${address.port}`
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}

async function serve(parts: ServerParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const exchange = await readExchange(request)
  const { method, path } = exchange
  const route = parts.find(method, path)
  if (route?.endpoint === 'page') return send(response, await route.answer(exchange))
  parts.record({ at: Date.now(), method, path, headers: exchange.headers, query: Object.fromEntries(exchange.query), form: Object.fromEntries(exchange.form) })
  const switches = parts.switches()
  if (switches.down === true) return void request.socket.destroy()
  if (route === undefined) return send(response, json(404, { error: 'not_found' }))
  if (Array.isArray(switches.down) && switches.down.includes(route.endpoint)) return void request.socket.destroy()
  await misdeliver(response, route.endpoint, switches, await answered(route, route.endpoint, exchange, switches))
}

async function answered(route: Route, endpoint: Endpoint, exchange: Exchange, { status, gzipBomb }: Switches): Promise<Reply> {
  const failure = status?.[endpoint]
  if (failure !== undefined) return json(failure, { error: 'server_error' }, failure === 503 ? { 'retry-after': '30' } : {})
  if (gzipBomb === endpoint) return { ...json(200, ''), body: bomb(), headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' } }
  return route.answer(exchange)
}

async function misdeliver(response: ServerResponse, endpoint: Endpoint, switches: Switches, reply: Reply): Promise<void> {
  const slow = forEndpoint(switches.slow, endpoint)
  if (slow > 0) await delay(slow, undefined, { ref: false })
  const pause = forEndpoint(switches.slowBytes, endpoint)
  if (pause === 0) return send(response, reply)
  response.writeHead(reply.status, { ...reply.headers, 'content-length': Buffer.byteLength(reply.body) })
  for (const byte of Buffer.from(reply.body)) {
    if (response.destroyed) return
    response.write(Buffer.of(byte))
    await delay(pause, undefined, { ref: false })
  }
  response.end()
}

function send(response: ServerResponse, { status, headers, body }: Reply): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body)
}

async function readExchange(request: IncomingMessage): Promise<Exchange> {
  const { method = 'GET', url = '/', headers } = request
  const mark = url.indexOf('?')
  const path = mark < 0 ? url : url.slice(0, mark)
  const body = method === 'GET' ? '' : await readBody(request)
  const isForm = headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true
  return {
    method,
    path,
    headers,
    body,
    query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)),
    form: new URLSearchParams(isForm ? body : ''),
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk) || (length += chunk.length) > formLimit) throw new RangeError('body too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** A gzip stream may have many members (RFC 1952 2.2), so the bomb costs us one packed megabyte. */
function bomb(): Buffer {
  const megabyte = gzipSync('0'.repeat(1_000_000))
  return Buffer.concat([gzipSync('{"sub":"1","name":"'), ...Array.from({ length: 100 }, () => megabyte), gzipSync('"}')])
}
