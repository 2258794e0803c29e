import { json, type Reply, type Simulation } from './dialect.ts'
import { randomText } from './codes.ts'

interface Particulars {
  readonly subcode?: number | undefined
  readonly type?: string
  readonly header?: string
  readonly status?: number | undefined
}

/** Facebook's own error shape: `error` is an object, and a header repeats the message in a form that strict parsers choke on. */
export function graphError(
  code: number,
  message: string,
  { subcode, type = 'OAuthException', header = 'invalid_request', status = 400 }: Particulars = {},
): Reply {
  const error = { message, type, code, ...(subcode !== undefined && { error_subcode: subcode }), fbtrace_id: `A${randomText(16)}` }
  return json(status, { error }, { 'www-authenticate': `OAuth "Facebook Platform" "${header}" "${message}"` })
}

/** The failure that `graphError` asks for, at the token endpoint and at Graph. */
export function switchedError({ switches }: Simulation): Reply | undefined {
  const asked = switches().graphError
  return asked && graphError(asked.code, 'An unknown error occurred', { subcode: asked.subcode, status: asked.status })
}
