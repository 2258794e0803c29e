import { catalogue, EntenteError, type ErrorCode, type LogDetail } from '../errors.ts'
import type { GraphqlAnswer, OwnClientParts } from './parts.ts'

/** Runs an operation of our own API as one of its ordinary clients; its first error is thrown under its code. */
export async function ask(
  parts: Pick<OwnClientParts, 'graphql'>,
  query: string,
  variables: Readonly<Record<string, unknown>>,
  token: string,
): Promise<unknown> {
  const answer = await parts.graphql(query, variables, token)
  const refused = refusalIn(answer)
  if (refused) throw refused
  return answer.data
}

function refusalIn({ errors }: GraphqlAnswer): EntenteError | null {
  const [first] = errors ?? []
  if (!first) return null
  const detail: LogDetail = { page: 'of our own', code: String(first.extensions?.code) }
  const { action, reasons } = first.extensions ?? {}
  const hints = { ...(typeof action === 'string' && { action }), ...(Array.isArray(reasons) && { reasons: reasons.map(String) }) }
  return new EntenteError(codeNamed(first.extensions?.code) ?? 'INTERNAL_SERVER_ERROR', detail, hints)
}

/** One of our codes, if that is what it is: what comes by URL is never shown as it is. */
export function codeNamed(name: unknown): ErrorCode | null {
  const names = Object.keys(catalogue) as ErrorCode[]
  return names.find((code) => code === name) ?? null
}
