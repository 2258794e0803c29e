import { once } from 'node:events'
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Front extends AsyncDisposable {
  /** From now on this answers. Resolves when all that the one before had begun is answered. */
  serve(answer: RequestListener): Promise<void>
  /** The address it listens on. */
  listen(at: { readonly host: string; readonly port: number }): Promise<string>
}

/** What answers, and how much of it is under way. */
interface Serving {
  readonly answer: RequestListener
  begun: number
  readonly left: PromiseWithResolvers<void>
}

/** Milliseconds. Node looks for connections that are over their time every 30 seconds unless told otherwise. */
const times = { requestTimeout: 20_000, headersTimeout: 10_000, connectionsCheckingInterval: 1_000, keepAliveTimeout: 72_000 } as const

/**
 * The one socket of a gateway. What answers behind it can be replaced between two requests: each is answered to its end by the one that it
 * began with. Disposed of, it takes no more and waits for what is under way.
 */
export function openFront(): Front {
  let serving: Serving | null = null
  let closing = false
  const server = createServer(times, (request, response) => {
    const mine = serving
    if (mine === null || closing) return refuse(response, closing ? 'stopping' : 'starting')
    mine.begun++
    response.once('close', () => {
      mine.begun--
      // Kept alive, the connection would hold up the end for as long as its client likes.
      if (closing) request.socket.end()
      if (mine !== serving && mine.begun === 0) mine.left.resolve()
    })
    mine.answer(request, response)
  })

  return {
    async serve(answer) {
      const before = serving
      serving = { answer, begun: 0, left: Promise.withResolvers() }
      if (before !== null && before.begun > 0) await before.left.promise
    },
    async listen({ host, port }) {
      server.listen(port, host)
      await once(server, 'listening')
      return addressOf(server.address())
    },
    async [Symbol.asyncDispose]() {
      closing = true
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      await closed
    },
  }
}

function refuse(response: ServerResponse, why: 'starting' | 'stopping'): void {
  response.writeHead(503, { 'content-type': 'application/json', 'retry-after': '1', connection: 'close' }).end(JSON.stringify({ error: why }))
}

function addressOf(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') return address ?? ''
  return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`
}
