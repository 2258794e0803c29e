import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Client } from '../config/clients.ts'
import type { AccessTokenClaims } from './access-token.ts'
import type { Callers } from './caller.ts'
import type { Endings } from './endings.ts'
import type { Subjects } from './subjects.ts'

export interface OwnTokenParts {
  readonly callers: Callers
  readonly subjects: Subjects
  readonly clients: { find(id: string): Client | undefined }
  /** Whether the grant of an access token still stands. */
  readonly grantStands: (grant: string) => Promise<boolean>
  readonly endGrant: Endings['endGrant']
}

type Next = () => Promise<unknown>

/** Introspection (RFC 7662) of access tokens, which the library refuses because they are JWTs. A client learns about its own tokens only. */
export function introspectOwn(parts: OwnTokenParts) {
  return async (ctx: KoaContextWithOIDC, next: Next): Promise<void> => {
    await next()
    const client = ctx.oidc.client && parts.clients.find(ctx.oidc.client.clientId)
    // Naming a public client is no authentication (RFC 7662, 2.1).
    if (client === undefined || client.authentication === 'none') {
      ctx.status = 401
      ctx.body = { error: 'invalid_client', error_description: 'client authentication failed' }
    } else if (isRefusedJwt(ctx)) {
      ctx.status = 200
      ctx.body = await describe(parts, client, ctx.oidc.params?.['token'])
    }
  }
}

/** Revocation (RFC 7009) of an access token ends its grant, so that no refresh brings it back. */
export function revokeOwn(parts: OwnTokenParts) {
  return async (ctx: KoaContextWithOIDC, next: Next): Promise<void> => {
    await next()
    const client = ctx.oidc.client && parts.clients.find(ctx.oidc.client.clientId)
    if (client === undefined || !isRefusedJwt(ctx)) return
    const claims = await claimsIn(parts, ctx.oidc.params?.['token'])
    // A tool's token stands on no grant and ends by itself.
    if (claims?.client_id === client.id && claims.grant === undefined) return
    ctx.status = 200
    ctx.body = ''
    const customer = claims?.client_id === client.id ? parts.subjects.inward(client.sector, claims.sub) : null
    if (customer !== null && claims?.grant !== undefined) await parts.endGrant(customer, claims.grant)
  }
}

function isRefusedJwt(ctx: KoaContextWithOIDC): boolean {
  const body: unknown = ctx.body
  return typeof body === 'object' && body !== null && Reflect.get(body, 'error') === 'unsupported_token_type'
}

async function claimsIn(parts: OwnTokenParts, token: unknown): Promise<AccessTokenClaims | null> {
  return typeof token === 'string' ? parts.callers.inspect(token) : null
}

async function describe(parts: OwnTokenParts, client: Client, token: unknown): Promise<object> {
  const claims = await claimsIn(parts, token)
  if (claims === null || (claims.client_id !== client.id && !client.trustedForIntrospection)) return { active: false }
  if (claims.grant !== undefined && !(await parts.grantStands(claims.grant))) return { active: false }
  const { iss, aud, client_id, scope, exp, iat, jti } = claims
  return { active: true, client_id, scope, exp, iat, iss, aud, jti, sub: subjectFor(parts, client, claims), token_type: 'Bearer' }
}

/** A person is named to the asking client by the id of its own sector. */
function subjectFor(parts: OwnTokenParts, client: Client, claims: AccessTokenClaims): string | undefined {
  if (claims.grant === undefined) return claims.sub
  const sector = parts.clients.find(claims.client_id)?.sector
  const customer = sector === undefined ? null : parts.subjects.inward(sector, claims.sub)
  return customer === null ? undefined : parts.subjects.outwardOne(client.sector, customer)
}
