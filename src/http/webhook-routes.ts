import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import type { Notice } from '../broker/events/event.ts'
import type { Received } from '../broker/events/inbox.ts'
import type { Provider, ProviderId } from '../broker/provider.ts'
import { EntenteError } from '../errors.ts'
import { networkOf } from './network.ts'

export interface WebhookParts {
  readonly publicUrl: string
  readonly providers: ReadonlyMap<ProviderId, Provider>
  /** Keeps what a provider tells. BAD_USER_INPUT PROVIDER_UNAVAILABLE */
  readonly receive: (provider: ProviderId, notice: Notice) => Promise<Received>
  /** Writes down that somebody posted what is not the provider's. */
  readonly refused: (provider: ProviderId, check: string) => Promise<void>
}

type Posted = FastifyRequest<{ Params: { provider: string; topic?: string } }>

const mediaTypes = ['application/json', 'application/secevent+jwt', 'application/x-www-form-urlencoded']

/** Refused notices from one place in the network, for each process: no provider errs that often. */
const flood = { points: 600, duration: 60 } as const

/**
 * `/webhooks/<provider>`: what providers tell of their own accord. Answered when it is kept, whomever it is about: 202 for security event
 * tokens (RFC 8935, 2), 200 else, with Facebook's confirmation where its data deletion callback asks for one.
 */
export async function webhookRoutes(scope: FastifyInstance, parts: WebhookParts): Promise<void> {
  const forged = new RateLimiterMemory(flood)
  scope.removeAllContentTypeParsers()
  // As it came: signatures are over bytes.
  scope.addContentTypeParser(mediaTypes, { parseAs: 'string' }, (_request, body, done) => done(null, body))
  scope.setErrorHandler((error: unknown, request, reply) => {
    if (error instanceof EntenteError && error.code === 'BAD_USER_INPUT') {
      void forged.penalty(networkOf(request.ip))
      return refuse(parts, request, reply, error)
    }
    throw error
  })
  // Before the body is read, and before anything is looked up or written down for it.
  scope.addHook('onRequest', async (request, reply) => {
    const counted = await forged.get(networkOf(request.ip))
    if (counted === null || counted.consumedPoints < flood.points) return
    return reply
      .code(429)
      .header('retry-after', Math.ceil(counted.msBeforeNext / 1000))
      .send()
  })
  const answer = async (request: Posted, reply: FastifyReply): Promise<FastifyReply> => {
    const { provider: id, topic = null } = request.params
    const reader = parts.providers.get(id)?.events
    if (reader === undefined || (topic !== null && id !== 'facebook')) {
      reply.callNotFound()
      return reply
    }
    const [mediaType = ''] = (request.headers['content-type'] ?? '').split(';')
    if (mediaType.trim().toLowerCase() !== reader.mediaType || typeof request.body !== 'string') {
      throw new EntenteError('BAD_USER_INPUT', { provider: id, check: 'content type' })
    }
    const { confirmations } = await parts.receive(id, { mediaType: reader.mediaType, body: request.body, topic })
    return told(parts, id, topic, confirmations[0], reply)
  }
  scope.post('/webhooks/:provider', answer)
  scope.post('/webhooks/:provider/:topic', answer)
  for (const url of ['/webhooks/:provider', '/webhooks/:provider/:topic']) {
    scope.route({ method: ['GET', 'PUT', 'DELETE', 'PATCH'], url, handler: (_request, reply) => reply.code(405).header('allow', 'POST').send() })
  }
}

function told({ publicUrl }: WebhookParts, id: ProviderId, topic: string | null, confirmation: string | undefined, reply: FastifyReply): FastifyReply {
  if (id === 'google') return reply.code(202).send()
  if (id !== 'facebook' || topic !== null || confirmation === undefined) return reply.code(200).send({})
  return reply.code(200).send({ url: `${publicUrl}/privacy/deletion/${confirmation}`, confirmation_code: confirmation })
}

/** The body that RFC 8935 (2.4) wants of a refusal; which check failed is in the log and the audit log only. */
async function refuse(parts: WebhookParts, request: FastifyRequest, reply: FastifyReply, error: EntenteError): Promise<FastifyReply> {
  const { provider } = request.params as { provider: string }
  request.log.warn({ code: error.code, ...error.detail }, 'webhook refused')
  await parts.refused(provider, String(error.detail['check'] ?? 'body'))
  return reply.code(400).type('application/json').send({ err: 'invalid_request', description: 'The notice could not be verified.', reference: request.id })
}
