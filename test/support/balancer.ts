import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One address in front of several gateways: each request goes to the next one, as behind a load balancer without sticky sessions. */
export async function startBalancer() {
  let targets: readonly string[] = []
  let turn = 0

  const server = createServer((incoming, outgoing) => {
    const target = targets[turn++ % targets.length]
    if (target === undefined) outgoing.writeHead(502).end()
    else pass(new URL(target), incoming, outgoing)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    serve: (urls: readonly string[]): void => {
      targets = urls
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

function pass(target: URL, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { method, url: path, headers } = incoming
  const onward = request({ host: target.hostname, port: target.port, method, path, headers, agent: false })
  onward.on('response', (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.on('error', () => outgoing.destroy())
    answer.pipe(outgoing)
  })
  // A gateway that died under the request: the client is told that nobody knows how far it came.
  onward.on('error', () => (outgoing.headersSent ? outgoing.destroy() : outgoing.writeHead(502).end()))
  incoming.pipe(onward)
}
