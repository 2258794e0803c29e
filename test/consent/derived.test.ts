import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { includesCategory, knownCategories } from '../../src/config/categories.ts'
import { dataSubjectAccess, readPolicy } from '../../src/config/policy.ts'
import { commonCategory, derivedFields, derivedMasks, openParts } from '../../src/consent/derived.ts'
import { demoPolicy, policyText } from './fixture.ts'

const policy = readPolicy(
  policyText.replace(
    'segments:\n',
    `segments:
  - id: locals
    title: { en: Lives here, de: Wohnt hier }
    purposes: [email_marketing]
    rule: { any: [{ profile: { field: country, op: eq, value: DE } }, { trait: { name: clothingSize, op: eq, value: M } }, { event: { name: Product Added, atLeast: 1 } }] }
`,
  ),
  'policy.yaml',
)
const fields = derivedFields(policy)
const partsAt = (coordinate: string) => fields.get(coordinate) ?? []
const masked = (...ids: string[]) => policy.maskOf(ids)

describe('what is worked out', () => {
  test('stands where the schema has it: traits one by one, the rest together, and all of it where shops ask for a context', () => {
    expect([...fields].map(([coordinate, parts]) => [coordinate, parts.map(({ kind, name }) => `${kind} ${name}`)])).toEqual([
      ['Traits.ordersLastYear', ['computed ordersLastYear']],
      ['Traits.spentLastYear', ['computed spentLastYear']],
      ['Traits.lastBrandBought', ['computed lastBrandBought']],
      ['Traits.favouriteCategories', ['computed favouriteCategories']],
      ['Customer.affinities', ['affinity category', 'affinity brand']],
      ['Customer.segments', ['segment locals', 'segment winter_sport', 'segment regulars', 'segment left_the_basket']],
      ['Customer.recommendationContext', [...fields.values()].slice(0, 6).flatMap((parts) => parts.map(({ kind, name }) => `${kind} ${name}`))],
    ])
  })

  test('names what is read for it, and no more', () => {
    const read = (coordinate: string) => partsAt(coordinate).map(({ name, state, row }) => [name, state, row])
    expect(['orders', 'spent', 'lastBrand', 'favourite'].map((name) => [...fields].find(([at]) => at.includes(name))?.[1][0]?.state)).toEqual([
      ['sums.ordersLastYear'],
      ['sums.spentLastYear'],
      ['marks.lastBrandBought'],
      ['tallies.favouriteCategories'],
    ])
    expect(partsAt('Traits.ordersLastYear')[0]?.row).toEqual([])
    expect(read('Customer.affinities')).toEqual([
      ['category', ['interests.category'], ['interestsOff']],
      ['brand', ['interests.brand'], ['interestsOff']],
    ])
    expect(read('Customer.segments')).toEqual([
      ['locals', ['happened'], ['country', 'traits.clothingSize']],
      ['winter_sport', ['interests.category', 'tallies.favouriteCategories'], ['interestsOff']],
      ['regulars', ['sums.ordersLastYear'], []],
      ['left_the_basket', ['happened'], []],
    ])
  })

  test('is open for the purposes that it is for, each part by itself, and to the person all of it', () => {
    const segments = partsAt('Customer.segments')
    const opened = (...ids: string[]) => openParts(segments, masked(...ids), policy).map(({ part, purposes }) => [part.name, purposes])
    expect(opened('personalised_shop', 'consent_record')).toEqual([
      ['winter_sport', ['personalised_shop']],
      ['regulars', ['personalised_shop']],
    ])
    expect(opened('order_processing', 'consent_record')).toEqual([])
    expect(opened('data_subject_access')).toEqual([
      ['locals', ['email_marketing']],
      ['winter_sport', ['personalised_shop', 'email_marketing']],
      ['regulars', ['personalised_shop', 'email_marketing']],
      ['left_the_basket', ['email_marketing']],
    ])
  })

  test('is never reduced: the whole of it, for whoever is told one of its parts, and for the person', () => {
    const masks = derivedMasks(partsAt('Customer.segments'))
    expect(masks.any).toBe(masked('personalised_shop', 'email_marketing') | dataSubjectAccess)
    expect(masks.widestFirst).toEqual([{ form: 'FULL', matchable: false, mask: masks.any }])
    expect(derivedMasks([]).any).toBe(dataSubjectAccess)
    expect(derivedFields({ ...demoPolicy, computed: [], affinities: [], segments: [] }).get('Customer.recommendationContext')).toEqual([])
  })
})

describe('the category that all lie below', () => {
  test('of none it is behaviour; of one it is itself', () => {
    expect(commonCategory([])).toBe('user.behavior')
    expect(commonCategory(['user.name.first'])).toBe('user.name.first')
    expect(commonCategory(['user.behavior.purchase_history', 'user.behavior.browsing_history'])).toBe('user.behavior')
    expect(commonCategory(['user.name', 'user.name.first'])).toBe('user.name')
    expect(commonCategory(['user.name.first', 'user.name'])).toBe('user.name')
  })

  test('includes each of them, and nothing below it does', () =>
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...knownCategories), { minLength: 1, maxLength: 4 }), (categories) => {
        const includesAll = (broader: string) => categories.every((category) => includesCategory(broader, category))
        expect([...knownCategories].filter(includesAll).sort((a, b) => b.length - a.length)[0]).toBe(commonCategory(categories))
      }),
    ))
})
