import { errors, type KoaContextWithOIDC, type ResourceServer } from 'oidc-provider'
import type { Client } from '../config/clients.ts'
import type { Policy } from '../config/policy.ts'
import { allowedScopes, settleScopes } from './scopes.ts'
import { accessTokenAlgorithm } from './signing-keys.ts'

export const accessTokenSeconds = 600

export interface ApiParts {
  /** The identifier and audience of the GraphQL API (RFC 8707). */
  readonly api: string
  readonly policy: Policy
  readonly clients: { find(id: string): Client | undefined }
}

/**
 * What an access token for the API may carry for this client now. It is asked for on every road to a token, so here the scopes of a
 * request are settled too: the library would drop an unknown scope without a word, and `offline_access` wherever `prompt=consent` is
 * missing. A refresh is cut to what the client may still ask for.
 */
export function apiResource(parts: ApiParts) {
  return (ctx: KoaContextWithOIDC, resource: string): ResourceServer => {
    const client = ctx.oidc.client && parts.clients.find(ctx.oidc.client.clientId)
    if (resource !== parts.api || client === undefined) throw new errors.InvalidTarget()
    const itself = ctx.oidc.params?.['grant_type'] === 'client_credentials'
    const allowed = allowedScopes(client, parts.policy, itself ? 'itself' : 'person')
    if (itself || startsRequest.has(ctx.oidc.route)) settle(ctx, client, allowed)
    return {
      audience: parts.api,
      scope: [...allowed.all].join(' '),
      accessTokenFormat: 'jwt',
      accessTokenTTL: accessTokenSeconds,
      jwt: { sign: { alg: accessTokenAlgorithm } },
    }
  }
}

const startsRequest: ReadonlySet<string> = new Set(['authorization', 'pushed_authorization_request'])

function settle(ctx: KoaContextWithOIDC, client: Client, allowed: ReturnType<typeof allowedScopes>): void {
  const settled = settleScopes(askedScope(ctx), allowed, client)
  if ('refused' in settled) throw new errors.InvalidScope('requested scope is not allowed', settled.refused)
  if (ctx.oidc.params) ctx.oidc.params['scope'] = settled.scopes.join(' ')
}

/** As it came, before the library took something out; a pushed request was settled when it was pushed. */
function askedScope({ oidc, query }: KoaContextWithOIDC): string | undefined {
  const pushed = oidc.entities.PushedAuthorizationRequest
  const asked: unknown = pushed ? pushedScope(pushed.request) : oidc.route === 'authorization' ? query['scope'] : oidc.body?.['scope']
  return typeof asked === 'string' ? asked : undefined
}

/** The stored form of a pushed request is an unsecured JWT that the library wrote itself. */
function pushedScope(request: string): unknown {
  const payload: unknown = JSON.parse(Buffer.from(request.split('.')[1] ?? '', 'base64url').toString())
  return typeof payload === 'object' && payload !== null ? Reflect.get(payload, 'scope') : undefined
}
