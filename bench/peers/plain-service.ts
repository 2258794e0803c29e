import 'reflect-metadata'
import { ApolloServer, HeaderMap, type ApolloServerPlugin } from '@apollo/server'
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled'
import fastify, { LogController, type FastifyReply, type FastifyRequest } from 'fastify'
import type { DocumentNode } from 'graphql'
import { compileQuery, isCompiledQuery, type CompiledQuery } from 'graphql-jit'
import { importJWK, jwtVerify } from 'jose'
import { LRUCache } from 'lru-cache'
import { MongoClient } from 'mongodb'
import { buildSchema } from 'type-graphql'
import { z } from 'zod'
import { serveAsChild } from '../child.ts'
import { plainStore } from './plain-store.ts'
import { PlainResolver, type Asking } from './plain-types.ts'

/*
 * The same service without any of this: the same queries over GraphQL, the same tokens, and as durable writes, by the libraries that the gateway
 * stands on and with as much care for speed: Fastify, Apollo Server without the plugins that cost, queries that are compiled once and tokens that are checked once.
 * There is no consent to ask, no ledger, no log of who read what, and nobody's field is anybody's secret. It logs each request, too.
 */

const client = await MongoClient.connect(process.env['MONGODB_URI'] ?? '', { maxPoolSize: 50, writeConcern: { w: 'majority' } })
const store = plainStore(client.db())
const schema = await buildSchema({ resolvers: [PlainResolver], validate: false })
const key = await importJWK(JSON.parse(process.env['TOKEN_KEY'] ?? ''))
const claims = z.object({ sub: z.string(), scope: z.string(), grant: z.string().optional() })

const known = new LRUCache<string, Asking>({ max: 50_000 })
async function askingBy(authorization = ''): Promise<Asking> {
  const before = known.get(authorization)
  if (before !== undefined) return before
  const { payload } = await jwtVerify(authorization.replace('Bearer ', ''), key, { typ: 'at+jwt' })
  const { sub, scope, grant } = claims.parse(payload)
  const asking = { person: grant === undefined ? null : sub, scope, store }
  known.set(authorization, asking)
  return asking
}

const compiled = new WeakMap<DocumentNode, CompiledQuery>()
function compiledOf(document: DocumentNode): CompiledQuery {
  const before = compiled.get(document)
  if (before !== undefined) return before
  const made = compileQuery(schema, document)
  if (!isCompiledQuery(made)) throw new Error('the query cannot be compiled')
  compiled.set(document, made)
  return made
}

const execution: ApolloServerPlugin<Asking> = {
  async requestDidStart() {
    return {
      async responseForOperation({ document, contextValue, request }) {
        const { data, errors } = await compiledOf(document).query(undefined, contextValue, request.variables ?? {})
        const singleResult = { data: data ?? null, ...(errors && { errors: errors.map((error) => error.toJSON()) }) }
        return { http: { headers: new HeaderMap() }, body: { kind: 'single', singleResult } }
      },
    }
  },
}

const apollo = new ApolloServer<Asking>({
  schema,
  plugins: [
    ApolloServerPluginCacheControlDisabled(),
    ApolloServerPluginInlineTraceDisabled(),
    ApolloServerPluginUsageReportingDisabled(),
    ApolloServerPluginSchemaReportingDisabled(),
    ApolloServerPluginLandingPageDisabled(),
    execution,
  ],
})
await apollo.start()

async function graphql(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const headers = new HeaderMap([['content-type', 'application/json']])
  const { status, body } = await apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: { method: 'POST', headers, search: '', body: request.body },
    context: () => askingBy(request.headers.authorization),
  })
  return reply
    .code(status ?? 200)
    .type('application/json')
    .send(body.kind === 'complete' ? body.string : '')
}

const shop = `Basic ${btoa('storefront-bench-write-key:')}`
const tracked = z.object({ userId: z.string(), event: z.string(), properties: z.record(z.string(), z.unknown()) })

const app = fastify({ keepAliveTimeout: 60_000, logger: true, logController: new LogController({ disableRequestLogging: true }) })
app.addHook('onResponse', (request, reply, done) => {
  request.log.info({ method: request.method, route: request.routeOptions.url, status: reply.statusCode, ms: reply.elapsedTime }, 'request')
  done()
})
app.post('/graphql', graphql)
app.post('/v1/track', async (request, reply) => {
  if (request.headers.authorization !== shop) return reply.code(401).send()
  const { userId, event, properties } = tracked.parse(request.body)
  await store.keep(userId, { event, properties })
  return { success: true }
})
const address = await app.listen({ port: 0, host: '127.0.0.1' })
serveAsChild(Number(new URL(address).port), async () => {
  await app.close()
  await apollo.stop()
  await client.close()
})
