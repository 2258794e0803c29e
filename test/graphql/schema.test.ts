import { isObjectType, parse, print, visit } from 'graphql'
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { dataSubjectAccess, readPolicy } from '../../src/config/policy.ts'
import { classify } from '../../src/consent/classification.ts'
import { buildEntenteSchema } from '../../src/graphql/schema.ts'

const file = new URL('../../schema/entente.graphql', import.meta.url)
const policyFile = new URL('../../demo/policy.yaml', import.meta.url)
const policy = readPolicy(readFileSync(policyFile, 'utf8'), 'demo/policy.yaml')
const { schema, classification, sdl } = buildEntenteSchema(policy)

test('the schema file is what the code makes', () => {
  if (process.env['ENTENTE_WRITE_SCHEMA'] === '1') writeFileSync(file, sdl)
  expect(inOrder(readFileSync(file, 'utf8'))).toBe(inOrder(sdl))
})

/** Fields come in the order in which their classes were loaded, which other tests of the same process may have changed. */
function inOrder(text: string): string {
  const byName = <T extends { readonly name: { readonly value: string } }>(nodes: readonly T[] = []): T[] =>
    nodes.toSorted((a, b) => (a.name.value < b.name.value ? -1 : 1))
  const sorted = visit(parse(text), {
    ObjectTypeDefinition: (type) => ({ ...type, fields: byName(type.fields) }),
    InputObjectTypeDefinition: (type) => ({ ...type, fields: byName(type.fields) }),
  })
  return sorted.definitions
    .map((definition) => print(definition))
    .toSorted()
    .join('\n\n')
}

describe('customer-owned types', () => {
  test('A22 plain fields have no resolver of their own, so nothing can stand beside the gate', () => {
    const withResolver = [
      'Customer.accessLog',
      'Customer.sources',
      'Customer.interestsOff',
      'Customer.seenBy',
      'Customer.sessions',
      'Customer.merges',
      'Customer.erasure',
      'Customer.factors',
      'Customer.devices',
      'Customer.alert',
      'Customer.exports',
      'Customer.affinities',
      'Customer.segments',
      'Customer.recommendationContext',
    ]
    for (const name of [
      'Customer',
      'Traits',
      'Identity',
      'Consent',
      'CustomerView',
      'FieldAccess',
      'Session',
      'Device',
      'AccountAlert',
      'Merge',
      'ErasureReceipt',
      'KeptData',
      'Factor',
      'DataExport',
      'Affinity',
      'Segment',
      'RecommendationContext',
      'RecommendationFeature',
    ]) {
      const type = schema.getType(name)
      if (!isObjectType(type)) throw new Error(`${name} is no object type`)
      for (const field of Object.values(type.getFields()))
        expect([`${name}.${field.name}`, field.resolve !== undefined]).toEqual([`${name}.${field.name}`, withResolver.includes(`${name}.${field.name}`)])
    }
  })

  test('what is for the person alone is opened by no purpose, however much it covers', () => {
    const wide = {
      ...policy,
      purposes: policy.purposes.map((purpose) => ({ ...purpose, coverage: [{ category: 'user', form: 'FULL' as const, matchable: false }] })),
    }
    const customer = schema.getType('Customer')
    if (!isObjectType(customer)) throw new Error('no object type')
    const forThePerson = Object.values(customer.getFields()).filter(({ description }) => description?.includes('For the person only'))
    expect(forThePerson.length).toBeGreaterThan(8)
    const classified = buildEntenteSchema(wide).classification
    expect(classified.get('Customer.email')?.masks.any).not.toBe(dataSubjectAccess)
    for (const { name } of forThePerson) expect([name, classified.get(`Customer.${name}`)?.masks.any]).toEqual([name, dataSubjectAccess])
  })

  test('each attribute of the policy is a typed and classified field', () => {
    for (const { name, category } of policy.attributes) expect(classification.get(`Traits.${name}`)?.category).toBe(category)
  })

  test('what is derived does not build unless it names all that it is made from', () => {
    const { schema, classification } = buildEntenteSchema(policy)
    const more = {
      ...policy,
      computed: policy.computed.map((one) => ({ ...one, from: [...one.from, 'user.financial'] })),
      affinities: policy.affinities.map((one) => ({ ...one, from: [...one.from, 'user.location'] })),
    }
    expect(() => classify(schema, more)).toThrow(/Traits.ordersLastYear is @derived from less than it is made from: user.financial is missing/)
    expect(() => classify(schema, more)).toThrow(/Customer.affinities is @derived from less than it is made from: user.location is missing/)
    expect(() => classify(schema, { ...policy, computed: [] })).toThrow(/Traits.ordersLastYear is @derived, but the policy derives nothing there/)
    const undeclared = { ...policy, computed: policy.computed.map((one) => ({ ...one, name: 'clothingSize' })) }
    expect(() => classify(schema, undeclared)).toThrow(/Traits.clothingSize is derived, but not @derived/)
    expect(policy.namesOf(classification.get('Traits.ordersLastYear')?.masks.any ?? 0)).toEqual(['data_subject_access', 'personalised_shop', 'email_marketing'])
  })

  test('a policy without attributes has no traits', () => {
    const bare = buildEntenteSchema({ ...policy, attributes: [], computed: [] })
    expect(bare.sdl).not.toContain('Traits')
  })
})

test('every mutation asks whether the token still counts', () => {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) expect(field.resolve?.toString()).toContain('requireLive')
})
