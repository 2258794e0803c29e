import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { authorizationOf } from '../access/caller.ts'
import type { OpenIdProvider } from '../access/openid-provider.ts'
import type { GraphqlServer } from '../graphql/server.ts'
import { networkOf } from './network.ts'

export interface ApiParts {
  readonly graphql: Pick<GraphqlServer, 'handle'>
  readonly openid: Pick<OpenIdProvider, 'handler'>
  /** Where clients' pages may call `/graphql` from. */
  readonly origins: () => readonly string[]
}

/** `/graphql` and `/oidc/*`. */
export function apiRoutes(server: FastifyInstance, parts: ApiParts): void {
  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    reply.header('vary', 'Sec-GPC')
    allowOrigin(parts, request, reply)
    authorizationOf(request.raw)
    const mark = request.url.indexOf('?')
    const { status, headers, body } = await parts.graphql.handle({
      method: request.method,
      headers: request.headers,
      search: mark === -1 ? '' : request.url.slice(mark),
      body: request.body,
      ip: networkOf(request.ip),
    })
    return reply.code(status).headers(headers).send(body)
  }
  server.post('/graphql', answer)
  server.get('/graphql', answer)
  server.options('/graphql', async (request, reply) => {
    if (allowOrigin(parts, request, reply)) {
      reply
        .header('access-control-allow-methods', 'POST')
        .header('access-control-allow-headers', 'authorization, content-type')
        .header('access-control-max-age', '600')
    }
    return reply.code(204).send()
  })
  void server.register(async (scope) => openIdRoutes(scope, parts.openid))
}

/** CORS for registered origins only, never with credentials: cookies authenticate nothing here. */
function allowOrigin(parts: ApiParts, request: FastifyRequest, reply: FastifyReply): boolean {
  const { origin } = request.headers
  if (origin === undefined) return false
  reply.header('vary', 'origin, Sec-GPC')
  if (!parts.origins().includes(origin)) return false
  reply.header('access-control-allow-origin', origin)
  return true
}

/** The OpenID provider reads requests and writes answers by itself. */
function openIdRoutes(scope: FastifyInstance, openid: Pick<OpenIdProvider, 'handler'>): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
  scope.all('/oidc/*', (request, reply) => {
    reply.hijack()
    openid.handler(request.raw, reply.raw, networkOf(request.ip))
  })
}
