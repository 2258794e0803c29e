import { HeaderMap } from '@apollo/server'
import { GraphQLError, type GraphQLFormattedError } from 'graphql'
import { catalogue, EntenteError } from '../errors.ts'

/** Writes a defect to the log and gives the reference under which it is found there. */
export type ReportDefect = (error: unknown) => string

/** An error whose every word may go to anybody. What is thrown elsewhere becomes one of these or stays inside. */
export class OutwardError extends GraphQLError {}

type Path = GraphQLError['path']

/**
 * What a caller learns of a failure: the code and fixed text of `errors.ts`, and where in the answer. Everything that is not an
 * `EntenteError` is INTERNAL_SERVER_ERROR with a reference that is also in the log, whatever the environment says.
 */
export function outward(error: unknown, report: ReportDefect, path?: Path): OutwardError {
  if (error instanceof OutwardError) return error
  const cause = causeOf(error)
  const known = cause instanceof EntenteError ? cause : new EntenteError('INTERNAL_SERVER_ERROR', {}, {}, cause)
  const internal = known.code === 'INTERNAL_SERVER_ERROR'
  return new OutwardError(catalogue[known.code][1], {
    path: path ?? null,
    extensions: { code: known.code, ...known.hints, ...(internal ? { reference: report(known.cause ?? known) } : {}) },
  })
}

/** The same for a request that is refused as a whole, with its HTTP status. */
export function refusal(error: unknown, report: ReportDefect): OutwardError {
  const masked = outward(error, report)
  const code = masked.extensions['code']
  const entry = Object.entries(catalogue).find(([name]) => name === code)
  const retryAfter = masked.extensions['retryAfter']
  const headers = new HeaderMap(typeof retryAfter === 'number' ? [['retry-after', String(retryAfter)]] : [])
  return new OutwardError(masked.message, { extensions: { http: { status: entry?.[1][0] ?? 400, headers }, ...masked.extensions } })
}

/** The last fence, for errors that Apollo Server makes itself: its protocol errors are about the request's form and hold no values. */
export function maskFormatted(formatted: GraphQLFormattedError, error: unknown, report: ReportDefect): GraphQLFormattedError {
  if (error instanceof OutwardError) return formatted
  if (protocolCodes.has(String(formatted.extensions?.['code']))) {
    const message = formatted.extensions?.['code'] === 'BAD_REQUEST' ? formatted.message.trim() : catalogue.BAD_USER_INPUT[1]
    return { message, extensions: { code: 'BAD_USER_INPUT' } }
  }
  return outward(error, report).toJSON()
}

const protocolCodes = new Set(['BAD_REQUEST', 'OPERATION_RESOLUTION_FAILURE', 'PERSISTED_QUERY_NOT_SUPPORTED', 'BAD_USER_INPUT'])

/** Executors wrap what a resolver threw, some of them twice. */
function causeOf(error: unknown): unknown {
  let cause = error
  while (cause instanceof GraphQLError && cause.originalError) cause = cause.originalError
  return cause
}
