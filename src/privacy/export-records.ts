import type { Policy } from '../config/policy.ts'
import { consentsOf } from '../consent/decisions.ts'
import type { CustomerRow, Profile } from '../storage/customers.ts'
import { derivedOf } from './export-derived.ts'
import type { ExportFacts } from './export-facts.ts'

const everyPurpose = ~0

/** The profile in the words of schema.org (JSON-LD). */
export function personOf(row: Profile, subject?: string): object {
  const { email, givenName, familyName, pictureUrl, birthYear, postcode, country, locale, traits = {} } = row
  const named = Object.entries(traits).map(([name, value]) => ({ '@type': 'PropertyValue', name, value }))
  return {
    '@context': 'https://schema.org',
    '@type': 'Person',
    identifier: subject,
    givenName,
    familyName,
    email,
    image: pictureUrl,
    birthDate: birthYear === undefined ? undefined : String(birthYear),
    knowsLanguage: locale,
    address: postcode === undefined && country === undefined ? undefined : { '@type': 'PostalAddress', postalCode: postcode, addressCountry: country },
    additionalProperty: named.length > 0 ? named : undefined,
  }
}

/** Who said each value, and when: the customer, or a provider by its id. */
export const sourcesOf = ({ sources }: CustomerRow): object =>
  Object.fromEntries(Object.entries(sources).map(([field, { from, at }]) => [field.replace(':', '.'), { from, at }]))

export function accountOf({ person, emails, sessions, exports }: ExportFacts): object {
  return {
    createdAt: person.createdAt,
    restricted: person.restricted,
    addressProof: person.emailProof,
    addressUndeliverable: person.emailUndeliverable,
    addressProvedBy: emails.map(({ proof, by, at }) => ({ proof, by, at })),
    alert: person.alert,
    questionsAsked: person.asked,
    interestsOff: person.interestsOff,
    tokensCountSince: person.tokensValidFrom,
    sessions: sessions.map(({ signedInAt, clients, way, device }) => ({ signedInAt, clients, way, device })),
    exports: exports.map(({ _id: id, client, state, requestedAt, readyAt, expiresAt }) => ({ id, client, state, requestedAt, readyAt, expiresAt })),
  }
}

export const identitiesOf = ({ identities }: Pick<CustomerRow, 'identities'>): object[] =>
  identities.map(({ id, provider, linkedAt, lastUsedAt, email, state, endedAt }) => ({ id, provider, linkedAt, lastUsedAt, email, state, endedAt }))

export const devicesOf = ({ devices = [] }: CustomerRow): object[] =>
  devices.map(({ id, agent, place, around, firstAt, lastAt }) => ({ id, agent, place, around, firstAt, lastAt }))

/** Names and dates; what proves a factor is no one's to read. */
export const factorsOf = ({ factors = [] }: CustomerRow): object[] =>
  factors.map(({ id, kind, name, addedAt, lastUsedAt, left }) => ({ id, kind, name, addedAt, lastUsedAt, left }))

/** What was decided about each purpose, and decisions about purposes that are no more. */
export function decisionsOf({ decisions }: Pick<CustomerRow, 'decisions'>, policy: Policy, at: Date): object {
  const past = Object.entries(decisions).filter(([purpose]) => policy.purpose(purpose) === undefined)
  return {
    now: consentsOf(decisions, policy, everyPurpose, at.getTime()),
    ofPurposesPast: past.map(([purpose, { state, textVersion, at: decidedAt, expiresAt }]) => ({ purpose, state, textVersion, decidedAt, expiresAt })),
  }
}

/** What somebody asked for in the person's name, and what became of it. Who of the shop handled it is not told. */
export const requestsOf = ({ requests }: ExportFacts): object[] =>
  requests.map(({ _id: id, kind, reason, openedAt, dueAt, closedAt, outcome, answer }) => ({ id, kind, reason, openedAt, dueAt, closedAt, outcome, answer }))

/** Both accounts as they were before each merge: kept for its undoing, as long as that. */
export function mergesOf({ merges, person, policy, at }: ExportFacts): object[] {
  const asItWas = (row: CustomerRow) => ({
    createdAt: row.createdAt,
    profile: personOf(row),
    sources: sourcesOf(row),
    identities: identitiesOf(row),
    devices: devicesOf(row),
    factors: factorsOf(row),
    decisions: decisionsOf(row, policy, at),
    derived: derivedOf(row, policy, at),
  })
  return (person.merges ?? []).map(({ id, mergedAt, undoUntil }) => {
    const before = merges.find((one) => one.id === id)?.before ?? null
    return { id, mergedAt, undoUntil, before: before && { thisAccount: asItWas(before.survivor), theOther: asItWas(before.absorbed) } }
  })
}
