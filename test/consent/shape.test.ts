import { describe, expect, test } from 'vitest'
import { basisOf, masksOf, reasonOf } from '../../src/consent/gate.ts'
import { presence, region, textReader, yearReader } from '../../src/consent/reduce.ts'
import { shapeOf } from '../../src/consent/shape.ts'
import { siteWith } from '../../src/consent/site.ts'
import { builtInPurposes, type Purpose } from '../../src/config/policy.ts'
import { classification, customer, demoPolicy, now, someone } from './fixture.ts'

const hashFor = (clientId: string, value: string) => `${clientId}|${value}`
const fields = (...coordinates: string[]) => [...classification.values()].filter(({ coordinate }) => coordinates.includes(coordinate))
const shape = (coordinates: readonly string[], token: readonly string[], may: readonly string[] = token) =>
  shapeOf(siteWith(fields(...coordinates)), demoPolicy.maskOf(token), demoPolicy.maskOf(may), demoPolicy, hashFor)

describe('the shape of what is shown', () => {
  test('logins are open to the person and shut to a shop, and so is the address that is in them', () => {
    const own = shape(['Customer.identities', 'Customer.consents'], ['data_subject_access'])
    expect([own.identities, own.consents, own.identityEmail(someone.email, 'account')]).toEqual([true, true, someone.email])
    const shop = shape(['Customer.identities', 'Customer.consents'], ['order_processing'])
    expect([shop.identities, shop.consents, shop.identityEmail(someone.email, 'shop')]).toEqual([false, false, null])
    // Not selected is not open.
    const none = shape(['Customer.email'], ['data_subject_access'])
    expect([none.identities, none.consents, none.identityEmail(someone.email, 'account')]).toEqual([false, false, null])
  })

  test('open are the customer’s own fields that may be read, by name, and nothing of what lies below', () => {
    const all = ['Customer.email', 'Customer.birthYear', 'Traits.clothingSize', 'Customer.seenBy']
    expect(shape(all, ['data_subject_access']).open).toEqual(new Set(['email', 'birthYear', 'seenBy']))
    expect(shape(all, ['email_marketing']).open).toEqual(new Set(['email', 'birthYear']))
    expect(shape(all, ['email_marketing'], []).open).toEqual(new Set())
  })

  test('for the metrics: so many fields, by the purpose that opened or would have opened them', () => {
    const all = ['Customer.email', 'Customer.givenName', 'Customer.birthYear', 'Customer.pictureUrl']
    expect(shape(all, ['email_marketing']).decisions).toEqual(
      expect.arrayContaining([
        { purpose: 'email_marketing', outcome: 'readable', fields: 2 },
        { purpose: 'email_marketing', outcome: 'reduced', fields: 1 },
        { purpose: 'none', outcome: 'withheld', fields: 1 },
      ]),
    )
    expect(shape(all, ['email_marketing'], []).decisions).toEqual(expect.arrayContaining([{ purpose: 'email_marketing', outcome: 'withheld', fields: 3 }]))
    expect(shape(all, ['email_marketing']).decisions).toHaveLength(3)
  })

  test('refusals are put together by the purpose they speak about; what is shown in full is no reduction', () => {
    const { refusals, reductions } = shape(['Customer.email', 'Customer.birthYear', 'Customer.pictureUrl'], ['email_marketing'])
    expect(refusals.map(({ purpose, fields: refused }) => [purpose?.id ?? null, refused.map(({ name }) => name)])).toEqual([[null, ['pictureUrl']]])
    expect(reductions.map(({ field, form }) => [field.name, form])).toEqual([['birthYear', 'BAND']])
  })
})

describe('reduced forms', () => {
  const form = (name: 'FULL' | 'BAND' | 'REGION' | 'HASH' | 'PRESENCE', matchable = false) => ({ form: name, matchable })

  test('a region does not depend on how the postcode was typed', () => {
    expect([region('  10115 '), textReader(form('REGION'), hashFor)('10115', 'shop')]).toEqual(['10', '10'])
  })
  test.each([null, undefined])('of nothing there is nothing, in every form: %s', (nothing) => {
    for (const name of ['FULL', 'REGION', 'HASH', 'PRESENCE'] as const) expect(textReader(form(name), hashFor)(nothing, 'shop')).toBeNull()
    expect(yearReader(form('BAND'))(nothing, 'shop')).toBeNull()
  })
  test('a form that a value cannot take shows nothing of it', () => {
    expect(textReader(form('BAND'), hashFor)('1987', 'shop')).toBeNull()
    for (const name of ['REGION', 'HASH', 'PRESENCE'] as const) expect(yearReader(form(name))(1987, 'shop')).toBeNull()
    expect([textReader('withheld', hashFor)('x', 'shop'), yearReader('withheld')(1987, 'shop')]).toEqual([null, null])
  })
  test('that there is one is told in a word of its own', () => {
    expect(presence).toBe('present')
    expect(textReader(form('PRESENCE'), hashFor)('Ada', 'shop')).toBe('present')
  })
  test('only what the policy calls matchable is a hash that others can make too', () => {
    expect(textReader(form('HASH'), hashFor)(' A@b.example', 'shop')).toBe('shop|a@b.example')
    expect(textReader(form('HASH', true), hashFor)(' A@b.example', 'shop')).toMatch(/^[0-9a-f]{64}$/)
  })
})

test('an attribute whose type or values changed shows nothing of what was stored before', () => {
  const { traits } = shape(['Traits.clothingSize', 'Traits.favouriteColours', 'Traits.newsletterRhythm'], ['data_subject_access'])
  const read = (name: string, value: unknown) => traits.find((trait) => trait.name === name)?.read(value as never, 'account')
  expect([read('clothingSize', 'M'), read('clothingSize', 38), read('clothingSize', ['M']), read('clothingSize', undefined)]).toEqual(['M', null, null, null])
  expect([read('favouriteColours', ['red']), read('favouriteColours', ['red', 7]), read('favouriteColours', 'red')]).toEqual([['red'], null, null])
  expect([read('newsletterRhythm', 'WEEKLY'), read('newsletterRhythm', 'DAILY')]).toEqual(['WEEKLY', null])
})

describe('what is unreadable is no yes', () => {
  const always = builtInPurposes | demoPolicy.maskOf(['order_processing'])

  // The store promises an object; a row that was damaged does not keep promises.
  test.each([undefined, null, 'granted', 7, true])('decisions that are none (%s) leave contract and the law, and no interest of the shop', (decisions) => {
    const row = { ...customer(), decisions } as never
    expect(basisOf(row, demoPolicy, now.getTime())).toBe(always)
    const purpose = demoPolicy.purpose('email_marketing') ?? null
    if (decisions === undefined) expect(reasonOf(purpose, row, false)).toBe('CONSENT_MISSING')
  })

  test('one decision that is none closes its purpose', () => {
    const row = { ...customer(), decisions: { fraud_prevention: null, email_marketing: null } } as never
    expect(basisOf(row, demoPolicy, now.getTime())).toBe(always)
  })

  test('a yes to an interest of the shop is no objection', () => {
    const decisions = { fraud_prevention: { state: 'granted' as const, textVersion: '2026-01', at: now } }
    expect(basisOf(customer({ decisions }), demoPolicy, now.getTime())).toBe(always | demoPolicy.maskOf(['fraud_prevention']))
  })

  test('a hash for Google alone is a form of its own, between the one for everybody and the keyed one', () => {
    const google = ({ coverage }: Purpose) => coverage.map((one) => ({ ...one, matchable: one.matchable && ('google' as const) }))
    const policy = { ...demoPolicy, purposes: demoPolicy.purposes.map((one) => ({ ...one, coverage: google(one) })) }
    const { widestFirst } = masksOf({ category: 'user.contact.email', type: 'String', list: false }, policy)
    expect(widestFirst.slice(1)).toEqual([
      { form: 'HASH', matchable: 'google', mask: demoPolicy.maskOf(['personalised_ads']) },
      { form: 'HASH', matchable: false, mask: demoPolicy.maskOf(['fraud_prevention']) },
    ])
  })

  test('a field has masks for the forms that it can take and that somebody covers, the widest first', () => {
    const email = masksOf({ category: 'user.contact.email', type: 'String', list: false }, demoPolicy)
    expect(email.widestFirst.map(({ form, matchable }) => `${form} ${matchable}`)).toEqual(['FULL false', 'HASH true', 'HASH false'])
    const year = masksOf({ category: 'user.demographic', type: 'Int', list: false }, demoPolicy)
    expect(year.widestFirst.map(({ form, matchable }) => `${form} ${matchable}`)).toEqual(['FULL false', 'BAND false'])
    for (const { mask } of [...email.widestFirst, ...year.widestFirst]) expect(mask).not.toBe(0)
  })
})
