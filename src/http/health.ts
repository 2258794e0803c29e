import type { FastifyInstance } from 'fastify'
import type { Metrics } from './metrics.ts'

export interface HealthParts {
  /** True when the parts behind answer; a word each, no address, no version. */
  readonly ready: () => Promise<Readonly<Record<'mongodb' | 'redis', boolean>>>
  readonly metrics: Metrics
}

/** `/health/live`: the process answers. `/health/ready`: MongoDB answers too; without Redis reads go on, so that alone is not unready. `/metrics`: for the inside only. */
export function healthRoutes(server: FastifyInstance, parts: HealthParts): void {
  server.get('/health/live', async () => ({ status: 'ok' }))
  server.get('/health/ready', async (_request, reply) => {
    const { mongodb, redis } = await parts.ready()
    return reply.code(mongodb ? 200 : 503).send({ status: mongodb ? (redis ? 'ok' : 'degraded') : 'unavailable' })
  })
  server.get('/metrics', async (request, reply) => {
    const direct = request.headers['x-forwarded-for'] === undefined && request.headers.forwarded === undefined
    if (!direct || !isInside(request.socket.remoteAddress ?? '')) return reply.callNotFound()
    return reply.type(parts.metrics.contentType).send(await parts.metrics.print())
  })
}

const isInside = (address: string): boolean =>
  /^(::ffff:)?(127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/.test(address) || address === '::1' || /^f[cd]/i.test(address)
