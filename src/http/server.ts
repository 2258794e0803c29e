import fastify, { LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { EntenteError } from '../errors.ts'
import type { Metrics } from './metrics.ts'

export interface ServerParts {
  readonly log: Logger
  readonly metrics: Metrics
  readonly publicUrl: string
  /** Addresses of the reverse proxies whose X-Forwarded-For counts; with none, the socket's own address does. */
  readonly trustedProxies: readonly string[]
  /** Requests at work at once, beyond which the answer is 503: the queue does not grow with the load. */
  readonly atOnce: number
}

export type Server = FastifyInstance

/** Limits in bytes and levels of nesting; the front bounds the times. */
const limits = { body: 65_536, depth: 64 } as const

/**
 * Fastify with the rules that hold for every answer: bounded bodies and times, one log line a request that names the route and never the
 * URL, security headers, refusal instead of a growing queue, errors by code only.
 */
export function createServer(parts: ServerParts): Server {
  const server = fastify({
    loggerInstance: parts.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    bodyLimit: limits.body,
    trustProxy: parts.trustedProxies.length > 0 ? [...parts.trustedProxies] : false,
    routerOptions: { maxParamLength: 200 },
  })
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, parseJson(String(body)))
    } catch (error) {
      done(error as Error)
    }
  })
  refuseOverload(server, parts.atOnce)
  setHeaders(server, parts.publicUrl)
  logRequests(server, parts.metrics)
  answerErrors(server)
  return server
}

/** JSON within a depth that no reader behind it can overflow on, and without keys that mean something to JavaScript. */
export function parseJson(text: string): unknown {
  let depth = 0
  let inString = false
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at)
    if (inString) {
      if (char === 0x5c) at++
      else if (char === 0x22) inString = false
    } else if (char === 0x22) inString = true
    else if (char === 0x7b || char === 0x5b) {
      if (++depth > limits.depth) throw new EntenteError('BAD_USER_INPUT', { why: 'nested too deeply' })
    } else if (char === 0x7d || char === 0x5d) depth--
  }
  try {
    return JSON.parse(text, text.includes('__proto__') || text.includes('\\u') ? refusePrototype : undefined)
  } catch (error) {
    if (error instanceof EntenteError) throw error
    throw new EntenteError('BAD_USER_INPUT', { why: 'not JSON' })
  }
}

function refusePrototype(this: unknown, key: string, value: unknown): unknown {
  if (key === '__proto__') throw new EntenteError('BAD_USER_INPUT', { why: 'a key named __proto__' })
  return value
}

function refuseOverload(server: FastifyInstance, atOnce: number): void {
  let working = 0
  server.addHook('onRequest', (request, reply, done) => {
    if (working >= atOnce && !request.url.startsWith('/health/')) {
      void reply.code(503).header('retry-after', '1').type('application/json').send({ error: 'overloaded' })
      return
    }
    working++
    reply.raw.once('close', () => working--)
    done()
  })
}

function setHeaders(server: FastifyInstance, publicUrl: string): void {
  const headers: Record<string, string> = {
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cache-control': 'no-store',
    ...(publicUrl.startsWith('https:') && { 'strict-transport-security': 'max-age=63072000; includeSubDomains' }),
  }
  // On the raw answer, so that what the OpenID provider writes by itself has them too.
  const all = Object.entries(headers)
  server.addHook('onRequest', (_request, reply, done) => {
    for (const [name, value] of all) reply.raw.setHeader(name, value)
    done()
  })
}

function logRequests(server: FastifyInstance, metrics: Metrics): void {
  server.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none'
    metrics.answered(request.method, route, reply.statusCode, reply.elapsedTime / 1000)
    request.log.info({ method: request.method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime * 10) / 10 }, 'request')
    done()
  })
}

function answerErrors(server: FastifyInstance): void {
  server.setNotFoundHandler((_request, reply) => reply.code(404).type('application/json').send({ error: 'not_found' }))
  server.setErrorHandler((error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const { status, code } = statusOf(error)
    if (error instanceof EntenteError) request.log.warn({ code, ...error.detail }, 'refused')
    else if (status >= 500) request.log.error({ error: nameOf(error) }, 'failed')
    return reply.code(status).type('application/json').send({ error: code, reference: request.id })
  })
}

function statusOf(error: unknown): { status: number; code: string } {
  if (error instanceof EntenteError) return { status: error.status, code: error.code }
  const status = error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 500
  return status >= 400 && status < 500 ? { status, code: 'BAD_USER_INPUT' } : { status: 500, code: 'INTERNAL_SERVER_ERROR' }
}

/** An error's class, its code and where it was thrown: its message may repeat what somebody sent. */
export function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const code = 'code' in error ? ` ${String(error.code).slice(0, 40)}` : ''
  const place = /\n\s+at ([^\n]{1,200})/.exec(error.stack ?? '')?.[1] ?? ''
  return `${error.name}${code} at ${place}`
}
