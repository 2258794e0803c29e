import { json, type Exchange, type Reply, type Simulation } from './dialect.ts'

/** The `iss` member of a callback (RFC 9207), as the switch says. */
export function issuerMember({ url, switches }: Simulation, usually: 'absent' | 'present'): string | undefined {
  const setting = switches().issParam ?? usually
  if (setting === 'wrong') return 'https://issuer.evil.example'
  return setting === 'present' || setting === 'unannounced' ? url : undefined
}

/** A discovery document after the switches: whether `iss` is announced, and lies. */
export function discoveryAnswer(sim: Simulation, issuerMemberUsually: 'absent' | 'present', honest: Readonly<Record<string, unknown>>): Reply {
  const { issParam = issuerMemberUsually, lieDiscovery } = sim.switches()
  const announced = issParam === 'present' || issParam === 'announcedOnly' || (issParam === 'wrong' && issuerMemberUsually === 'present')
  const elsewhere = 'https://endpoints.evil.example'
  const lies = lieDiscovery === true ? { issuer: elsewhere, token_endpoint: `${elsewhere}/token`, jwks_uri: `${elsewhere}/keys` } : lieDiscovery || {}
  const document = {
    issuer: sim.url,
    subject_types_supported: ['public'],
    ...honest,
    ...(announced && { authorization_response_iss_parameter_supported: true }),
    ...lies,
  }
  return json(200, document, { 'cache-control': 'public, max-age=3600' })
}

export const keysAnswer = (sim: Simulation): Reply => json(200, sim.keys.jwks(sim.switches()), { 'cache-control': 'public, max-age=19000' })

export const bearerToken = ({ headers }: Exchange): string | undefined => /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1]
