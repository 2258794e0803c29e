import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startShop, type Shop } from '../support/shop.ts'

// What is sent below HTTP, or almost HTTP: on sockets of our own, a few at a time.
let shop: Shop
let slow: ReturnType<typeof trickle>[]
beforeAll(async () => {
  shop = await startShop()
  // These are cut while the other tests run.
  slow = [
    trickle(''),
    trickle('POST /graphql HTTP/1.1\r\nHost: x\r\n', 'X-A: b\r\n'),
    trickle('POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n', ' '),
    trickle('POST /oidc/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000\r\n\r\n', 'a'),
  ]
})
afterAll(() => shop[Symbol.asyncDispose]())

function open(): { readonly socket: Socket; readonly ended: Promise<string> } {
  const { hostname, port } = new URL(shop.url)
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
  const heard: Buffer[] = []
  socket.on('data', (bytes: Buffer) => heard.push(bytes))
  socket.on('error', () => {})
  const ended = Promise.race([once(socket, 'end'), once(socket, 'close')]).then(() => {
    socket.destroy()
    return Buffer.concat(heard).toString('latin1')
  })
  return { socket, ended }
}

/** Begins a request and then sends a byte or so a second, until it is cut off; says after how many milliseconds that was. */
function trickle(start: string, more?: string): Promise<number> {
  const began = performance.now()
  const { socket, ended } = open()
  if (start !== '') socket.write(start)
  const timer = setInterval(() => more !== undefined && socket.writable && socket.write(more), 1_000)
  return ended.then(() => {
    clearInterval(timer)
    return performance.now() - began
  })
}

/** What came back until the connection was closed. */
async function raw(text: string | Buffer): Promise<string> {
  const { socket, ended } = open()
  socket.write(text)
  return ended
}
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1])
const query = '{"query":"{ __typename }"}'
const post = (headers: string, body: string, path = '/graphql') => `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n\r\n${body}`
const json = 'Content-Type: application/json'

test('the same by hand, as it should be', async () => {
  const answer = await raw(post(`${json}\r\nContent-Length: ${query.length}`, query))
  expect([statusOf(answer), answer.includes('{"data":{"__typename":"Query"}}')]).toEqual([200, true])
})

describe('F26 requests that two readers would cut in two places', () => {
  const length = `Content-Length: ${query.length}`
  const chunked = `${query.length.toString(16)}\r\n${query}\r\n0\r\n\r\n`
  test.for([
    ['a length and chunks', post(`${json}\r\n${length}\r\nTransfer-Encoding: chunked`, chunked)],
    ['two lengths', post(`${json}\r\n${length}\r\nContent-Length: 3`, query)],
    ['a length that is none', post(`${json}\r\nContent-Length: +${query.length}`, query)],
    ['chunks by another name', post(`${json}\r\nTransfer-Encoding: xchunked`, chunked)],
    ['chunks that are not the last coding', post(`${json}\r\nTransfer-Encoding: chunked, identity`, chunked)],
    ['bare line feeds', post(`${json}\r\n${length}`, query).replaceAll('\r\n', '\n')],
    ['a folded header', post(`${json}\r\n${length}\r\nX-A: b\r\n c`, query)],
    ['a space before the colon', post(`${json}\r\nContent-Length : ${query.length}`, query)],
    ['a size of a chunk that is none', post(`${json}\r\nTransfer-Encoding: chunked`, `0x${chunked}`)],
    ['no Host', post(`${json}\r\n${length}`, query).replace('Host: x\r\n', '')],
  ])('%s', async ([, text]) => {
    const smuggled = `${text}GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
    const answer = await raw(smuggled.replace('Connection: close\r\n', ''))
    expect(answer.match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 400'])
  })
})

describe('F24 bodies', () => {
  test('a byte too much, by its length or in chunks without an end', async () => {
    const full = `{"query":"{ __typename }","x":"${'x'.repeat(65_536)}`.slice(0, 65_534)
    const fits = `${full}"}`
    expect(statusOf(await raw(post(`${json}\r\nContent-Length: 65536`, fits)))).not.toBe(413)
    expect(statusOf(await raw(post(`${json}\r\nContent-Length: 65537`, `${fits} `)))).toBe(413)
    expect(statusOf(await raw(post(`${json}\r\nTransfer-Encoding: chunked`, `20000\r\n${' '.repeat(0x20000)}\r\n`)))).toBe(413)
    expect(statusOf(await raw(post(`Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000000`, 'a'.repeat(70_000), '/oidc/token')))).toBe(400)
    expect(
      statusOf(await raw(post(`Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 20001`, 'a'.repeat(20_001), '/login/apple/callback'))),
    ).toBe(413)
  })

  test('what is packed is not unpacked', async () => {
    const bomb = gzipSync(Buffer.alloc(10_000_000, ' '))
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
    const answer = await fetch(`${shop.url}/graphql`, { method: 'POST', headers, body: bomb })
    expect([400, 413, 415]).toContain(answer.status)
  })

  test('a body that ends before its length is no request', async () => {
    const { socket, ended } = open()
    socket.end(post(`${json}\r\nContent-Length: 500`, query))
    expect(statusOf(await ended) || 400).toBe(400)
  })
})

test.for(['application/json', 'application/json;', 'application/json ;x', 'application/json\t', 'application/json; charset=utf-8', 'APPLICATION/JSON'])(
  'F23 %j is read and checked like JSON, or not at all',
  async (type) => {
    const good = await raw(post(`Content-Type: ${type}\r\nContent-Length: ${query.length}`, query))
    expect([200, 415]).toContain(statusOf(good))
    // What nothing behind the parser looks at is refused by the parser.
    const beside = (value: string) => `{"query":"{ __typename }","extensions":${value}}`
    const bads = ['{"query":"{ __typename }","variables":{"__proto__":{}}}', '{"query":', beside('{"__proto__":{}}'), beside('['.repeat(70) + ']'.repeat(70))]
    for (const bad of bads) expect([400, 415]).toContain(statusOf(await raw(post(`Content-Type: ${type}\r\nContent-Length: ${bad.length}`, bad))))
  },
)

test('F28 a way written otherwise is another way, or the same with the same rules', async () => {
  const at = async (target: string) => statusOf(await raw(post(`${json}\r\nContent-Length: ${query.length}`, query, target)))
  for (const target of [
    '/GRAPHQL',
    '//graphql',
    '/graphql/',
    '/oidc/..%2fgraphql',
    '/oidc/../graphql',
    '/./graphql',
    '/health/../graphql',
    '/graphql%00',
    '/graphql;x',
  ])
    expect([target, await at(target)]).toEqual([target, 404])
  const deep = `{"query":"${'{ me '.repeat(50)}{ id }${' }'.repeat(50)}"}`
  for (const target of ['/graphql', '/%67raphql', 'http://elsewhere.example/graphql']) {
    const answer = await raw(post(`${json}\r\nContent-Length: ${deep.length}`, deep, target))
    expect([target, [400, 404].includes(statusOf(answer)), /nosniff/.test(answer), /no-store/.test(answer)]).toEqual([target, true, true, true])
  }
})

test('F40 F30 no file lies behind an address, and a suffix makes no other page of a page', async () => {
  const files = ['/..%2f.env', '/../.env', '/.env', '/.git/config', '/node_modules/fastify/package.json', '/package.json', '/src/main.ts', '/main.js.map']
  const suffixed = [
    '/account/x.css',
    '/account.css',
    '/login/x.css',
    '/privacy/deletion/x/y.css',
    '/oidc/me/x.css',
    '/graphql/x.js',
    '/metrics/x',
    '/%00',
    '/account%00.css',
  ]
  for (const path of [...files, ...suffixed]) {
    const answer = await raw(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    expect([path, statusOf(answer), /cache-control: no-store/i.test(answer)]).toEqual([path, 404, true])
  }
})

test('F25 whoever sends nothing, or a byte a second, is cut off within 30 seconds; meanwhile others are served', { timeout: 60_000 }, async () => {
  const held = Array.from({ length: 300 }, () => open())
  expect((await fetch(`${shop.url}/health/ready`)).status).toBe(200)
  expect((await shop.graphql('{ __typename }')).errors).toBeUndefined()
  for (const { socket } of held) socket.destroy()
  for (const [n, ms] of (await Promise.all(slow)).entries()) expect([n, ms < 30_000]).toEqual([n, true])
})
