import { post, send } from './load.ts'
import { elevenFields } from './peers.ts'
import { people, type Person } from './people.ts'
import { openMint } from './tokens.ts'

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

/** One operation, as it is sent to the gateway and to the peer. */
export interface Operation {
  readonly ours: Buffer
  readonly peer: Buffer
  /** What our answer has in it, so that no refusal is measured as an answer. */
  readonly saying: string
}

export interface Mixed {
  /** Of a hundred. */
  readonly share: number
  readonly of: (at: number) => Operation
}

const nearlyAll = elevenFields
const writeKey = 'storefront-bench-write-key'

export type Persona = 'customer' | 'processor' | 'controller' | 'regulator'

/** How many erasures there have been. */
export const erased = 10_000
export const erasureId = (n: number): string => `erasure-${String(n).padStart(14, '0')}`

const deciding = 'mutation ($decision: ConsentDecisionInput!) { setConsents(decisions: [$decision]) { decidedAt consents { purpose state } } }'

/** What each persona does, of a hundred operations, in the gateway's database `uri`. */
export const mixes: Readonly<Record<Persona, (uri: string) => Promise<readonly Mixed[]>>> = {
  async customer(uri) {
    await using mint = await openMint(uri)
    const ids = mint.idsAt('storefront', people)
    const tokens = await Promise.all(ids.map((id, n) => mint.ofPerson('storefront', id, n)))
    const byPerson = (query: string, saying: string, peer: (person: Person, at: number) => Buffer, variables: (at: number) => object = () => ({})) => ({
      share: 20,
      of: (at: number): Operation => {
        const n = zipf(at)
        const person = personAt(n)
        return { ours: asking(query, tokens[n] ?? '', variables(at)), peer: peer(person, at), saying }
      },
    })
    const postcode = (at: number) => String(10_000 + (at % 80_000))
    const decision = (at: number) => ({ purpose: 'personalised_shop', granted: at % 2 === 0, textVersion: '2026-01' })
    return [
      byPerson(`{ me { ${nearlyAll} } }`, 'email', ({ key }) => send('GET', `/profile/${key}`)),
      byPerson('{ me { consents { purpose state textVersion decidedAt expiresAt } } }', 'textVersion', ({ key }) => send('GET', `/decisions/${key}`)),
      byPerson(
        'mutation ($postcode: String) { updateProfile(input: { postcode: $postcode }) { id postcode } }',
        'postcode',
        ({ key }, at) => send('PATCH', `/profile/${key}`, { postcode: postcode(at) }),
        (at) => ({ postcode: postcode(at) }),
      ),
      byPerson(
        deciding,
        'purpose',
        ({ key }, at) => send('PUT', `/decision/${key}`, { purpose: 'personalised_shop', state: decision(at).granted ? 'granted' : 'withdrawn' }),
        (at) => ({ decision: decision(at) }),
      ),
      // Of the contract, so that it may be cleared whatever was decided just before.
      byPerson('mutation { updateProfile(input: { country: null }) { id } }', '', ({ key }) => send('DELETE', `/country/${key}`)),
    ]
  },

  async processor(uri) {
    await using mint = await openMint(uri)
    const agreeing = people.map((person, n) => ({ person, n })).filter(({ person }) => person.agreesTo.marketing)
    const ids = mint.idsAt('marketing', people)
    const letters = await mint.ofTool('marketing', 'purpose:email_marketing')
    const ads = await mint.ofTool('marketing', 'purpose:personalised_ads')
    const list = (token: string, purpose: string): Operation => ({
      ours: asking(`{ customers(first: 50) { edges { node { ${nearlyAll} } } } }`, token),
      peer: send('GET', `/agreeing/${purpose}@2026-01`),
      saying: 'email',
    })
    return [
      {
        share: 80,
        of: (at) => {
          const { person, n } = agreeing[(at * 31) % agreeing.length] ?? { person: personAt(0), n: 0 }
          const ours = asking(`query ($id: ID!) { customer(id: $id) { ${nearlyAll} } }`, letters, { id: ids[n] })
          return { ours, peer: send('GET', `/profile/${person.key}`), saying: person.profile.email }
        },
      },
      { share: 10, of: () => list(letters, 'email_marketing') },
      { share: 10, of: () => list(ads, 'personalised_ads') },
    ]
  },

  async controller(uri) {
    await using mint = await openMint(uri)
    const ids = mint.idsAt('storefront', people)
    const tokens = await Promise.all(ids.map((id, n) => mint.ofPerson('storefront', id, n)))
    const someone = (at: number) => (at * 7_919) % people.length
    const decided = (at: number, granted: boolean) => {
      const decision = { purpose: 'personalised_shop', granted, textVersion: '2026-01' }
      return asking(deciding, tokens[someone(at)] ?? '', { decision })
    }
    const properties = { product_id: 'sku-17', category: 'Winter sports', brand: 'Nord', price: 129.9 }
    return [
      {
        share: 25,
        of: (at) => ({
          ours: post('/v1/track', { userId: ids[someone(at)], event: 'Product Viewed', properties }, { authorization: `Basic ${btoa(`${writeKey}:`)}` }),
          peer: send('POST', `/event/${personAt(someone(at)).key}`, {
            event: 'Product Viewed',
            properties,
            purposes: ['personalised_shop', 'email_marketing'],
          }),
          saying: 'success',
        }),
      },
      {
        share: 25,
        of: (at) => ({
          ours: decided(at, false),
          peer: send('DELETE', `/purpose/${personAt(someone(at)).key}`, { purpose: 'personalised_shop' }),
          saying: 'purpose',
        }),
      },
      {
        share: 50,
        of: (at) => ({
          ours: decided(at, true),
          peer: send('PUT', `/decision/${personAt(someone(at)).key}`, { purpose: 'personalised_shop', state: 'granted' }),
          saying: 'purpose',
        }),
      },
    ]
  },

  async regulator(uri) {
    await using mint = await openMint(uri)
    const ids = mint.idsAt('marketing', people)
    const letters = await mint.ofTool('marketing', 'purpose:email_marketing')
    const authority = await mint.ofTool('regulator', 'audit:read')
    const decisions = 'query ($id: ID!) { customer(id: $id) { consents { purpose state textVersion decidedAt expiresAt } } }'
    const log = '{ auditEvents(first: 50) { edges { node { id at type clientId actor purposes categories } } } }'
    const deleted = 'query ($id: ID!) { erasureReceipt(id: $id) { id requestedAt completedAt certificate } }'
    const agreeing = people.flatMap((person, n) => (person.agreesTo.marketing ? [{ person, n }] : []))
    return [
      {
        share: 46,
        of: (at) => {
          const { person, n } = agreeing[zipf(at) % agreeing.length] ?? { person: personAt(0), n: 0 }
          return { ours: asking(decisions, letters, { id: ids[n] }), peer: send('GET', `/decisions/${person.key}`), saying: 'textVersion' }
        },
      },
      { share: 31, of: () => ({ ours: asking(log, authority), peer: send('GET', '/log'), saying: 'type' }) },
      {
        share: 23,
        of: (at) => {
          const id = erasureId(zipf(at) % erased)
          return { ours: asking(deleted, authority, { id }), peer: send('GET', `/erasure/${id}`), saying: 'certificate' }
        },
      },
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
