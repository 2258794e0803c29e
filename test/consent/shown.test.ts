import { buildSchema } from 'graphql'
import { describe, expect, test } from 'vitest'
import { readPolicy } from '../../src/config/policy.ts'
import { classify } from '../../src/consent/classification.ts'
import type { DerivedValues, OpenPart } from '../../src/consent/derived.ts'
import { newReport } from '../../src/consent/report.ts'
import { siteWith } from '../../src/consent/site.ts'
import { views } from '../../src/consent/view.ts'
import { gateFields, type CustomerRow } from '../../src/storage/customers.ts'
import { caller, customer, now, policyText, sdl, someone } from './fixture.ts'

/** Logins that a purpose may see with a hashed address, and attributes in forms of their own. */
const policy = readPolicy(
  policyText.replace(
    'attributes:\n',
    `  - id: support
    legalBasis: CONTRACT
    covers: [{ category: user.account, form: FULL }, { category: user.contact.email, form: HASH }, { category: user.demographic.profile, form: PRESENCE }, { category: user.demographic, form: BAND }]
    clients: [support]
    retention: P1Y
    texts: [{ version: '1', date: 2026-01-15, en: { title: Help, text: We help. }, de: { title: Hilfe, text: Wir helfen. } }]

attributes:
  - { name: yearOfFirstOrder, type: Int, category: user.demographic }
  - { name: fit, type: String, values: [SLIM, WIDE], category: user.demographic.profile }
  - { name: giftsOnly, type: Boolean, category: user.demographic.profile }
`,
  ),
  'policy.yaml',
)
const schema = buildSchema(
  sdl
    .replace('type Query {', 'directive @derived(from: [String!]!) on FIELD_DEFINITION type Query {')
    .replace(
      'traits: Traits',
      'segments: [String!] @derived(from: ["user.behavior", "user.behavior.browsing_history", "user.behavior.purchase_history"]) traits: Traits',
    )
    .replace(
      'type Traits {',
      'type Traits { yearOfFirstOrder: Int @personalData(category: "user.demographic") fit: String @personalData(category: "user.demographic.profile") giftsOnly: Boolean @personalData(category: "user.demographic.profile") ordersLastYear: Int @derived(from: ["user.behavior.purchase_history"])',
    )
    .replace(
      'type Identity @notPersonal { id: ID! provider: ID! email: String }',
      'type Identity { id: ID! @notPersonal email: String @personalData(category: "user.contact.email") }',
    ),
)
const classification = classify(schema, policy)
const siteOf = (...coordinates: string[]) => siteWith([...classification.values()].filter(({ coordinate }) => coordinates.includes(coordinate)))
const whole = siteOf(...classification.keys())

const derivedOf = (_: unknown, parts: readonly OpenPart[]): DerivedValues => ({
  traits: Object.fromEntries(parts.filter(({ part }) => part.kind === 'computed').map(({ part }) => [part.name, 4])),
  affinities: [],
  segments: parts.filter(({ part }) => part.kind === 'segment').map(({ part, purposes }) => `${part.name} for ${purposes.join()}`),
})
const viewOf = views({ policy, hashFor: (client, value) => `${client}|${value}`, readDerived: derivedOf, now: () => now.getTime() })
const everything = ['personalised_shop', 'email_marketing', 'personalised_ads']
const granted = Object.fromEntries(everything.map((id) => [id, { state: 'granted' as const, textVersion: '2026-01', at: now }]))

function seen(purposes: readonly string[], change: Partial<CustomerRow>, site = whole, report = newReport(false)) {
  const row = customer({ ...someone, decisions: granted, ...change })
  const isPerson = purposes.includes('data_subject_access')
  return viewOf(row, site, caller(policy, purposes, { clientId: 'shop', customer: isPerson ? row._id : null }), report)
}

describe('logins', () => {
  const login = { id: 'i', key: 'k', provider: 'google', linkedAt: now, lastUsedAt: now, email: 'Ada@home.test' }
  const shown = { id: 'i', provider: 'google', state: 'active', linkedAt: now, lastUsedAt: now }

  test('come without what the house calls them, each with its address in the form that addresses are shown in', () => {
    const identities = [login, { ...login, id: 'j', state: 'unlinked' as never }]
    expect(seen(['data_subject_access'], { identities }).identities).toEqual([
      { ...shown, email: 'Ada@home.test' },
      { ...shown, id: 'j', state: 'unlinked', email: 'Ada@home.test' },
    ])
    expect(seen(['support'], { identities }).identities?.map(({ email }) => email)).toEqual(['shop|ada@home.test', 'shop|ada@home.test'])
    const { email: _, ...silent } = login
    expect(seen(['support'], { identities: [silent] }).identities).toEqual([{ ...shown, email: null }])
  })

  test('of whom nothing is stored there are none; to whom they are shut there is nothing', () => {
    expect(seen(['data_subject_access'], { identities: undefined as never }).identities).toEqual([])
    expect(seen(['email_marketing'], { identities: [login] }).identities).toBeNull()
  })
})

describe('attributes', () => {
  const traits = { clothingSize: 'M', yearOfFirstOrder: 2017, favouriteColours: ['green'], newsletterRhythm: 'WEEKLY' }
  const site = siteOf('Traits.clothingSize', 'Traits.yearOfFirstOrder', 'Traits.favouriteColours')

  test('are shown in the form that their kind can take, and none at all where it can take none', () => {
    expect(seen(['support'], { traits }, site).traits).toEqual({ clothingSize: 'present', yearOfFirstOrder: 2010, favouriteColours: null })
    expect(seen(['data_subject_access'], { traits }, site).traits).toEqual({ clothingSize: 'M', yearOfFirstOrder: 2017, favouriteColours: ['green'] })
    expect(seen(['order_processing'], { traits }, site).traits).toEqual({ clothingSize: null, yearOfFirstOrder: null, favouriteColours: null })
  })

  test('that were stored as something else, when they were of another type, are not there', () => {
    const all = siteOf(...[...classification.keys()].filter((coordinate) => coordinate.startsWith('Traits.') && coordinate !== 'Traits.ordersLastYear'))
    const fine = { ...traits, fit: 'SLIM', giftsOnly: false }
    expect(seen(['data_subject_access'], { traits: fine }, all).traits).toEqual(fine)
    const other = { clothingSize: 7, yearOfFirstOrder: '2017', favouriteColours: 'green', newsletterRhythm: 'DAILY', fit: ['SLIM'], giftsOnly: 'no' }
    const nothing = Object.fromEntries(Object.keys(fine).map((name) => [name, null]))
    expect(seen(['data_subject_access'], { traits: other }, all).traits).toEqual(nothing)
    expect(seen(['data_subject_access'], { traits: { favouriteColours: ['green', 7] as never } }, all).traits).toEqual(nothing)
    const fit = siteOf('Traits.fit')
    expect([seen(['support'], { traits: { fit: 'WIDE' } }, fit).traits, seen(['support'], { traits: { fit: 'TIGHT' } }, fit).traits]).toEqual([
      { fit: 'present' },
      { fit: null },
    ])
  })

  test('that the policy has no more are not shown, whatever is stored', () => {
    const size = classification.get('Traits.clothingSize')
    if (size === undefined) throw new Error('no such field')
    const gone = siteWith([{ ...size, name: 'shoeSize', coordinate: 'Traits.shoeSize' }])
    expect(seen(['data_subject_access'], { traits: { shoeSize: 'M' } }, gone).traits).toEqual({ shoeSize: null })
  })

  test('that were stored as something else are not shown in a form that was not decided for that', () => {
    const stored = { clothingSize: true, yearOfFirstOrder: ['1987'] }
    expect(seen(['support'], { traits: stored }, site).traits).toEqual({ clothingSize: null, yearOfFirstOrder: null, favouriteColours: null })
    expect(seen(['support'], { traits: { clothingSize: 1987, yearOfFirstOrder: 'MCMLXXXVII' } }, site).traits).toMatchObject({
      clothingSize: null,
      yearOfFirstOrder: null,
    })
  })

  test('of whom none are stored are null', () => {
    const { traits: _, ...others } = someone
    const row = customer({ ...others, decisions: granted })
    expect(viewOf({ ...row, traits: undefined as never }, site, caller(policy, ['support']), newReport(false)).traits).toEqual({
      clothingSize: null,
      yearOfFirstOrder: null,
      favouriteColours: null,
    })
  })
})

describe('what is worked out', () => {
  test('is worked out for the purposes that open it, and stands among the attributes', () => {
    const { traits, derived } = seen(['email_marketing'], {}, siteOf('Traits.clothingSize', 'Traits.ordersLastYear', 'Customer.segments'))
    expect(traits).toEqual({ clothingSize: 'M', ordersLastYear: 4 })
    expect(derived.segments).toEqual(['winter_sport', 'regulars', 'left_the_basket'].map((id) => `${id} for email_marketing`))
    expect(seen(['email_marketing'], {}, siteOf('Traits.ordersLastYear')).traits).toEqual({ ordersLastYear: 4 })
  })

  test('is not worked out when it was not selected, or when it is for nothing that the client may do', () => {
    const nothing = { traits: {}, affinities: [], segments: [] }
    for (const view of [seen(['email_marketing'], {}, siteOf('Customer.email')), seen(['personalised_ads'], {})]) expect(view.derived).toEqual(nothing)
    expect(seen(['email_marketing'], { decisions: {} }, siteOf('Traits.ordersLastYear', 'Customer.segments'))).toMatchObject({ traits: {}, derived: nothing })
  })
})

describe('what is read', () => {
  const read = (...coordinates: string[]) => {
    const { projection } = siteOf(...coordinates)
    expect(new Set(Object.values(projection))).toEqual(new Set([1]))
    return Object.keys(projection).filter((path) => !gateFields.some((always) => always === path))
  }

  test('is what permission hangs on, always', () => expect(Object.keys(siteOf().projection).sort()).toEqual([...gateFields].sort()))

  test('is each selected value where it is stored, and nothing for fields with a resolver of their own', () => {
    const own = ['givenName', 'familyName', 'pictureUrl', 'birthYear', 'postcode', 'country', 'locale', 'identities']
    for (const name of own) expect(read(`Customer.${name}`)).toEqual([name])
    expect([read('Customer.email'), read('Identity.email')]).toEqual([['email', 'emailUndeliverable'], ['emailUndeliverable']])
    expect(read('Customer.seenBy', 'Customer.consents')).toEqual([])
    expect(read('Traits.clothingSize', 'Traits.favouriteColours')).toEqual(['traits.clothingSize', 'traits.favouriteColours'])
  })

  test('is for what is worked out the state of it, and what else it is made from', () => {
    expect(read('Traits.ordersLastYear')).toEqual(['derived'])
    expect(read('Customer.segments')).toEqual(['derived', 'interestsOff'])
    const [segments, country] = ['Customer.segments', 'Customer.country'].map((coordinate) => classification.get(coordinate))
    if (!segments || !country) throw new Error('no such field')
    const others = siteWith([
      { ...segments, derived: [] },
      { ...country, parent: 'Identity' },
    ])
    expect(others.projection).toEqual(siteOf().projection)
    expect(siteOf('Traits.ordersLastYear').mask).toBe(policy.maskOf(['data_subject_access', 'personalised_shop', 'email_marketing']))
  })
})

describe('what is kept of decisions already made', () => {
  const tokenOf = (purposes: number) => ({ ...caller(policy, [], { customer: customer()._id }), purposes })
  const open = (purposes: number, site = whole) => viewOf(customer(), site, tokenOf(purposes), newReport(false)).open

  test('serves the next customer of the same read, and is bounded, since strangers choose scopes', () => {
    const tokens = Array.from({ length: 256 }, (_, purposes) => purposes)
    expect(new Set(tokens.map((purposes) => purposes & whole.mask)).size).toBe(256)
    const site = siteOf(...classification.keys())
    for (const purposes of tokens.slice(0, 255)) expect(open(purposes, site)).toBe(open(purposes, site))
    const last = open(255, site)
    expect(open(255, site)).not.toBe(last)
    expect(open(0, site)).toBe(open(0, site))
  })
})

describe('the report of an operation', () => {
  test('counts customers, one by one, and for the metrics by decision', () => {
    const report = newReport(false)
    for (let i = 0; i < 3; i++) seen(['personalised_ads', 'support'], {}, siteOf('Customer.birthYear', 'Customer.postcode', 'Customer.pictureUrl'), report)
    const site = siteOf('Customer.birthYear', 'Customer.postcode', 'Customer.pictureUrl')
    for (let i = 0; i < 2; i++) seen(['personalised_ads', 'support'], { decisions: {} }, site, report)
    expect(report.reduced().map(({ field, form, count }) => [field, form, count])).toEqual([
      ['Customer.birthYear', 'BAND', 5],
      ['Customer.postcode', 'REGION', 3],
    ])
    expect(report.withheld().map(({ field, reason, count }) => [field, reason, count])).toEqual([
      ['Customer.pictureUrl', 'PURPOSE_NOT_GRANTED', 5],
      ['Customer.postcode', 'CONSENT_MISSING', 2],
    ])
    const decided = new Map<string, number>()
    report.decided(({ purpose, outcome, fields }, customers) =>
      decided.set(`${purpose} ${outcome}`, (decided.get(`${purpose} ${outcome}`) ?? 0) + fields * customers),
    )
    expect(Object.fromEntries(decided)).toEqual({
      // Told by the first purpose that has a basis: without the consent that is the contract.
      'personalised_ads reduced': 6,
      'support reduced': 2,
      'personalised_ads withheld': 2,
      'none withheld': 5,
    })
  })

  test('says nothing of an operation that showed all of it', () => {
    const report = newReport(true)
    seen(['data_subject_access'], {}, whole, report)
    expect([report.withheld(), report.reduced()]).toEqual([[], []])
  })
})
