import type { Grant, KoaContextWithOIDC } from 'oidc-provider'

/**
 * The grant of this session for this client, widened by what is asked now. A grant bounds what tokens may name; it is no consent.
 * Under `prompt=none` none is made: who has no grant is a stranger to the client (leak G13).
 */
export async function loadGrant(ctx: KoaContextWithOIDC, api: string): Promise<Grant | undefined> {
  const { session, client, provider, account, requestParamScopes, prompts } = ctx.oidc
  if (session === undefined || client === undefined || account === undefined) return undefined
  const id = session.grantIdFor(client.clientId)
  const found = id === undefined ? undefined : await provider.Grant.find(id)
  // A session may still name a grant that has ended, or that was another person's.
  const own = found?.accountId === account.accountId && found.clientId === client.clientId ? found : undefined
  if (own === undefined && prompts.has('none')) return undefined
  const grant = own ?? new provider.Grant({ accountId: account.accountId, clientId: client.clientId })
  if (widen(grant, api, requestParamScopes)) await grant.save()
  return grant
}

/** Adds scopes; true when the grant did not have them all. */
export function widen(grant: Grant, api: string, scopes: ReadonlySet<string>): boolean {
  const had = new Set(grant.getResourceScope(api).split(' '))
  const missing = [...scopes].filter((scope) => !had.has(scope))
  if (missing.length === 0 && grant.jti !== undefined) return false
  grant.addOIDCScope(missing.filter((scope) => scope === 'openid' || scope === 'offline_access'))
  grant.addResourceScope(api, missing)
  return true
}
