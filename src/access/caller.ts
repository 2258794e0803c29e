import { hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { errors as joseErrors, jwtVerify } from 'jose'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import type { Client } from '../config/clients.ts'
import { consentRecord, type Policy } from '../config/policy.ts'
import { EntenteError } from '../errors.ts'
import type { Caller } from '../operation.ts'
import { purposesIn } from './scopes.ts'
import { accessTokenAlgorithm, type KeySet } from './signing-keys.ts'
import type { Subjects } from './subjects.ts'

export interface CallerParts {
  readonly issuer: string
  readonly api: string
  readonly policy: Policy
  readonly clients: { find(id: string): Client | undefined }
  readonly keys: { current(): KeySet }
  readonly subjects: Subjects
  readonly now: () => Date
}

/** What an access token of ours says (RFC 9068); `grant` and `auth_time` are there when a person stands behind it. */
const accessTokenClaims = z.object({
  iss: z.string(),
  aud: z.string(),
  sub: z.string(),
  client_id: z.string(),
  jti: z.string(),
  iat: z.number(),
  exp: z.number(),
  scope: z.string().default(''),
  issued_ms: z.number().int(),
  grant: z.string().optional(),
  auth_time: z.number().optional(),
})
export type AccessTokenClaims = z.infer<typeof accessTokenClaims>

interface Verified {
  readonly claims: AccessTokenClaims
  readonly kid: string
  readonly client: Client
  readonly caller: Caller
}

const mostRemembered = 50_000
const longestToken = 8_192

/** Works out who asks. A token that was checked once is recognised by its hash until it ends. */
export function callers(parts: CallerParts) {
  const remembered = new LRUCache<string, Verified>({ max: mostRemembered })

  /** The claims of a token that counts now; null for any other. */
  async function verified(token: string): Promise<Verified | null> {
    if (token.length > longestToken) return null
    const id = hash('sha256', token, 'base64url')
    const known = remembered.get(id)
    const checked = known ?? (await check(token))
    const client = checked === null ? undefined : parts.clients.find(checked.claims.client_id)
    if (checked === null || client === undefined || !stillCounts(checked)) {
      remembered.delete(id)
      return null
    }
    if (known !== undefined && known.client === client) return known
    const caller = callerFor(checked.claims, client)
    if (caller === null) return null
    const result = { ...checked, client, caller }
    remembered.set(id, result)
    return result
  }

  async function check(token: string): Promise<Pick<Verified, 'claims' | 'kid'> | null> {
    try {
      const { payload, protectedHeader } = await jwtVerify(token, ({ kid }) => verifier(kid), {
        issuer: parts.issuer,
        audience: parts.api,
        typ: 'at+jwt',
        algorithms: [accessTokenAlgorithm],
        currentDate: parts.now(),
      })
      const claims = accessTokenClaims.safeParse(payload)
      return claims.success ? { claims: claims.data, kid: protectedHeader.kid ?? '' } : null
    } catch (error) {
      if (error instanceof joseErrors.JOSEError) return null
      throw error
    }
  }

  function verifier(kid: string | undefined) {
    const key = kid === undefined ? undefined : parts.keys.current().verifiers.get(kid)
    if (key === undefined) throw new joseErrors.JWKSNoMatchingKey()
    return key
  }

  const stillCounts = ({ claims, kid }: Pick<Verified, 'claims' | 'kid'>): boolean =>
    claims.exp * 1000 > parts.now().getTime() && parts.keys.current().verifiers.has(kid)

  function callerFor(claims: AccessTokenClaims, client: Client): Caller | null {
    const forItself = claims.grant === undefined
    const customer = forItself ? null : parts.subjects.inward(client.sector, claims.sub)
    if (forItself ? claims.sub !== client.id || !client.grants.includes('client_credentials') : customer === null) return null
    const scopes = new Set(claims.scope.split(' ').filter((scope) => scope !== ''))
    return {
      clientId: client.id,
      sector: client.sector,
      customer,
      purposes: (parts.policy.maskOf(purposesIn(scopes)) & client.purposes) | consentRecord,
      scopes,
      issuedAt: claims.issued_ms,
      authTime: claims.auth_time === undefined ? null : claims.auth_time * 1000,
      grant: claims.grant ?? null,
    }
  }

  return {
    /** From the value of an `Authorization` header; null when there is none. UNAUTHENTICATED BAD_USER_INPUT */
    async callerOf(authorization: string | undefined): Promise<Caller | null> {
      if (authorization === undefined) return null
      const found = await verified(bearerToken(authorization))
      if (found === null) throw new EntenteError('UNAUTHENTICATED')
      return found.caller
    },
    inspect: async (token: string): Promise<AccessTokenClaims | null> => (await verified(token))?.claims ?? null,
  }
}

export type Callers = ReturnType<typeof callers>

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
