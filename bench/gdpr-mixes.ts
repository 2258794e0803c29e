import { post } from './load.ts'
import { elevenFields } from './peers.ts'
import { people, type Person } from './people.ts'

/*
 * GDPRbench (Shastri et al., PVLDB 13(7), 2020): what a customer, a processor, a controller and a regulator do, and how much of
 * each. There a record is a value with its purposes, here a customer; the customer's deleting takes one value away. The controller's record
 * is an event with the purposes that it is kept for, which goes when they are withdrawn.
 *
 * The shares of the customer (five times 20, zipfian), of the controller (25, 25, 50, uniform) and the regulator's 46 are those of the
 * authors' workload files (github.com/GDPRbench/GDPRbench, src/workloads, commits 1716696 to 94d399c). The files leave out his logs and
 * verified deletions, and give the processor 20 by key and 80 by purpose or user: 31, 23, and 80 and 20 the other way round, are as one
 * remembers the paper, whose table could not be had.
 */

/** One operation, as it is sent. */
export interface Operation {
  readonly request: Buffer
  /** What the answer has in it, so that no refusal is measured as an answer. */
  readonly saying: string
}

export interface Mixed {
  /** Of a hundred. */
  readonly share: number
  readonly of: (at: number) => Operation
}

/** One of the two servers as its clients know it: the same queries go to both, with the ids and the tokens of each. */
export interface Door {
  readonly idIn: (client: 'storefront' | 'marketing', n: number) => string
  /** By number of the person: tokens of the shop in which they are signed in. */
  readonly tokensOfPeople: () => Promise<readonly string[]>
  readonly tokenOfTool: (client: string, scope: string) => Promise<string>
}

const nearlyAll = elevenFields
const writeKey = 'storefront-bench-write-key'

export type Persona = 'customer' | 'processor' | 'controller' | 'regulator'

/** How many erasures there have been. */
export const erased = 10_000
export const erasureId = (n: number): string => `erasure-${String(n).padStart(14, '0')}`

const consentFields = 'purpose state textVersion decidedAt expiresAt'
const decision = (granted: boolean) => ({ purpose: 'personalised_shop', granted, textVersion: '2026-01' })
const deciding = 'mutation ($decision: ConsentDecisionInput!) { setConsents(decisions: [$decision]) { decidedAt consents { purpose state } } }'

/** What each persona does, of a hundred operations. */
export const mixes: Readonly<Record<Persona, (door: Door) => Promise<readonly Mixed[]>>> = {
  async customer(door) {
    const tokens = await door.tokensOfPeople()
    const byPerson = (query: string, saying: string, variables: (at: number) => object = () => ({})): Mixed => ({
      share: 20,
      of: (at) => ({ request: asking(query, tokens[zipf(at)] ?? '', variables(at)), saying }),
    })
    return [
      byPerson(`{ me { ${nearlyAll} } }`, 'email'),
      byPerson(`{ me { consents { ${consentFields} } } }`, 'textVersion'),
      byPerson('mutation ($postcode: String) { updateProfile(input: { postcode: $postcode }) { id postcode } }', 'postcode', (at) => ({
        postcode: String(10_000 + (at % 80_000)),
      })),
      byPerson(deciding, 'purpose', (at) => ({ decision: decision(at % 2 === 0) })),
      // Of the contract, so that it may be cleared whatever was decided just before.
      byPerson('mutation { updateProfile(input: { country: null }) { id } }', '"id"'),
    ]
  },

  async processor(door) {
    const agreeing = people.map((person, n) => ({ person, n })).filter(({ person }) => person.agreesTo.marketing)
    const letters = await door.tokenOfTool('marketing', 'purpose:email_marketing')
    const ads = await door.tokenOfTool('marketing', 'purpose:personalised_ads')
    const list = (token: string): Operation => ({ request: asking(`{ customers(first: 50) { edges { node { ${nearlyAll} } } } }`, token), saying: 'email' })
    return [
      {
        share: 80,
        of: (at) => {
          const { person, n } = agreeing[(at * 31) % agreeing.length] ?? { person: personAt(0), n: 0 }
          const query = `query ($id: ID!) { customer(id: $id) { ${nearlyAll} } }`
          return { request: asking(query, letters, { id: door.idIn('marketing', n) }), saying: person.profile.email }
        },
      },
      { share: 10, of: () => list(letters) },
      { share: 10, of: () => list(ads) },
    ]
  },

  async controller(door) {
    const tokens = await door.tokensOfPeople()
    const someone = (at: number) => (at * 7_919) % people.length
    const decided = (at: number, granted: boolean): Operation => ({
      request: asking(deciding, tokens[someone(at)] ?? '', { decision: decision(granted) }),
      saying: 'purpose',
    })
    const properties = { product_id: 'sku-17', category: 'Winter sports', brand: 'Nord', price: 129.9 }
    const seen = (at: number): Operation => ({
      request: post(
        '/v1/track',
        { userId: door.idIn('storefront', someone(at)), event: 'Product Viewed', properties },
        { authorization: `Basic ${btoa(`${writeKey}:`)}` },
      ),
      saying: 'success',
    })
    return [
      { share: 25, of: seen },
      { share: 25, of: (at) => decided(at, false) },
      { share: 50, of: (at) => decided(at, true) },
    ]
  },

  async regulator(door) {
    const letters = await door.tokenOfTool('marketing', 'purpose:email_marketing')
    const authority = await door.tokenOfTool('regulator', 'audit:read')
    const decisions = `query ($id: ID!) { customer(id: $id) { consents { ${consentFields} } } }`
    const log = '{ auditEvents(first: 50) { edges { node { id at type clientId actor purposes categories } } } }'
    const deleted = 'query ($id: ID!) { erasureReceipt(id: $id) { id requestedAt completedAt certificate } }'
    const agreeing = people.flatMap((person, n) => (person.agreesTo.marketing ? [n] : []))
    const someone = (at: number) => door.idIn('marketing', agreeing[zipf(at) % agreeing.length] ?? 0)
    return [
      { share: 46, of: (at) => ({ request: asking(decisions, letters, { id: someone(at) }), saying: 'textVersion' }) },
      { share: 31, of: () => ({ request: asking(log, authority), saying: 'type' }) },
      { share: 23, of: (at) => ({ request: asking(deleted, authority, { id: erasureId(zipf(at) % erased) }), saying: 'certificate' }) },
    ]
  },
}

const asking = (query: string, token: string, variables: object = {}): Buffer => post('/graphql', { query, variables }, { authorization: `Bearer ${token}` })

export function personAt(n: number): Person {
  const person = people[n]
  if (person === undefined) throw new RangeError(`no person ${n}`)
  return person
}

const harmonic = Math.log(people.length)
/** Some come often, most seldom: rank by the inverse of the harmonic sum, of a number that is the same at every run. */
function zipf(at: number): number {
  const dice = ((at * 2_654_435_761) >>> 0) / 2 ** 32
  return Math.min(people.length - 1, Math.floor(Math.exp(dice * harmonic) - 1))
}
