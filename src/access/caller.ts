import { hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { LRUCache } from 'lru-cache'
import type { Client } from '../config/clients.ts'
import { isOperatorRole } from '../config/operators.ts'
import { consentRecord, type Policy } from '../config/policy.ts'
import { EntenteError } from '../errors.ts'
import type { Caller, CustomerKey } from '../operation.ts'
import { checkAccessToken, stillCounts, type AccessTokenClaims, type AccessTokenParts, type CheckedToken, type Expiry } from './access-token.ts'
import type { Operators } from './operators.ts'
import { purposesIn } from './scopes.ts'
import { acrs } from './session-marks.ts'
import type { Subjects } from './subjects.ts'

/** A person at a client's page of ours, without a token: through the browser that waits there, or is passing. */
export function personAt(client: Client, customer: CustomerKey): Caller {
  const purposes = client.purposes | consentRecord
  return { clientId: client.id, sector: client.sector, customer, purposes, scopes: new Set(), issuedAt: Date.now(), authTime: null, grant: null }
}

export interface CallerParts extends AccessTokenParts {
  readonly policy: Policy
  readonly clients: { find(id: string): Client | undefined }
  readonly subjects: Subjects
  readonly operators: Pick<Operators, 'asOfNow'>
}

/** Kept by the ten thousand, so it holds what later requests ask for and no more: strings and sets are shared where many tokens say the same. */
interface Remembered extends Expiry {
  readonly client: Client
  readonly caller: Caller
}

const mostRemembered = 50_000
const longestToken = 8_192
const mostScopes = 1_000

/** Works out who asks. A token that was checked once is recognised by its hash until it ends. */
export function callers(parts: CallerParts) {
  const remembered = new LRUCache<string, Remembered>({ max: mostRemembered })
  const scopeSets = new LRUCache<string, ReadonlySet<string>, void>({
    max: mostScopes,
    memoMethod: (scope) => new Set(scope.split(' ').filter((one) => one !== '')),
  })

  async function verified(token: string): Promise<(Remembered & CheckedToken) | null> {
    const checked = token.length > longestToken ? null : await checkAccessToken(parts, token)
    const client = checked === null ? undefined : parts.clients.find(checked.claims.client_id)
    if (checked === null || client === undefined) return null
    const caller = callerFor(parts, checked.claims, scopeSets.memo(checked.claims.scope), client)
    return caller === null ? null : { ...checked, client, caller }
  }

  async function recognised(token: string): Promise<Caller | null> {
    const id = hash('sha256', token, 'base64url')
    const known = remembered.get(id)
    // A client that was registered anew is another object: what the token may do follows it.
    if (known !== undefined && parts.clients.find(known.caller.clientId) === known.client && stillCounts(parts, known)) return known.caller
    const found = await verified(token)
    if (found === null) remembered.delete(id)
    else remembered.set(id, { kid: found.kid, until: found.until, client: found.client, caller: found.caller })
    return found?.caller ?? null
  }

  return {
    /** From the value of an `Authorization` header; null when there is none. UNAUTHENTICATED BAD_USER_INPUT */
    async callerOf(authorization: string | undefined): Promise<Caller | null> {
      if (authorization === undefined) return null
      const caller = await recognised(bearerToken(authorization))
      if (caller === null) throw new EntenteError('UNAUTHENTICATED')
      return parts.operators.asOfNow(caller)
    },
    /** The claims of a token that counts now; null for any other. */
    inspect: async (token: string): Promise<AccessTokenClaims | null> => (await verified(token))?.claims ?? null,
  }
}

export type Callers = ReturnType<typeof callers>

/** A token without a grant is a tool's own: then it names the client, as with a grant it names a customer. */
function callerFor({ policy, subjects }: CallerParts, claims: AccessTokenClaims, scopes: ReadonlySet<string>, client: Client): Caller | null {
  const forItself = claims.grant === undefined
  const customer = forItself ? null : subjects.inward(client.sector, claims.sub)
  if (forItself ? claims.sub !== client.id || !client.grants.includes('client_credentials') : customer === null) return null
  return {
    clientId: client.id,
    sector: client.sector,
    customer,
    purposes: (policy.maskOf(purposesIn(scopes)) & client.purposes) | consentRecord,
    scopes: forItself || claims.acr === acrs.factor ? scopes : withoutRoles(scopes),
    issuedAt: claims.issued_ms,
    authTime: claims.auth_time === undefined ? null : claims.auth_time * 1000,
    grant: claims.grant ?? null,
  }
}

/** A person has roles only with a second factor, proved when the token was given. */
function withoutRoles(scopes: ReadonlySet<string>): ReadonlySet<string> {
  const rest = [...scopes].filter((scope) => !isOperatorRole(scope))
  return rest.length === scopes.size ? scopes : new Set(rest)
}

/** The one `Authorization` header of a request; Node.js would pass over a second one. BAD_USER_INPUT */
export function authorizationOf(request: IncomingMessage): string | undefined {
  const all = request.headersDistinct['authorization'] ?? []
  if (all.length > 1) throw new EntenteError('BAD_USER_INPUT', { twice: 'authorization' })
  return all[0]
}

function bearerToken(authorization: string): string {
  const [scheme = '', ...rest] = authorization.trim().split(/[\s,]+/)
  if (scheme.toLowerCase() !== 'bearer') throw new EntenteError('UNAUTHENTICATED')
  // RFC 6750, 2: more than one token is a malformed request, not a choice.
  if (rest.length > 1) throw new EntenteError('BAD_USER_INPUT', { tokens: rest.length })
  return rest[0] ?? ''
}
