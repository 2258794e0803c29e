import { createHash, timingSafeEqual } from 'node:crypto'
import { decodeProtectedHeader, errors, jwtVerify, type JWTPayload } from 'jose'
import { EntenteError } from '../errors.ts'
import type { ProviderId } from './provider.ts'
import type { ProviderKeys } from './provider-keys.ts'

/** What holds for every ID token of a provider, whichever way it comes in. */
export interface IdTokenRules {
  readonly provider: ProviderId
  /** Accepted spellings, byte for byte. */
  readonly issuers: readonly string[]
  readonly algorithms: readonly string[]
  readonly keys: ProviderKeys
  readonly now: () => number
  /** May stand in `aud` beside ours. */
  readonly furtherAudiences?: readonly string[]
  /** Only accounts of this hosted domain, by the token's `hd` (Google). */
  readonly hostedDomain?: string | undefined
  /** Whether the nonce may be echoed as hex SHA-256 (Apple's native dialog). */
  readonly hashedNonce?: boolean
}

/** What this one login must find in the token. */
export interface ExpectedInIdToken {
  readonly nonce: string
  readonly audiences: readonly string[]
  /** Not issued before, milliseconds since the epoch. */
  readonly since?: number
  /** Compared with `at_hash` where the token has one. */
  readonly accessToken?: string
}

export interface VerifiedIdToken {
  readonly subject: string
  /** The one of `audiences` that was met. */
  readonly audience: string
  readonly authTime?: Date
  readonly claims: Readonly<Record<string, unknown>>
}

const longest = 16_384 // characters; nothing is decoded beyond
const leeway = 30 // seconds
const longestLife = 86_400 // seconds; Apple's tokens live a day
const compactJws = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** Whether a text can be an ID token at all. */
export const looksLikeIdToken = (token: string): boolean => token.length <= longest && compactJws.test(token)

/**
 * The one judge of ID tokens, for the code flow and for tokens from a device alike. Stricter than OpenID Connect Core 3.1.3.7:
 * the signature is always checked, the nonce always required, foreign audiences and parties refused, ages bounded.
 * LOGIN_DENIED with the failed check in the log; PROVIDER_UNAVAILABLE without keys.
 */
export async function verifyIdToken(rules: IdTokenRules, token: string, expected: ExpectedInIdToken): Promise<VerifiedIdToken> {
  try {
    if (!looksLikeIdToken(token)) throw new FailedCheck('shape')
    const { alg = '' } = checkHeader(token)
    const claims = await verifySignature(rules, token)
    checkTimes(claims, rules.now() / 1000, expected.since)
    checkBinding(rules, claims, expected, alg)
    const audience = checkAudience(rules, claims, expected.audiences)
    const { auth_time: authTime } = claims
    return {
      subject: checkSubject(claims.sub),
      audience,
      claims,
      ...(isTime(authTime) && authTime <= rules.now() / 1000 + leeway && { authTime: new Date(authTime * 1000) }),
    }
  } catch (error) {
    if (error instanceof EntenteError) throw error
    // Without the cause: jose's errors carry the claims, and those stay out of the log.
    throw new EntenteError('LOGIN_DENIED', { provider: rules.provider, check: nameOf(error) })
  }
}

/** The same for a token that a client hands in. BAD_USER_INPUT when it is not an ID token at all. */
export async function verifyDeviceToken(rules: IdTokenRules, token: string, expected: ExpectedInIdToken): Promise<VerifiedIdToken> {
  if (!looksLikeIdToken(token)) throw new EntenteError('BAD_USER_INPUT', { provider: rules.provider, check: 'shape' })
  return verifyIdToken(rules, token, expected)
}

class FailedCheck extends Error {}

function check(holds: boolean, name: string): asserts holds {
  if (!holds) throw new FailedCheck(name)
}

function checkHeader(token: string) {
  const header = decodeProtectedHeader(token)
  check(header.typ === undefined || /^jwt$/i.test(header.typ), 'typ')
  // Keys come from the provider's own address only; a token that brings or names its own is not looked at further.
  check(
    ['jku', 'jwk', 'x5u', 'x5c'].every((member) => !(member in header)),
    'key in header',
  )
  return header
}

async function verifySignature({ issuers, algorithms, keys, now }: IdTokenRules, token: string): Promise<JWTPayload> {
  const options = {
    issuer: [...issuers],
    algorithms: [...algorithms],
    clockTolerance: leeway,
    currentDate: new Date(now()),
    requiredClaims: ['iat', 'exp', 'sub'],
  }
  const header = decodeProtectedHeader(token)
  check(algorithms.includes(header.alg ?? ''), 'alg')
  let failure: unknown = new FailedCheck('kid')
  for (const key of await keys(header)) {
    try {
      const { payload } = await jwtVerify(token, key, options)
      check(!namesTwice(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()), 'doubled claim')
      return payload
    } catch (error) {
      failure = error
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) break
    }
  }
  throw failure
}

function checkTimes({ iat, exp, nbf }: JWTPayload, now: number, since?: number): void {
  check(isTime(iat) && isTime(exp) && (nbf === undefined || isTime(nbf)), 'times')
  check(iat <= now + leeway, 'iat ahead')
  check(iat >= now - longestLife && iat >= (since ?? 0) / 1000 - leeway, 'iat old')
  check(exp - iat <= longestLife, 'lifetime')
}

function checkBinding(rules: IdTokenRules, claims: JWTPayload, { nonce, accessToken }: ExpectedInIdToken, alg: string): void {
  const echoes = rules.hashedNonce === true ? [nonce, createHash('sha256').update(nonce).digest('hex')] : [nonce]
  const { nonce: echo, at_hash: atHash } = claims
  check(nonce !== '' && typeof echo === 'string' && echoes.some((wanted) => equals(wanted, echo)), 'nonce')
  check(accessToken === undefined || atHash === undefined || atHash === halfHash(accessToken, alg), 'at_hash')
  check(rules.hostedDomain === undefined || claims.hd === rules.hostedDomain, 'hd')
}

function checkAudience({ furtherAudiences = [] }: IdTokenRules, { aud, azp }: JWTPayload, ours: readonly string[]): string {
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  const audience = ours.find((id) => named.includes(id))
  check(audience !== undefined && audience !== '', 'aud')
  check(
    named.every((id) => typeof id === 'string' && [...ours, ...furtherAudiences].includes(id)),
    'further aud',
  )
  check(azp === undefined || (typeof azp === 'string' && ours.includes(azp)), 'azp')
  return audience
}

/** At most 255 ASCII characters (Core 2), compared as they are. */
function checkSubject(sub: unknown): string {
  check(typeof sub === 'string' && /^[\x20-\x7e]{1,255}$/.test(sub), 'sub')
  return sub
}

const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value > 0

// RS256, ES256, PS256 hash with SHA-256, Ed25519 with SHA-512 (Core 3.1.3.6).
const halfHash = (value: string, alg: string) => {
  const digest = createHash(alg.endsWith('256') ? 'sha256' : 'sha512')
    .update(value)
    .digest()
  return digest.subarray(0, digest.length / 2).toString('base64url')
}

const equals = (a: string, b: string) => {
  const [one, other] = [a, b].map((text) => createHash('sha256').update(text).digest())
  return one !== undefined && other !== undefined && timingSafeEqual(one, other)
}

/** Whether the outermost object names a member twice: two readers could then see two persons. */
function namesTwice(json: string): boolean {
  const names = new Set<unknown>()
  let depth = 0
  for (const [, text, colon, bracket] of json.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|([{}[\]])/g)) {
    if (bracket !== undefined) depth += bracket === '{' || bracket === '[' ? 1 : -1
    else if (depth === 1 && colon !== undefined && text !== undefined) {
      const name: unknown = JSON.parse(text)
      if (names.has(name)) return true
      names.add(name)
    }
  }
  return false
}

function nameOf(error: unknown): string {
  if (error instanceof FailedCheck) return error.message
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired) return error.claim
  return error instanceof errors.JOSEError ? error.code : 'malformed'
}
