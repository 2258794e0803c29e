import * as fc from 'fast-check'
import type { CustomerRow } from '../../src/storage/customers.ts'
import type { NaivePurpose } from '../support/naive-gate.ts'
import { customer } from './fixture.ts'

const forms: Record<string, readonly string[]> = {
  user: ['FULL', 'HASH', 'BAND', 'REGION', 'PRESENCE'],
  'user.contact': ['FULL', 'HASH', 'REGION', 'PRESENCE'],
  'user.contact.email': ['FULL', 'HASH', 'PRESENCE'],
  'user.contact.address': ['FULL', 'REGION', 'PRESENCE'],
  'user.contact.address.postal_code': ['FULL', 'REGION', 'PRESENCE'],
  'user.name': ['FULL', 'PRESENCE'],
  'user.demographic': ['FULL', 'BAND', 'PRESENCE'],
  'user.demographic.language': ['FULL', 'PRESENCE'],
  'user.demographic.profile': ['FULL', 'PRESENCE'],
  'user.account': ['FULL'],
}

const coverage = fc
  .constantFrom(...Object.keys(forms))
  .chain((category) => fc.record({ category: fc.constant(category), form: fc.constantFrom(...(forms[category] ?? [])), hashed: fc.boolean() }))
  .map(({ category, form, hashed }) => ({ category, form, ...(form === 'HASH' && hashed ? { matchable: true } : {}) }))

const words = { en: { title: 'Title', text: 'Text' } }
const texts = fc.constantFrom(
  [{ version: 'v1', date: '2026-01-01', ...words }],
  [
    { version: 'v0', date: '2025-01-01', ...words },
    { version: 'v1', date: '2026-01-01', ...words },
  ],
  [
    { version: 'v0', date: '2025-01-01', ...words },
    { version: 'v1', date: '2026-01-01', correctsSpellingOf: 'v0', ...words },
  ],
)

const bases = fc.constantFrom('CONSENT', 'CONSENT', 'CONTRACT', 'LEGAL_OBLIGATION', 'LEGITIMATE_INTEREST')

/** Up to six purposes; each may require one that stands before it. */
export const anyPurposes: fc.Arbitrary<readonly NaivePurpose[]> = fc
  .array(
    fc.record({
      legalBasis: bases,
      covers: fc.uniqueArray(coverage, { selector: ({ category }) => category, minLength: 1, maxLength: 5 }),
      texts,
      requires: fc.option(fc.nat(5)),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((all) => all.map(({ requires, ...purpose }, i) => ({ ...purpose, id: `p${i}`, requires: requires !== null && requires < i ? [`p${requires}`] : [] })))

export const policyFileOf = (purposes: readonly NaivePurpose[]): string =>
  JSON.stringify({
    controller: { name: 'Shop', contact: 'shop@example.test' },
    locales: ['en'],
    onlyForThePerson: ['user'],
    purposes: purposes.map((purpose) => ({ ...purpose, clients: [], retention: 'P1Y' })),
    attributes: [
      { name: 'clothingSize', type: 'String', category: 'user.demographic.profile' },
      { name: 'favouriteColours', type: 'String', list: true, category: 'user.demographic.profile' },
      { name: 'newsletterRhythm', type: 'String', category: 'user.account.settings' },
    ],
  })

export const purposeIds = ['p0', 'p1', 'p2', 'p3', 'p4', 'p5']

const decision = fc
  .record({
    state: fc.constantFrom('granted' as const, 'granted' as const, 'refused' as const, 'withdrawn' as const, 'objected' as const, 'pending' as const),
    textVersion: fc.constantFrom('v0', 'v1', 'v1'),
    ends: fc.constantFrom(null, null, '2026-05-31T00:00:00Z', '2027-01-01T00:00:00Z'),
  })
  .map(({ state, textVersion, ends }) => ({ state, textVersion, at: new Date('2026-02-01'), ...(ends === null ? {} : { expiresAt: new Date(ends) }) }))

export const anyDecisions: fc.Arbitrary<CustomerRow['decisions']> = fc.dictionary(fc.constantFrom(...purposeIds), decision, { noNullPrototype: true })

export const anyCustomer: fc.Arbitrary<CustomerRow> = fc
  .record({ decisions: anyDecisions, restricted: fc.constantFrom(false, false, false, true) })
  .map((change) => customer(change))

export const anyToken: fc.Arbitrary<string[]> = fc.subarray(purposeIds)
