import type { KoaContextWithOIDC } from 'oidc-provider'
import { EntenteError } from '../errors.ts'
import type { Caller } from '../operation.ts'
import { authorizationOf, type Callers } from './caller.ts'
import type { Subjects } from './subjects.ts'

export const userinfoPath = '/me'

export interface UserinfoParts {
  readonly callers: Callers
  readonly subjects: Subjects
  readonly clients: { find(id: string): { readonly origins: readonly string[] } | undefined }
  /** Standard claims of the caller's customer, by the same gate as GraphQL. UNAUTHENTICATED when the token has ended. */
  readonly claimsFor: (caller: Caller) => Promise<Readonly<Record<string, unknown>>>
}

/** The UserInfo endpoint (OpenID Connect Core 1.0, 5.3): the token in the header only, claims by the gate. */
export function userinfo(parts: UserinfoParts) {
  return async (ctx: KoaContextWithOIDC): Promise<void> => {
    ctx.set('cache-control', 'no-store')
    ctx.vary('origin')
    if (ctx.method === 'OPTIONS') return preflight(ctx)
    if (ctx.method !== 'GET' && ctx.method !== 'POST') return void (ctx.status = 405)
    try {
      const caller = await parts.callers.callerOf(authorizationOf(ctx.req))
      if (caller === null || caller.customer === null) throw new EntenteError('UNAUTHENTICATED')
      const origin = ctx.get('origin')
      if (parts.clients.find(caller.clientId)?.origins.includes(origin)) ctx.set('access-control-allow-origin', origin)
      if (!caller.scopes.has('openid')) return refuse(ctx, 403, 'insufficient_scope')
      ctx.body = { ...(await parts.claimsFor(caller)), sub: parts.subjects.outwardOne(caller.sector, caller.customer) }
    } catch (error) {
      if (!(error instanceof EntenteError)) throw error
      refuse(ctx, error.status, error.code === 'UNAUTHENTICATED' ? 'invalid_token' : 'invalid_request')
    }
  }
}

/** RFC 6750, 3. */
function refuse(ctx: KoaContextWithOIDC, status: number, error: string): void {
  ctx.status = status
  ctx.set('www-authenticate', `Bearer error="${error}"`)
  ctx.body = { error }
}

/** Whose page it is shows only with the token: the preflight opens nothing. */
function preflight(ctx: KoaContextWithOIDC): void {
  ctx.status = 204
  if (ctx.get('origin') === '') return
  ctx.set('access-control-allow-origin', ctx.get('origin'))
  ctx.set('access-control-allow-methods', 'GET, POST')
  ctx.set('access-control-allow-headers', 'authorization')
}
