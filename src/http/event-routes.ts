import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Client } from '../config/clients.ts'
import { EntenteError } from '../errors.ts'
import type { CustomerKey } from '../operation.ts'
import type { Intake, Said } from '../personalization/intake.ts'
import type { Refusal } from '../personalization/capture.ts'
import { callKinds, NotCalls, type CallKind, type SegmentCall, type SegmentCalls } from '../personalization/segment-calls.ts'

export interface EventRouteParts {
  readonly publicUrl: string
  readonly calls: SegmentCalls
  readonly take: Intake
  /** Counts events from an address, whatever they are. RATE_LIMITED */
  readonly admitFrom: (address: string, events: number) => void
  readonly clientWith: (writeKey: string) => Client | null
  readonly subjects: { inward(sector: string, id: string): CustomerKey | null }
  /** Where clients' pages may call from. */
  readonly origins: () => readonly string[]
}

/** Segment's: 500 kB a batch. Bytes. */
const largestBody = 500 * 1024
/** Browsers send text, to be spared a question beforehand; both are JSON. */
const mediaTypes = ['application/json', 'text/plain']

/**
 * Segment's HTTP tracking API, as its public tools use it. Answered once what is kept is durable, so that who repeats it doubles nothing.
 * What a person agrees to is nobody's to learn from a write key, which stands in the shop's pages: people without a basis, unknown and
 * erased ones are answered like all others.
 */
export async function eventRoutes(scope: FastifyInstance, parts: EventRouteParts): Promise<void> {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser(mediaTypes, { parseAs: 'string', bodyLimit: largestBody }, (_request, body, done) => done(null, body))
  scope.addHook('onRequest', (request, reply, done) => {
    allowOrigin(parts, request, reply)
    // Whoever is over is told before anything is read; a request counts, whatever is in it.
    if (request.method === 'POST') parts.admitFrom(request.ip, 1)
    done()
  })
  scope.setErrorHandler((error: unknown, _request, reply) => {
    if (error instanceof EntenteError && error.hints.retryAfter !== undefined)
      reply.header('retry-after', error.hints.retryAfter).header('x-ratelimit-reset', error.hints.retryAfter)
    // Larger than anything that may be sent: Segment's tools try again for any other refusal than this one.
    throw error instanceof Error && 'statusCode' in error && error.statusCode === 413 ? new EntenteError('BAD_USER_INPUT', { why: 'too large' }) : error
  })
  const paths = new Map<string, CallKind | null>([
    ['batch', null],
    ['b', null],
    ['import', null],
    ...callKinds.flatMap((kind) => [[kind, kind] as const, [kind.slice(0, 1), kind] as const]),
  ])
  for (const [path, kind] of paths) {
    scope.post(`/v1/${path}`, (request, reply) => taken(parts, request, reply, kind))
    scope.options(`/v1/${path}`, preflight)
  }
  scope.get<{ Params: { key: string } }>('/v1/projects/:key/settings', async ({ params }, reply) => {
    if (parts.clientWith(params.key) === null) return reply.code(404).send({ error: 'not_found' })
    return reply.send(settingsFor(params.key, parts.publicUrl))
  })
}

async function taken(parts: EventRouteParts, request: FastifyRequest, reply: FastifyReply, kind: CallKind | null): Promise<FastifyReply> {
  const outcomes = await handedOn(parts, request, kind)
  const refused = outcomes.flatMap((reason, index) => (reason === 'KEPT' || reason === 'DUPLICATE' || reason === 'NO_PURPOSE' ? [] : [{ index, reason }]))
  return reply.send({ success: true, ...(refused.length > 0 && { refused }) })
}

/** What came is let go here: while it waits to be written, no more is held than what is kept of it. */
function handedOn(parts: EventRouteParts, request: FastifyRequest, kind: CallKind | null): ReturnType<Intake> {
  const body = jsonIn(request.body)
  request.body = null
  const client = parts.clientWith(writeKeyIn(request, body))
  if (client === null) throw new EntenteError('UNAUTHENTICATED', { why: 'write key' })
  const receivedAt = new Date()
  const calls = callsIn(parts.calls, body, kind, receivedAt, request.headers['sec-gpc'] === '1')
  parts.admitFrom(request.ip, calls.length)
  const customerOf = customersOf(parts, client)
  return parts.take(
    client,
    calls.map((call) => saidBy(customerOf, call)),
    receivedAt,
  )
}

/** A depth that nobody here goes down into does no harm; what is too deep is found when its size is. */
function jsonIn(body: unknown): unknown {
  try {
    return JSON.parse(String(body))
  } catch {
    throw new EntenteError('BAD_USER_INPUT', { why: 'not JSON' })
  }
}

function callsIn(calls: SegmentCalls, body: unknown, kind: CallKind | null, receivedAt: Date, hasGpc: boolean): (SegmentCall | Refusal)[] {
  try {
    return calls.read(body, kind, receivedAt.getTime(), hasGpc)
  } catch (error) {
    if (error instanceof NotCalls) throw new EntenteError('BAD_USER_INPUT', { why: 'no list of calls' })
    throw error
  }
}

/** A batch names the same few people over and over. */
function customersOf({ subjects }: EventRouteParts, { sector }: Client): (id: string) => CustomerKey | null {
  const found = new Map<string, CustomerKey | null>()
  return (id) => {
    const known = found.get(id)
    if (known !== undefined) return known
    const customer = subjects.inward(sector, id)
    found.set(id, customer)
    return customer
  }
}

/** Who is named by an id that no customer has is somebody without a basis; who is not named, by the browser's own. */
function saidBy(customerOf: (id: string) => CustomerKey | null, call: SegmentCall | Refusal): Said | Refusal {
  if (typeof call === 'string') return call
  const { userId, anonymousId, joins, event } = call
  if (userId === null) return { customer: null, anonymousId, joins: false, event }
  const customer = customerOf(userId)
  return customer === null ? 'NO_PURPOSE' : { customer, anonymousId, joins, event }
}

/** Basic with the key as the user's name, Bearer, or `writeKey` in the body: its tools differ. */
function writeKeyIn({ headers }: FastifyRequest, body: unknown): string {
  const [scheme = '', value = ''] = (headers.authorization ?? '').split(' ')
  if (scheme.toLowerCase() === 'basic') return Buffer.from(value, 'base64').toString('latin1').split(':')[0] ?? ''
  if (scheme.toLowerCase() === 'bearer') return value
  const key: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'writeKey') : undefined
  return typeof key === 'string' ? key : ''
}

/** CORS for registered origins only, never with credentials: cookies authenticate nothing here. */
function allowOrigin({ origins }: EventRouteParts, { headers: { origin } }: FastifyRequest, reply: FastifyReply): void {
  reply.header('vary', 'origin')
  if (origin !== undefined && origins().includes(origin)) reply.header('access-control-allow-origin', origin)
}

const preflight = async (_request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> =>
  reply
    .code(204)
    .header('access-control-allow-methods', 'POST')
    .header('access-control-allow-headers', 'authorization, content-type, x-retry-count')
    .header('access-control-max-age', '600')
    .send()

/** What the browser's tool wants to know at its start: that there is one place to send to, and nothing further to load. */
function settingsFor(apiKey: string, publicUrl: string): object {
  const { host, protocol } = new URL(publicUrl)
  return { integrations: { 'Segment.io': { apiKey, apiHost: `${host}/v1`, protocol: protocol.slice(0, -1) } } }
}
