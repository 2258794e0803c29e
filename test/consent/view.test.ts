import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { newReport } from '../../src/consent/report.ts'
import { siteWith } from '../../src/consent/site.ts'
import { views } from '../../src/consent/view.ts'
import { derivedReader } from '../../src/personalization/read-derived.ts'
import type { CustomerRow } from '../../src/storage/customers.ts'
import { caller, classification, customer, demoPolicy, now, someone } from './fixture.ts'

const hashFor = (clientId: string, value: string) => `${clientId}|${value}`
const viewOf = views({ policy: demoPolicy, hashFor, readDerived: derivedReader(demoPolicy), now: () => now.getTime() })
const whole = siteWith([...classification.values()])
const granted = (...purposes: string[]): CustomerRow['decisions'] =>
  Object.fromEntries(purposes.map((id) => [id, { state: 'granted' as const, textVersion: '2026-01', at: now }]))

function seen(purposes: readonly string[], row: CustomerRow, clientId = 'marketing', site = whole) {
  const report = newReport(purposes.includes('data_subject_access'))
  const view = viewOf(row, site, caller(demoPolicy, purposes, { clientId, customer: purposes.includes('data_subject_access') ? row._id : null }), report)
  return { view, withheld: report.withheld(), reduced: report.reduced() }
}

describe('what the demo policy shows', () => {
  const row = customer({ ...someone, decisions: granted('personalised_shop', 'email_marketing', 'personalised_ads') })
  const nothing = { email: null, givenName: null, familyName: null, pictureUrl: null, birthYear: null, postcode: null, country: null, locale: null }

  test.each([
    ['order_processing', { ...nothing, email: someone.email, givenName: 'Ada', familyName: 'Lark', postcode: '10115', country: 'DE', locale: 'de' }],
    ['personalised_shop', { ...nothing, givenName: 'Ada', familyName: 'Lark', pictureUrl: someone.pictureUrl, postcode: '10', country: 'DE', locale: 'de' }],
    ['email_marketing', { ...nothing, email: someone.email, givenName: 'Ada', familyName: 'Lark', birthYear: 1980, country: 'DE', locale: 'de' }],
    ['personalised_ads', { ...nothing, email: createHash('sha256').update('ada@example.test').digest('hex'), birthYear: 1980, postcode: '10' }],
    ['fraud_prevention', { ...nothing, email: 'shop|ada@example.test', postcode: '10115', country: 'DE', locale: 'de' }],
  ])('%s', (purpose, fields) => {
    const { view } = seen([purpose], row, 'shop')
    expect(view).toMatchObject(fields)
    expect(view.identities).toBeNull()
    const traits = ['personalised_shop', 'email_marketing'].includes(purpose)
      ? someone.traits
      : { clothingSize: null, favouriteColours: null, newsletterRhythm: null }
    expect(view.traits).toEqual(traits)
  })

  test('the person sees all of it', () => {
    const { view, withheld, reduced } = seen(['data_subject_access'], customer({ ...someone, restricted: true }))
    expect(view).toMatchObject(someone)
    expect([withheld, reduced]).toEqual([[], []])
    expect(view.consents?.map(({ purpose }) => purpose)).toEqual([
      'order_processing',
      'personalised_shop',
      'email_marketing',
      'personalised_ads',
      'fraud_prevention',
    ])
  })

  test('A17: two clients get different keyed hashes', () =>
    expect(seen(['fraud_prevention'], row, 'a').view.email).not.toBe(seen(['fraud_prevention'], row, 'b').view.email))

  test('a dead address is none for purposes that stand on consent, and nothing is said of it; contracts, other interests and the person read it', () => {
    const dead = customer({ ...row, emailUndeliverable: true })
    for (const purpose of ['email_marketing', 'personalised_ads']) {
      const { view, withheld, reduced } = seen([purpose], dead)
      expect({ ...view, email: null }).toEqual({ ...seen([purpose], row).view, email: null })
      expect([view.email, withheld, reduced]).toEqual([null, seen([purpose], row).withheld, seen([purpose], row).reduced])
    }
    expect(seen(['email_marketing', 'order_processing'], dead).view.email).toBe(someone.email)
    // What an interest reads in a form of its own, it reads in that form.
    expect(seen(['email_marketing', 'fraud_prevention'], dead, 'shop').view.email).toBe('shop|ada@example.test')
    expect(seen(['data_subject_access'], dead).view.email).toBe(someone.email)
  })

  test('a client sees decisions about the purposes of its token, and no other', () => {
    expect(seen(['email_marketing'], row).view.consents).toMatchObject([{ purpose: 'email_marketing', state: 'GRANTED' }])
  })

  test('a field that was not selected was not read and is null, though it may be read', () => {
    const email = [...classification.values()].filter(({ name, parent }) => name === 'email' && parent === 'Customer')
    expect(seen(['order_processing'], row, 'shop', siteWith(email)).view).toMatchObject({ ...nothing, email: someone.email })
  })
})

describe('the report', () => {
  test('names field, category, reason and count, merged and sorted', () => {
    const report = newReport(false)
    const asking = caller(demoPolicy, ['email_marketing'])
    const fields = [...classification.values()].filter(({ name }) => ['email', 'postcode', 'birthYear', 'clothingSize'].includes(name))
    const withdrawn = { email_marketing: { state: 'withdrawn' as const, textVersion: '2026-01', at: now } }
    for (const row of [customer(someone), customer(), customer({ decisions: withdrawn }), customer({ decisions: granted('email_marketing') })])
      viewOf(row, siteWith(fields.toReversed()), asking, report)
    expect(report.withheld()).toEqual([
      { field: 'Customer.birthYear', category: 'user.demographic', reason: 'CONSENT_MISSING', count: 2 },
      { field: 'Customer.birthYear', category: 'user.demographic', reason: 'CONSENT_WITHDRAWN', count: 1 },
      { field: 'Customer.email', category: 'user.contact.email', reason: 'CONSENT_MISSING', count: 2 },
      { field: 'Customer.email', category: 'user.contact.email', reason: 'CONSENT_WITHDRAWN', count: 1 },
      { field: 'Customer.postcode', category: 'user.contact.address.postal_code', reason: 'PURPOSE_NOT_GRANTED', count: 4 },
      { field: 'Traits.clothingSize', category: 'user.demographic.profile', reason: 'CONSENT_MISSING', count: 2 },
      { field: 'Traits.clothingSize', category: 'user.demographic.profile', reason: 'CONSENT_WITHDRAWN', count: 1 },
    ])
    expect(report.reduced()).toEqual([{ field: 'Customer.birthYear', category: 'user.demographic', form: 'BAND', count: 1 }])
  })

  test('C1, C5: says the same whether a value is stored or not', () => {
    const decision = fc.constantFrom('granted' as const, 'withdrawn' as const, 'objected' as const, 'refused' as const)
    const ids = demoPolicy.purposes.map(({ id }) => id)
    fc.assert(
      fc.property(
        fc.subarray(ids),
        fc.dictionary(fc.constantFrom(...ids), decision, { noNullPrototype: true }),
        fc.subarray(Object.keys(someone)),
        (token, states, kept) => {
          const decisions = Object.fromEntries(Object.entries(states).map(([id, state]) => [id, { state, textVersion: '2026-01', at: now }]))
          const stored = Object.fromEntries(Object.entries(someone).filter(([name]) => kept.includes(name)))
          const full = seen(token, customer({ ...someone, decisions }))
          const partly = seen(token, customer({ ...stored, decisions }))
          expect([partly.withheld, partly.reduced]).toEqual([full.withheld, full.reduced])
          for (const { field } of full.withheld)
            expect(Reflect.get(field.startsWith('Traits') ? full.view.traits : full.view, field.split('.')[1] ?? '') ?? null).toBeNull()
        },
      ),
    )
  })

  test('I1: without a decision only what needs none is shown', () => {
    const all = demoPolicy.purposes.filter(({ builtIn }) => !builtIn).map(({ id }) => id)
    expect(seen(all, customer(someone)).withheld.map(({ field, reason }) => `${field} ${reason}`)).toEqual([
      'Customer.birthYear CONSENT_MISSING',
      'Customer.identities PURPOSE_NOT_GRANTED',
      'Customer.pictureUrl CONSENT_MISSING',
      'Customer.seenBy PURPOSE_NOT_GRANTED',
      'Traits.clothingSize CONSENT_MISSING',
      'Traits.favouriteColours CONSENT_MISSING',
      'Traits.newsletterRhythm CONSENT_MISSING',
    ])
  })
})
