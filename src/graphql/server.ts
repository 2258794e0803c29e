import { ApolloServer, HeaderMap, type ApolloServerOptionsWithSchema, type ApolloServerPlugin } from '@apollo/server'
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled'
import type { ExecutionResult, FormattedExecutionResult } from 'graphql'
import { preparedDocuments, type PreparedDocuments } from './documents.ts'
import { limits } from './limits.ts'
import { maskFormatted, refusal } from './mask-errors.ts'
import { admit, answer, type Admitted, type GraphqlParts } from './pipeline.ts'
import { readRequest, type GraphqlHttp } from './request.ts'

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export interface GraphqlServer {
  /** Answers GraphQL over HTTP: POST with JSON, GET for queries. Always `no-store`. Never rejects. */
  handle(http: GraphqlHttp): Promise<HttpAnswer>
  close(): Promise<void>
}

/** What Apollo Server carries from admission to execution. */
class Carried {
  /** Null for requests that it refuses by their form. */
  admitted: Admitted | null = null
}

/** Apollo Server speaks HTTP; what a query may do and how it runs is `pipeline.ts`. */
export async function graphqlServer(parts: GraphqlParts): Promise<GraphqlServer> {
  const documents = preparedDocuments(parts.schema)
  const server = new ApolloServer<Carried>(options(parts, documents))
  await server.start()

  async function write(http: GraphqlHttp, context: () => Promise<Carried>): Promise<HttpAnswer> {
    const { status, headers, body } = await server.executeHTTPGraphQLRequest({
      httpGraphQLRequest: { method: http.method, headers: forApollo(http.headers), search: http.search, body: http.body },
      context,
    })
    // Incremental delivery is not in the schema, so an answer is always complete.
    const text = body.kind === 'complete' ? body.string : ''
    if (body.kind === 'complete') body.string = '' // as in `writtenAndLetGo`
    return { status: status ?? 200, headers: { ...Object.fromEntries(headers), 'cache-control': 'no-store' }, body: Buffer.from(text) }
  }

  return {
    async handle(http) {
      const carried = new Carried()
      const answer = await write(http, async () => {
        const request = readRequest(http)
        carried.admitted = request && (await admit(parts, documents, http, request))
        return carried
      })
      try {
        await carried.admitted?.noted // before anybody is given it
        return answer
      } catch (error) {
        return write(http, () => Promise.reject(refusal(error, parts.report)))
      }
    },
    close: () => server.stop(),
  }
}

function options(parts: GraphqlParts, documents: PreparedDocuments): ApolloServerOptionsWithSchema<Carried> {
  return {
    schema: parts.schema,
    nodeEnv: 'production',
    introspection: false,
    hideSchemaDetailsFromClientErrors: true,
    includeStacktraceInErrorResponses: false,
    persistedQueries: false,
    allowBatchedHttpRequests: false,
    csrfPrevention: true,
    stopOnTerminationSignals: false,
    parseOptions: { maxTokens: limits.tokens },
    formatError: (formatted, error) => maskFormatted(formatted, error, parts.report),
    stringifyResult: writtenAndLetGo,
    // Parsed, limited and validated on admission, which has just happened; what is not found is parsed and validated again.
    documentStore: {
      get: (key) => Promise.resolve(documents.parsed(key.slice(-64))),
      set: () => Promise.resolve(),
      delete: () => Promise.resolve(true),
    },
    logger: { debug: silent, info: silent, warn: silent, error: (message: unknown) => void parts.report(message) },
    plugins: [
      ApolloServerPluginCacheControlDisabled(),
      // Would tell any caller which resolvers ran and how long, in every subgraph.
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginLandingPageDisabled(),
      execution(parts),
    ],
  }
}

/**
 * Runs what was admitted, in the place of Apollo Server's own execution. The other way in, its `gateway` option, makes an object with an
 * accessor for each request: V8 keeps those among the old, and with them the whole request until the next full collection.
 */
function execution(parts: GraphqlParts): ApolloServerPlugin<Carried> {
  return {
    async requestDidStart() {
      let result: ExecutionResult = {}
      return {
        // Not below: what is thrown here is an answer, what is thrown there a crash.
        async didResolveOperation({ contextValue: { admitted } }) {
          if (admitted === null) throw new Error('Nothing runs that was not admitted.')
          result = await answer(parts, admitted)
        },
        async responseForOperation() {
          const { errors, ...rest } = result
          const singleResult = { ...rest, ...(errors && { errors: errors.map((error) => error.toJSON()) }) }
          return { http: { headers: new HeaderMap() }, body: { kind: 'single', singleResult } }
        },
      }
    },
  }
}

/**
 * The answer as text, and nothing left of it behind. Whatever waited for the database is old to V8, and what it holds, such as a list that
 * nobody needs any more, would be kept with it until the next full collection.
 */
function writtenAndLetGo(value: FormattedExecutionResult): string {
  const text = JSON.stringify(value)
  for (const key of Object.keys(value.data ?? {})) if (value.data) value.data[key] = null
  return text
}

const silent = (): void => {}

/** The only headers that Apollo Server decides by. */
const decisive = ['content-type', 'accept', 'x-apollo-operation-name', 'apollo-require-preflight'] as const

function forApollo(headers: GraphqlHttp['headers']): HeaderMap {
  const map = new HeaderMap()
  for (const name of decisive) {
    const value = headers[name]
    if (typeof value === 'string' && value !== '') map.set(name, value)
  }
  return map
}
