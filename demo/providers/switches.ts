import { z } from 'zod'
import { hostileNames, type Profile } from './people.ts'

export const endpoints = ['authorization', 'token', 'userinfo', 'jwks', 'discovery', 'revocation', 'debugToken'] as const
export type Endpoint = (typeof endpoints)[number]

const on = z.boolean()
const textOr = z.union([z.boolean(), z.string()])
const secondsOr = z.union([z.boolean(), z.number()])
const members = z.record(z.string(), z.unknown())
const endpoint = z.enum(endpoints)
const milliseconds = z.union([z.number(), z.partialRecord(endpoint, z.number())])

/** All the ways in which a simulated provider can misbehave. `true` takes the value in brackets. */
export const switchesShape = z
  .strictObject({
    // The connection. A bare number means the token endpoint.
    slow: milliseconds, // before the answer
    slowBytes: milliseconds, // between two bytes of the answer
    status: z.partialRecord(endpoint, z.int()), // this status instead of an answer
    down: z.union([on, z.array(endpoint)]), // connections are cut
    gzipBomb: endpoint, // 100 MB behind a few kB
    hugeJwks: on, // 10,000 keys
    extraJwksKeys: on, // a secret, an encryption key, a private key and a doubled kid besides the real ones
    userinfoHtml: on,
    clock: z.number(), // seconds ahead
    // The authorization step
    cancel: on,
    issParam: z.enum(['absent', 'present', 'unannounced', 'wrong', 'announcedOnly']),
    callback: z.record(z.string(), z.string()), // further or replaced members
    replayCode: on, // a code works twice
    lieDiscovery: z.union([on, members]), // [another issuer, endpoints elsewhere] or these members
    // The ID token
    wrongIssuer: textOr, // [https://issuer.evil.example]
    issShort: on, // Google: without https://
    wrongAudience: textOr, // [somebody-else]
    extraAudience: textOr, // [somebody-else]
    wrongAzp: textOr, // [somebody-else]
    wrongNonce: textOr, // [of-another-login]
    dropNonce: on,
    expired: secondsOr, // [1 hour] ago
    issuedInFuture: secondsOr, // [1 day] ahead
    oldIssuedAt: secondsOr, // [30 days] ago
    longLived: secondsOr, // [10 years] to go
    wrongAtHash: on,
    claims: members, // replaced as given, after all others
    dropClaims: z.array(z.string()),
    header: members,
    unknownKid: on,
    badSignature: on,
    algNone: z.union([on, z.string()]), // [none], or another spelling
    hs256: on, // keyed with the public key's PEM
    // The profile, in ID token, userinfo, Graph and Apple's form alike
    subject: z.string(),
    email: z.string(),
    emailVerified: z.unknown(),
    missingEmail: on,
    hostileProfile: on,
    hugeProfile: on, // names of 1 MB
    deepProfile: on, // a member nested 10,000 deep
    userinfoOtherSub: on,
    userinfo: members, // replaced in the userinfo answer only
    // Apple
    strings: on, // booleans as text
    forgetUser: on, // `user` is posted again
    issuerFlip: on, // discovery moves, tokens stay
    // Facebook
    requireProof: on,
    noAdvancedAccess: on, // no address for anybody
    limitedHost: on, // keys only at the limited address
    debugToken: z.enum(['wrongApp', 'invalid', 'expired', 'page', 'otherUser', 'noScopes']),
    graphError: z.strictObject({ code: z.number(), subcode: z.number().optional(), status: z.int().optional() }),
  })
  .partial()
export type Switches = z.infer<typeof switchesShape>
export type Claims = Record<string, unknown>

const hour = 3600
const day = 24 * hour
type Rule = (s: Switches, claims: Claims, now: number) => Claims | false | undefined

const rules: readonly Rule[] = [
  (s) => isSet(s.wrongIssuer) && { iss: text(s.wrongIssuer, 'https://issuer.evil.example') },
  (s, { iss }) => s.issShort && typeof iss === 'string' && { iss: iss.replace(/^https?:\/\//, '') },
  (s, { azp }) =>
    isSet(s.wrongAudience) && { aud: text(s.wrongAudience, 'somebody-else'), ...(azp !== undefined && { azp: text(s.wrongAudience, 'somebody-else') }) },
  (s, { aud }) => isSet(s.extraAudience) && { aud: [aud, text(s.extraAudience, 'somebody-else')], azp: aud },
  (s) => isSet(s.wrongAzp) && { azp: text(s.wrongAzp, 'somebody-else') },
  (s) => isSet(s.wrongNonce) && { nonce: text(s.wrongNonce, 'of-another-login') },
  (s) => s.dropNonce && { nonce: undefined },
  (s, _, now) => isSet(s.expired) && { exp: now - amount(s.expired, hour), iat: now - amount(s.expired, hour) - 1 },
  (s, _, now) => isSet(s.issuedInFuture) && { iat: now + amount(s.issuedInFuture, day), exp: now + amount(s.issuedInFuture, day) + hour },
  (s, _, now) => isSet(s.oldIssuedAt) && { iat: now - amount(s.oldIssuedAt, 30 * day) },
  (s, _, now) => isSet(s.longLived) && { exp: now + amount(s.longLived, 3650 * day) },
  (s) => s.wrongAtHash && { at_hash: Buffer.alloc(16, 'wrong').toString('base64url') },
  (s, claims) =>
    s.strings &&
    Object.fromEntries(['email_verified', 'is_private_email'].filter((name) => claims[name] !== undefined).map((name) => [name, String(claims[name])])),
  (s) => s.claims,
  (s) => s.dropClaims && Object.fromEntries(s.dropClaims.map((name) => [name, undefined])),
]

/** The one place where ID token claims are falsified. A member set to undefined leaves the token. */
export const misstate = (claims: Claims, switches: Switches, now: number): Claims =>
  rules.reduce((stated, rule) => ({ ...stated, ...rule(switches, stated, now) }), claims)

/** The one place where a profile is falsified, before any dialect puts it into words. */
export function presented(person: Profile, s: Switches): Profile {
  return {
    ...person,
    ...(s.hostileProfile && hostileNames),
    ...(s.hugeProfile && { given: 'a\u0301'.repeat(350_000), family: 'x'.repeat(100_000), name: 'A'.repeat(100_000) }),
    ...(s.subject !== undefined && { subject: s.subject }),
    ...(s.email !== undefined && { email: s.email }),
    ...('emailVerified' in s && { emailVerified: s.emailVerified }),
    ...(s.missingEmail && { email: undefined, emailVerified: undefined }),
  }
}

/** JSON that can also carry what an object literal cannot: prototype keys and nesting beyond the stack. */
export function profileJson(members: Claims, s: Switches): string {
  const further = [
    s.hostileProfile && '"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}',
    s.deepProfile && `"nested":${'['.repeat(10_000)}${']'.repeat(10_000)}`,
  ].filter(Boolean)
  return further.length === 0 ? JSON.stringify(members) : `${JSON.stringify(members).slice(0, -1)},${further.join(',')}}`
}

/** What a switch with one value per endpoint says about this one. A bare number is the token endpoint's. */
export const forEndpoint = (value: number | Partial<Record<Endpoint, number>> | undefined, at: Endpoint): number =>
  (typeof value === 'number' ? (at === 'token' ? value : 0) : value?.[at]) ?? 0

const isSet = <T>(value: T | false | undefined): value is T => value !== undefined && value !== false
const text = (value: true | string, whenTrue: string) => (typeof value === 'string' ? value : whenTrue)
const amount = (value: true | number, whenTrue: number) => (typeof value === 'number' ? value : whenTrue)
