import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { z } from 'zod'
import { authorizationOf } from '../access/caller.ts'
import { EntenteError } from '../errors.ts'
import type { Caller } from '../operation.ts'
import { personLine, suppressedLine } from '../personalization/audience-fields.ts'
import type { AudienceRequest, CursorPage } from '../personalization/audiences.ts'
import { networkOf } from './network.ts'

export interface AudienceRouteParts {
  readonly callerOf: (authorization: string | undefined) => Promise<Caller | null>
  /** Counts the request. RATE_LIMITED */
  readonly admit: (caller: Caller | null, ip: string) => void
  /** Checks all that can be refused, then gives pages as they are asked for. UNAUTHENTICATED FORBIDDEN BAD_USER_INPUT */
  readonly open: (caller: Caller | null, request: AudienceRequest) => Promise<AsyncIterable<CursorPage>>
  /** How long a stream waits for a receiver that does not read. Milliseconds. */
  readonly patience: number
}

const asked = z.object({ segment: z.string().max(64) })
const query = z.strictObject({
  purpose: z.string().max(64),
  fields: z.string().max(2_000).default(''),
  after: z.string().max(1_000).optional(),
  since: z.string().max(1_000).optional(),
})
/** Streams of one client at once, in this process. */
const mostStreams = 4

/**
 * `/v1/audiences/<segment>`: the people of a segment, or what changed since, one JSON object a line: `{"id":…}` with the fields that were
 * asked for, `{"id":…,"suppressed":…}`, and behind each page `{"cursor":…}` to go on from; the last has `"complete":true`. One page at a
 * time is in memory: it is read when the receiver has taken the one before, and a receiver that stops reading is left.
 */
export async function audienceRoutes(scope: FastifyInstance, parts: AudienceRouteParts): Promise<void> {
  const streams = new Map<ServerResponse, string>()
  // Its last cursor goes on at the next process.
  scope.addHook('preClose', async () => {
    for (const response of streams.keys()) response.destroy()
  })
  scope.setErrorHandler((error: unknown, request, reply) => {
    if (!(error instanceof EntenteError) || error.status >= 500) throw error
    request.log.warn({ code: error.code, ...error.detail }, 'refused')
    const { hints, code } = error
    if (hints.retryAfter !== undefined) reply.header('retry-after', String(hints.retryAfter))
    return reply
      .code(error.status)
      .type('application/json')
      .send({ error: code, message: error.message, ...hints, reference: request.id })
  })

  scope.get('/v1/audiences/:segment', async (request, reply) => {
    const caller = await parts.callerOf(authorizationOf(request.raw))
    parts.admit(caller, networkOf(request.ip))
    const wanted = requestOf(request)
    const clientId = caller?.clientId ?? ''
    if ([...streams.values()].filter((one) => one === clientId).length >= mostStreams)
      throw new EntenteError('RATE_LIMITED', { why: 'streams at once' }, { retryAfter: 10 })
    const pages = await parts.open(caller, wanted)
    streams.set(reply.raw, clientId)
    reply.raw.once('close', () => streams.delete(reply.raw))
    reply.raw.setTimeout(parts.patience, () => reply.raw.destroy())
    return send(reply, pages, wanted.fields)
  })
}

function requestOf(request: FastifyRequest): AudienceRequest {
  const params = asked.safeParse(request.params)
  const read = query.safeParse(request.query)
  if (!params.success || !read.success) {
    const field = params.success ? String(read.error?.issues[0]?.path[0] ?? 'query') : 'segment'
    throw new EntenteError('BAD_USER_INPUT', { why: 'query' }, { field })
  }
  const { purpose, fields, after = null, since = null } = read.data
  const paths = [...new Set(fields.split(',').filter((path) => path !== ''))].sort()
  return { segment: params.data.segment, purpose, fields: paths, after, since }
}

async function send(reply: FastifyReply, pages: AsyncIterable<CursorPage>, fields: readonly string[]): Promise<FastifyReply> {
  const lineOf = personLine(fields)
  async function* lines(): AsyncGenerator<string> {
    for await (const { people, suppressed, cursor, complete } of pages) {
      const end = JSON.stringify(complete ? { cursor, complete } : { cursor })
      yield `${people.map(lineOf).join('')}${suppressed.map(suppressedLine).join('')}${end}\n`
    }
  }
  return reply.type('application/x-ndjson').send(Readable.from(lines(), { objectMode: false }))
}
