import { createHash } from 'node:crypto'
import { chainStart } from '../src/audit/log.ts'
import type { CustomerRow, Decision } from '../src/storage/customers.ts'

/** How many distinct customers are read. */
export const crowd = 20_000

export interface Profile {
  readonly email: string
  readonly givenName: string
  readonly familyName: string
  readonly pictureUrl: string
  readonly birthYear: number
  readonly postcode: string
  readonly country: string
  readonly locale: string
  readonly traits: { readonly clothingSize: string; readonly favouriteColours: readonly string[]; readonly newsletterRhythm: string }
}

export interface Person {
  /** 16 bytes as base64url: the key in both databases. */
  readonly key: string
  readonly profile: Profile
  /** What may be processed of this person, beyond the contract and the shop of their taste, which all agree to. */
  readonly agreesTo: { readonly marketing: boolean; readonly ads: boolean }
}

const names = ['Anna', 'Ben', 'Çiğdem', 'Dörte', 'Émile', 'Fatma', 'Greta', 'Hugo', 'Ida', 'Jonas'] as const
const families = ['Albers', 'Brandt', 'Celik', 'Dietz', 'Eckert', 'Fuchs', 'Grün', 'Haas', 'Ivanova', 'Jansen', 'Krüger'] as const
const colours = ['red', 'green', 'blue', 'black', 'white', 'yellow', 'petrol'] as const
const sizes = ['XS', 'S', 'M', 'L', 'XL'] as const
const countries = ['DE', 'AT', 'CH', 'NL', 'FR'] as const
const locales = ['de', 'en', 'fr', 'nl'] as const

/** The same crowd at every run: everything about a person follows from a number. */
export const people: readonly Person[] = Array.from({ length: crowd }, (_, n) => personOf(n))

export function personOf(n: number): Person {
  const dice = createHash('sha256').update(`bench ${n}`).digest()
  const pick = <T>(from: readonly [T, ...T[]], at: number): T => from[dice.readUInt16BE(at) % from.length] ?? from[0]
  return {
    key: dice.subarray(16).toString('base64url'),
    profile: {
      email: `person.${n}@people.example`,
      givenName: pick(names, 0),
      familyName: pick(families, 1),
      pictureUrl: `https://pictures.people.example/${n}.png`,
      birthYear: 1940 + (dice.readUInt16BE(2) % 66),
      postcode: String(10_000 + (dice.readUInt16BE(4) % 89_999)),
      country: pick(countries, 6),
      locale: pick(locales, 7),
      traits: { clothingSize: pick(sizes, 8), favouriteColours: [pick(colours, 9), pick(colours, 10)], newsletterRhythm: pick(['WEEKLY', 'MONTHLY'], 11) },
    },
    agreesTo: { marketing: dice.readUInt8(12) % 10 < 5, ads: dice.readUInt8(13) % 10 < 4 },
  }
}

const thirtyDays = 30 * 24 * 3_600_000
const since = new Date(Date.now() - thirtyDays)
/** Of bench/policy.yaml. */
const textVersion = '2026-01'

/** A person as the gateway keeps them after logging in and deciding. */
export function customerRow(person: Person): CustomerRow {
  const decisions = decisionsOf(person)
  return {
    _id: person.key,
    state: 'active',
    createdAt: since,
    ...person.profile,
    emailProof: 'verified',
    sources: { email: { from: 'google', at: since }, givenName: { from: 'google', at: since }, familyName: { from: 'google', at: since } },
    decisions,
    grants: Object.entries(decisions).flatMap(([purpose, { state }]) => (state === 'granted' ? [`${purpose}@${textVersion}`] : [])),
    objections: [],
    restricted: false,
    tokensValidFrom: since,
    endedGrants: [],
    consentVersion: 3,
    identities: [
      { id: person.key.slice(0, 12), key: `google:${person.key}`, provider: 'google', linkedAt: since, lastUsedAt: since, email: person.profile.email },
    ],
    // Heads without their records would be broken chains, each with an alert.
    ledger: chainStart,
    audit: chainStart,
  }
}

const decided = (state: Decision['state']): Decision => ({ state, textVersion, at: since })

function decisionsOf({ key, agreesTo }: Person): Record<string, Decision> {
  // A no comes in three kinds, and the gate meets all of them.
  const no = (at: number): Decision | undefined => [decided('refused'), decided('withdrawn'), undefined][key.charCodeAt(at) % 3]
  const marketing = agreesTo.marketing ? decided('granted') : no(0)
  const ads = agreesTo.ads ? decided('granted') : no(1)
  return { personalised_shop: decided('granted'), ...(marketing && { email_marketing: marketing }), ...(ads && { personalised_ads: ads }) }
}
