import { json, type Reply, type Simulation } from './dialect.ts'
import { halfHash } from './keys.ts'
import { subjectOf, type Profile } from './people.ts'
import { misstate, presented, profileJson, type Claims } from './switches.ts'

export interface TokenFacts {
  readonly audience: string
  readonly lifetime: number // seconds
  readonly nonce?: string | undefined
  readonly accessToken?: string
  readonly header?: Readonly<Record<string, unknown>>
}

/** Signs an ID token; every switch that falsifies one has its say here, whatever the dialect. */
export function idToken(sim: Simulation, claims: Claims, facts: TokenFacts): string {
  const now = sim.now()
  const honest = {
    iss: sim.url,
    aud: facts.audience,
    iat: now,
    exp: now + facts.lifetime,
    nonce: facts.nonce,
    ...(facts.accessToken !== undefined && { at_hash: halfHash(facts.accessToken) }),
    ...claims,
  }
  const switches = sim.switches()
  return sim.keys.sign(profileJson(misstate(honest, switches, now), switches), switches, facts.header)
}

/** The claims of OpenID Connect Core 5.1 that a scope brings, as Google and plain providers give them. */
export function standardClaims(sim: Simulation, person: Profile, scope: readonly string[] = ['email', 'profile']): Claims {
  const shown = presented(person, sim.switches())
  return {
    sub: subjectOf(sim.provider, shown),
    ...(scope.includes('email') && { email: shown.email, email_verified: shown.emailVerified }),
    ...(scope.includes('profile') && { name: shown.name, given_name: shown.given, family_name: shown.family, picture: shown.picture }),
  }
}

/** A profile answer (userinfo, or Facebook's /me), with the switches that concern it. */
export function profileAnswer(sim: Simulation, subjectMember: 'sub' | 'id', members: Claims): Reply {
  const switches = sim.switches()
  if (switches.userinfoHtml)
    return { status: 200, headers: { 'content-type': 'text/html' }, body: '<!doctype html><title>Welcome</title><h1>Sign in to the hotel wireless</h1>' }
  const other = switches.userinfoOtherSub ? { [subjectMember]: subjectOf(sim.provider, { hint: 'somebody-else', name: '', given: '' }) } : {}
  return json(200, profileJson({ ...members, ...other, ...switches.userinfo }, switches))
}
