import { EntenteError } from '../errors.ts'
import { limits } from './limits.ts'

/** A request to `/graphql` as it arrived. */
export interface GraphqlHttp {
  readonly method: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** With its question mark, or empty. */
  readonly search: string
  /** The parsed JSON of a POST. */
  readonly body: unknown
  readonly ip: string
}

export interface GraphqlRequest {
  readonly query: string
  readonly operationName: string | undefined
  readonly variables: Readonly<Record<string, unknown>>
}

/**
 * The operation in a request. Null when it is not of the form that GraphQL over HTTP asks for, which Apollo Server then answers itself.
 * A GET whose variables are no JSON is left to it too.
 */
export function readRequest(http: GraphqlHttp): GraphqlRequest | null {
  const body = http.method === 'GET' ? membersOf(http.search) : http.body
  if (typeof body !== 'object' || body === null || !('query' in body) || typeof body.query !== 'string' || body.query === '') return null
  if (body.query.length > limits.bodyBytes) throw new EntenteError('BAD_USER_INPUT', { why: 'length of the query' })
  const operationName = 'operationName' in body && typeof body.operationName === 'string' ? body.operationName : undefined
  const variables = 'variables' in body ? (body.variables ?? {}) : {}
  if (!isRecord(variables)) return null
  return { query: body.query, operationName, variables }
}

function membersOf(search: string): object | null {
  const params = new URLSearchParams(search)
  const variables = params.get('variables')
  try {
    return { query: params.get('query'), operationName: params.get('operationName'), variables: variables === null ? {} : JSON.parse(variables) }
  } catch {
    return null
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)
