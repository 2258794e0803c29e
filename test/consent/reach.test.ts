import { describe, expect, test } from 'vitest'
import type { ClassifiedField } from '../../src/consent/classification.ts'
import { gateInPlace } from '../../src/consent/reach.ts'
import { receiptOf } from '../../src/consent/receipt.ts'
import { buildEntenteSchema } from '../../src/graphql/schema.ts'
import { caller, customer, demoPolicy as policy, now } from './fixture.ts'

const { classification } = buildEntenteSchema(policy)
const gate = gateInPlace(classification)
const readable = (...purposes: string[]) =>
  [...classification.values()].filter((field) => gate(field, policy.maskOf(purposes)) !== 'withheld').map(({ coordinate }) => coordinate)

describe('what a client can read, by place in the schema', () => {
  test('an address inside a login only where logins are shown', () => {
    const shop = readable('order_processing')
    expect(shop).toContain('Customer.email')
    expect(shop).not.toContain('Customer.identities')
    expect(shop).not.toContain('Identity.email')
    expect(readable('data_subject_access')).toEqual(expect.arrayContaining(['Customer.identities', 'Identity.email']))
  })

  test('attributes, to which nothing personal leads, by their own category', () => {
    expect(readable('personalised_shop')).toContain('Traits.clothingSize')
    expect(readable('personalised_ads')).not.toContain('Traits.clothingSize')
  })

  const field = (parent: string, name: string, type: string, mask: number): ClassifiedField => {
    const masks = { widestFirst: [{ form: 'FULL' as const, matchable: false, mask }], any: mask }
    return { coordinate: `${parent}.${name}`, parent, name, type, list: false, category: 'user', masks }
  }
  const gateAmong = (...fields: readonly ClassifiedField[]) => gateInPlace(new Map(fields.map((one) => [one.coordinate, one])))

  test('one way to a type is enough', () => {
    const email = field('Identity', 'email', 'String', 0b1111)
    const inPlace = gateAmong(field('Customer', 'identities', 'Identity', 0b0100), field('Customer', 'logins', 'Identity', 0b1000), email)
    expect([0b0100, 0b1000, 0b1100].map((may) => inPlace(email, may))).toEqual([1, 2, 3].map(() => email.masks.widestFirst[0]))
    expect(inPlace(email, 0b0001)).toBe('withheld')
  })

  test('what only leads round in a circle is no way', () => {
    const name = field('Household', 'name', 'String', 0b0100)
    const circle = [field('Identity', 'household', 'Household', 0b0100), field('Household', 'logins', 'Identity', 0b0100), name]
    expect(gateAmong(...circle)(name, 0b0100)).toBe('withheld')
    expect(gateAmong(field('Customer', 'household', 'Household', 0b0100), ...circle)(name, 0b0100)).toBe(name.masks.widestFirst[0])
  })

  test('a receipt names each address once', () => {
    const granted = { state: 'granted' as const, textVersion: '2026-01', at: now }
    const decision = { purpose: 'email_marketing', state: granted.state, textVersion: '2026-01', textHash: '', locale: 'en' }
    const entry = { _id: '1', receipt: 'r', at: now, surface: 'account', decisions: [decision], prev: '', hash: '' }
    const clients = [{ id: 'marketing', purposes: policy.maskOf(['email_marketing']) }]
    const recorded = { entry, row: customer(), before: {}, after: { email_marketing: granted } }
    const { opened } = receiptOf(recorded, caller(policy, ['data_subject_access'], { customer: customer()._id }), {
      policy,
      classification,
      clients: () => clients,
    })
    expect(opened.map(({ field }) => field).filter((field) => field.endsWith('.email'))).toEqual(['Customer.email'])
  })
})
