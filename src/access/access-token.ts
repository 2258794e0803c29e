import { errors, jwtVerify } from 'jose'
import { z } from 'zod'
import { accessTokenAlgorithm, signingAlgorithm, type KeySet } from './signing-keys.ts'

export interface AccessTokenParts {
  readonly issuer: string
  readonly api: string
  readonly keys: { current(): KeySet }
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
  /** Milliseconds: seconds are too coarse to tell before from after a sign-out. */
  issued_ms: z.number().int(),
  grant: z.string().optional(),
  auth_time: z.number().optional(),
  acr: z.string().optional(),
})
export type AccessTokenClaims = z.infer<typeof accessTokenClaims>

/** What ends a token that was good: time passes, keys are withdrawn. */
export interface Expiry {
  /** Milliseconds since the epoch. */
  readonly until: number
  readonly kid: string
}

export interface CheckedToken extends Expiry {
  readonly claims: AccessTokenClaims
}

/**
 * The claims of an access token of ours for the API, or null: each key for its one algorithm, one type, our keys by `kid` and nothing fetched
 * (RFC 8725). RS256 counts beside ours, as RFC 9068, 2.1 wants of whoever takes such tokens.
 */
export async function checkAccessToken(parts: AccessTokenParts, token: string): Promise<CheckedToken | null> {
  const keyNamed = ({ kid = '', alg }: { kid?: string | undefined; alg?: string | undefined }) => {
    const verifier = parts.keys.current().verifiers.get(kid)
    if (verifier === undefined || verifier.alg !== alg) throw new errors.JWKSNoMatchingKey()
    return verifier.key
  }
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keyNamed, {
      issuer: parts.issuer,
      audience: parts.api,
      typ: 'at+jwt',
      algorithms: [accessTokenAlgorithm, signingAlgorithm],
      currentDate: parts.now(),
    })
    const claims = accessTokenClaims.safeParse(payload)
    return claims.success ? { claims: claims.data, until: claims.data.exp * 1000, kid: protectedHeader.kid ?? '' } : null
  } catch (error) {
    if (error instanceof errors.JOSEError) return null
    throw error
  }
}

export const stillCounts = (parts: AccessTokenParts, { until, kid }: Expiry): boolean =>
  until > parts.now().getTime() && parts.keys.current().verifiers.has(kid)
