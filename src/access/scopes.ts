import type { Client } from '../config/clients.ts'
import { builtInPurposes, dataSubjectAccess, type Policy } from '../config/policy.ts'

export const purposePrefix = 'purpose:'
const longest = 2_000

export interface AllowedScopes {
  readonly all: ReadonlySet<string>
  /** What an omitted `scope` means (RFC 6749, 3.3). */
  readonly byDefault: readonly string[]
}

/** What a client may ask for as of now: for a person who signs in, or (`client_credentials`) for itself. */
export function allowedScopes(client: Client, policy: Policy, on: 'person' | 'itself'): AllowedScopes {
  const named = client.purposes & (dataSubjectAccess | ~builtInPurposes)
  const purposes = policy.namesOf(named).map((id) => purposePrefix + id)
  if (on === 'itself') {
    const own = [...purposes, ...client.scopes]
    return { all: new Set(own), byDefault: own }
  }
  // Anybody may ask in a client for operators: what they have of it is looked up whenever they use it.
  return { all: new Set(['openid', 'offline_access', ...purposes, ...client.scopes]), byDefault: ['openid', ...purposes] }
}

/**
 * The scopes of a request, exactly as written, or the one that is refused. `offline_access` is left out for a client without refresh
 * tokens (OpenID Connect Core 1.0, 11: ignored).
 */
export function settleScopes(
  asked: string | undefined,
  allowed: AllowedScopes,
  client: Client,
): { readonly scopes: readonly string[] } | { readonly refused: string } {
  if (asked === undefined || asked === '') return { scopes: allowed.byDefault }
  if (asked.length > longest) return { refused: 'too long' }
  const wanted = [...new Set(asked.split(' '))]
  const refused = wanted.find((scope) => !allowed.all.has(scope))
  if (refused !== undefined) return { refused }
  return { scopes: wanted.filter((scope) => scope !== 'offline_access' || client.grants.includes('refresh_token')) }
}

/** Purposes named by scopes; what is no purpose scope is passed over. */
export const purposesIn = (scopes: Iterable<string>): string[] =>
  [...scopes].filter((scope) => scope.startsWith(purposePrefix)).map((scope) => scope.slice(purposePrefix.length))
