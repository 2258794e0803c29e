import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Endings } from './endings.ts'
import { introspectOwn, revokeOwn, type OwnTokenParts } from './own-tokens.ts'
import type { OpenIdRecords } from '../storage/openid-records.ts'
import { pageHeaders } from './openid-pages.ts'
import { askAsQuery } from './posted-requests.ts'
import type { Policy } from '../config/policy.ts'
import { purposePrefix } from './scopes.ts'
import { userinfo, userinfoPath, type UserinfoParts } from './userinfo.ts'

export interface EndpointParts extends Omit<OwnTokenParts, 'grantStands'>, UserinfoParts {
  readonly clients: OwnTokenParts['clients']
  readonly issuer: string
  readonly policy: Policy
  readonly records: OpenIdRecords
  readonly endLeft: Endings['endLeft']
}

type Next = () => Promise<unknown>
type Step = (ctx: KoaContextWithOIDC, next: Next) => Promise<unknown>

/** Where the provider's own paths begin. */
export const mount = '/oidc'

/** What stands around the library's endpoints, in order. */
export function endpointSteps(parts: EndpointParts): Step[] {
  const own: OwnTokenParts = { ...parts, grantStands: async (grant) => (await parts.records.read('Grant', grant)) !== null }
  const claims = userinfo(parts)
  return [
    async (ctx, next) => {
      ctx['mountPath'] = mount
      ctx.set(pageHeaders)
      if (parts.issuer.startsWith('https:')) ctx.set('strict-transport-security', 'max-age=63072000')
      await next()
    },
    ...['/auth', '/session/end'].map((path) => at(path, (ctx, next) => (ctx.method === 'POST' ? askAsQuery(ctx, parts.issuer + path) : next()))),
    at('/.well-known/openid-configuration', (ctx, next) => describe(ctx, next, parts)),
    at('/.well-known/oauth-authorization-server', (ctx, next) => describe(ctx, next, parts)),
    at('/jwks', async (ctx, next) => {
      await next()
      ctx.set('cache-control', 'public, max-age=300')
    }),
    at(userinfoPath, claims),
    at('/token/introspection', introspectOwn(own)),
    at('/token/revocation', revokeOwn(own)),
    at('/session/end/confirm', (ctx, next) => endSession(ctx, next, parts)),
  ]
}

const at =
  (path: string, step: Step): Step =>
  (ctx, next) =>
    ctx.path === path ? step(ctx, next) : next()

async function describe(ctx: KoaContextWithOIDC, next: Next, { issuer, policy }: EndpointParts): Promise<void> {
  await next()
  const purposes = policy.purposes.filter(({ builtIn }) => !builtIn).map(({ id }) => purposePrefix + id)
  const body: unknown = ctx.body
  ctx.body = {
    ...(typeof body === 'object' && body),
    response_modes_supported: ['query', 'form_post'],
    scopes_supported: ['openid', 'offline_access', ...purposes],
    userinfo_endpoint: issuer + userinfoPath,
  }
  ctx.set('cache-control', 'public, max-age=300')
}

/** A sign-out ends what every shop got through this session. */
async function endSession(ctx: KoaContextWithOIDC, next: Next, parts: EndpointParts): Promise<void> {
  await next()
  const { session, params } = ctx.oidc
  if (session?.accountId === undefined || params?.['logout'] === undefined || ctx.status >= 400) return
  await parts.endLeft(session.accountId, session.uid)
}
