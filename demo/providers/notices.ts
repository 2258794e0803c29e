import { createHmac, randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { Simulation } from './dialect.ts'
import { subjectOf, type Profile } from './people.ts'
import { misstate } from './switches.ts'

/** What a provider tells of one person: `type` in its own words, short. Times in seconds since 1970. */
export const noticeFacts = z.strictObject({
  type: z.string(),
  at: z.number().optional(),
  reason: z.string().optional(),
  /** The same name twice is the same event. */
  id: z.string().optional(),
  /** Members of the signed part, replaced as given. */
  claims: z.record(z.string(), z.unknown()).optional(),
  header: z.record(z.string(), z.unknown()).optional(),
})
export type NoticeFacts = z.infer<typeof noticeFacts>

export interface Notice {
  /** Below `/webhooks/<provider>`. */
  readonly path: string
  readonly mediaType: string
  readonly body: string
}

const secevent = 'https://schemas.openid.net/secevent/'

/** Google, Cross-Account Protection: the body is the token; issuer with a slash at its end; no `exp`. `type` such as `risc/event-type/sessions-revoked`. */
export function googleNotice(sim: Simulation, audience: string, person: Profile, { type, at, reason, id, claims, header }: NoticeFacts): Notice {
  const subject = { subject_type: 'iss-sub', iss: `${sim.url}/`, sub: subjectOf('google', person) }
  const said = {
    iss: `${sim.url}/`,
    aud: audience,
    iat: at ?? sim.now(),
    jti: id ?? randomBytes(16).toString('hex'),
    events: { [secevent + type]: { subject, ...(reason !== undefined && { reason }) } },
    ...claims,
  }
  return { path: '', mediaType: 'application/secevent+jwt', body: signed(sim, said, { typ: 'secevent+jwt', ...header }) }
}

/** Apple: JSON around a JWT, in which the event is text. `type` such as `consent-revoked`. */
export function appleNotice(
  sim: Simulation,
  { client: audience, team }: { client: string; team: string },
  person: Profile,
  { type, at, id, claims, header }: NoticeFacts,
): Notice {
  const happened = { type, sub: subjectOf('apple', person, team), event_time: (at ?? sim.now()) * 1000 }
  const address = type.startsWith('email-') ? { email: person.email, is_private_email: String(person.relay === true) } : {}
  const event = { ...happened, ...address }
  const said = {
    iss: sim.url,
    aud: audience,
    iat: sim.now(),
    exp: sim.now() + 3600,
    jti: id ?? randomBytes(16).toString('hex'),
    events: sim.switches().strings === false ? event : JSON.stringify(event),
    ...claims,
  }
  return { path: '', mediaType: 'application/json', body: JSON.stringify({ payload: signed(sim, said, header) }) }
}

/** Facebook: a form with a signed request. `type` is `deauthorize` or `data-deletion`. */
export function facebookNotice(sim: Simulation, app: { id: string; secret: string }, person: Profile, { type, at, claims }: NoticeFacts): Notice {
  const said = { user_id: subjectOf('facebook', person, app.id), algorithm: 'HMAC-SHA256', issued_at: at ?? sim.now(), ...claims }
  const encoded = Buffer.from(JSON.stringify(said)).toString('base64url')
  const secret = sim.switches().badSignature ? 'of-another-app' : app.secret
  const signature = createHmac('sha256', secret).update(encoded).digest('base64url')
  return {
    path: type === 'deauthorize' ? '/deauthorize' : '',
    mediaType: 'application/x-www-form-urlencoded',
    body: new URLSearchParams({ signed_request: `${signature}.${encoded}` }).toString(),
  }
}

function signed(sim: Simulation, claims: Record<string, unknown>, header: Record<string, unknown> = {}): string {
  const switches = sim.switches()
  return sim.keys.sign(JSON.stringify(misstate(claims, switches, sim.now())), switches, header)
}
