import { ApolloServer, HeaderMap, type ApolloServerOptionsWithGateway } from '@apollo/server'
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled'
import { preparedDocuments, type PreparedDocuments } from './documents.ts'
import { limits } from './limits.ts'
import { maskFormatted } from './mask-errors.ts'
import { admit, answer, type Admitted, type GraphqlParts } from './pipeline.ts'
import { readRequest, type GraphqlHttp } from './request.ts'

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface GraphqlServer {
  /** Answers GraphQL over HTTP: POST with JSON, GET for queries. Always `no-store`. Never rejects. */
  handle(http: GraphqlHttp): Promise<HttpAnswer>
  close(): Promise<void>
}

/** What Apollo Server carries from admission to execution; null for requests that it refuses by their form. */
class Carried {
  constructor(readonly admitted: Admitted | null) {}
}

/** Apollo Server speaks HTTP; what a query may do and how it runs is `pipeline.ts`. */
export async function graphqlServer(parts: GraphqlParts): Promise<GraphqlServer> {
  const documents = preparedDocuments(parts.schema)
  const server = new ApolloServer<Carried>({ ...options(parts, documents), gateway: executor(parts) })
  await server.start()

  async function carry(http: GraphqlHttp): Promise<Carried> {
    const request = readRequest(http)
    return new Carried(request && (await admit(parts, documents, http, request)))
  }

  return {
    async handle(http) {
      const { status, headers, body } = await server.executeHTTPGraphQLRequest({
        httpGraphQLRequest: { method: http.method, headers: forApollo(http.headers), search: http.search, body: http.body },
        context: () => carry(http),
      })
      // Incremental delivery is not in the schema, so an answer is always complete.
      const text = body.kind === 'complete' ? body.string : ''
      return { status: status ?? 200, headers: { ...Object.fromEntries(headers), 'cache-control': 'no-store' }, body: text }
    },
    close: () => server.stop(),
  }
}

type Options = Omit<ApolloServerOptionsWithGateway<Carried>, 'gateway'>

function options(parts: GraphqlParts, documents: PreparedDocuments): Options {
  return {
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
    stringifyResult: (value) => JSON.stringify(value),
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
    ],
  }
}

/** The `gateway` option is the one place where Apollo Server takes another executor. */
function executor(parts: GraphqlParts): ApolloServerOptionsWithGateway<Carried>['gateway'] {
  return {
    onSchemaLoadOrUpdate(callback) {
      callback({ apiSchema: parts.schema, coreSupergraphSdl: '' })
      return () => {}
    },
    load: () =>
      Promise.resolve({
        executor: ({ context }) => {
          if (!(context instanceof Carried) || context.admitted === null) throw new Error('Nothing runs that was not admitted.')
          return answer(parts, context.admitted)
        },
      }),
    stop: () => Promise.resolve(),
  }
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
