import CircuitBreaker from 'opossum'
import { Agent, request as send, type Dispatcher } from 'undici'
import { EntenteError } from '../errors.ts'
import { isLoopbackHost } from './public-address.ts'
import { guardedConnector } from './guarded-connector.ts'
import type { ProviderId } from './provider.ts'
import type { CustomFetchOptions } from 'openid-client'

/** Asks one provider, and nobody else can make it ask the inside of our own network. */
export interface ProviderHttp {
  /** The whole answer, read and bounded (`limit` in bytes); none is taken that is packed. Redirects are not followed. PROVIDER_UNAVAILABLE */
  readonly fetch: (url: string, request?: Partial<CustomFetchOptions>, limit?: number) => Promise<Response>
  /** Whether `fetch` would ask this address at all: https, or plain http on this machine where that is allowed. */
  readonly permits: (url: string) => boolean
  /** False while the circuit is open. */
  readonly available: () => boolean
}

const deadline = 5_000 // milliseconds for one request, connecting and the last byte included; and for all requests about one person
const usualLimit = 256 * 1024
const deepest = 64 // levels of JSON
const form = 'application/x-www-form-urlencoded;charset=UTF-8'

/** `allowLoopback` is for simulated providers: without it only public addresses are connected to, whatever a name resolves to. */
export function providerHttp({ provider, allowLoopback }: { provider: ProviderId; allowLoopback: boolean }): ProviderHttp {
  const agent = new Agent({ connect: guardedConnector(allowLoopback) })
  const permits = (url: string) => {
    const parsed = URL.parse(url)
    return parsed?.protocol === 'https:' || (parsed?.protocol === 'http:' && allowLoopback && isLoopbackHost(parsed.hostname))
  }
  const unavailable = (reason: string, cause?: unknown) => new EntenteError('PROVIDER_UNAVAILABLE', { provider, reason }, {}, cause)

  async function ask(url: string, request: Partial<CustomFetchOptions>, limit: number): Promise<Response> {
    const { method = 'GET' } = request
    // openid-client sends forms only.
    const body = request.body instanceof URLSearchParams ? request.body.toString() : null
    const headers = { ...(body !== null && { 'content-type': form }), ...request.headers, 'accept-encoding': 'identity' }
    const signal = AbortSignal.timeout(deadline)
    const once = () => send(url, { method: method === 'POST' ? 'POST' : 'GET', headers, body, signal, dispatcher: agent })
    const answer = await once().catch((error: unknown) => {
      if (method === 'POST' || signal.aborted) throw error
      return once()
    })
    const bytes = await readBounded(answer.body, limit)
    if (answer.statusCode >= 500 || answer.statusCode === 429) throw new Error(`status ${answer.statusCode}`)
    if (bytes === null) throw unavailable('answer too large')
    if ((answer.headers['content-encoding'] ?? 'identity') !== 'identity') throw unavailable('answer packed')
    if (isNestedBeyond(deepest, bytes)) throw unavailable('answer too deep')
    return new Response(bytes.length === 0 ? null : bytes, { status: answer.statusCode, headers: headersOf(answer.headers) })
  }

  // Unreachable, silent, failing and throttling count towards an outage; an odd answer to one person does not.
  const circuit = new CircuitBreaker(ask, {
    timeout: false, // `ask` has its own
    volumeThreshold: 3,
    errorThresholdPercentage: 50,
    rollingCountTimeout: 60_000,
    rollingCountBuckets: 6,
    resetTimeout: 10_000,
    rollingPercentilesEnabled: false,
    enableSnapshots: false,
    errorFilter: (error: unknown) => error instanceof EntenteError,
  })
  return {
    permits,
    available: () => !circuit.opened,
    async fetch(url, request = {}, limit = usualLimit) {
      if (!permits(url)) throw unavailable('address not allowed')
      return circuit.fire(url, request, limit).catch((error: unknown) => {
        throw error instanceof EntenteError ? error : unavailable(circuit.opened ? 'circuit open' : 'outage', error)
      })
    },
  }
}

/**
 * What a person waits for: five seconds, however many requests it takes. A request that is then under way ends by its own limit, as others
 * may be waiting for the same keys. PROVIDER_UNAVAILABLE
 */
export async function withinDeadline<T>(provider: ProviderId, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new EntenteError('PROVIDER_UNAVAILABLE', { provider, reason: 'too slow' })), deadline)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** An answer's JSON, which stays readable for others; null when it is none. */
export const readJson = (answer: Response): Promise<unknown> =>
  answer
    .clone()
    .json()
    .catch(() => null)

const headersOf = (headers: Dispatcher.ResponseData['headers']): [string, string][] =>
  Object.entries(headers).flatMap(([name, values = []]) => [values].flat().map((value): [string, string] => [name, value]))

/** Null when there is more than the limit; the rest is not waited for. */
async function readBounded(body: AsyncIterable<Uint8Array>, limit: number): Promise<Buffer<ArrayBuffer> | null> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.byteLength
    if (length > limit) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function isNestedBeyond(levels: number, json: Buffer): boolean {
  let depth = 0
  for (const [token] of json.toString('latin1').matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (token === '{' || token === '[') depth += 1
    else if (token === '}' || token === ']') depth -= 1
    if (depth > levels) return true
  }
  return false
}
