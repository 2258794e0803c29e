import * as fc from 'fast-check'
import { getOperationAST, Kind, parse, validate, visit, type FieldNode } from 'graphql'
import { describe, expect, test } from 'vitest'
import { planOf } from '../../src/consent/plan.ts'
import { classification, schema } from './fixture.ts'

/** The fields planned for the first field node of that response name. */
function planned(query: string, at: string, variables: Record<string, unknown> = {}): string[] {
  const document = parse(query)
  expect(validate(schema, document)).toEqual([])
  const operation = getOperationAST(document)
  const nodes: FieldNode[] = []
  visit(document, { [Kind.FIELD]: (node) => void ((node.alias?.value ?? node.name.value) === at && nodes.push(node)) })
  if (!operation) throw new Error('no operation')
  const plan = planOf({ schema, classification, document, operation, variables })
  return plan
    .siteOf(nodes.slice(0, 1))
    .fields.map(({ coordinate }) => coordinate)
    .sort()
}

const leaves = [
  'email',
  'givenName',
  'birthYear',
  'postcode',
  'traits { clothingSize }',
  'traits { newsletterRhythm }',
  'identities { id email }',
  'consents { state }',
]
const coordinateOf = (leaf: string): string[] => (leaf.startsWith('traits') ? [`Traits.${leaf.slice(9, -2)}`] : [`Customer.${leaf.split(' ')[0]}`])

describe('the fields of an operation', () => {
  test('A1, A2: aliases and fragments, however nested, select the same', () => {
    const shape = fc.constantFrom('plain', 'alias', 'inline', 'typed', 'fragment', 'twice', 'deep')
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...leaves), shape), { minLength: 1, maxLength: 12 }), (parts) => {
        const fragments: string[] = []
        const selections = parts.map(([leaf, how], i) => {
          if (how === 'alias') return `a${i}: ${leaf}`
          if (how === 'inline') return `... { ${leaf} }`
          if (how === 'typed') return `... on Customer { ...  on Customer { ${leaf} } }`
          if (how === 'plain') return leaf
          fragments.push(`fragment F${i} on Customer { ${leaf} }`)
          if (how === 'twice') return `...F${i} ...F${i}`
          if (how === 'fragment') return `...F${i}`
          fragments.push(`fragment G${i} on Customer { ... @include(if: true) { ...F${i} } }`)
          return `...G${i}`
        })
        expect(planned(`{ me { ${selections.join(' ')} } } ${fragments.join(' ')}`, 'me')).toEqual(
          [...new Set(parts.flatMap(([leaf]) => coordinateOf(leaf)))].sort(),
        )
      }),
    )
  })

  test('A5: every road to a customer is a site: lists, mutations, entities, other people’s eyes', () => {
    expect(planned('{ customers { edges { node { email } } totalCount } }', 'customers')).toEqual(['Customer.email'])
    expect(planned('{ customers { edges { node { email } } totalCount } }', 'node')).toEqual(['Customer.email'])
    expect(planned('mutation { updateProfile { birthYear } }', 'updateProfile')).toEqual(['Customer.birthYear'])
    expect(planned('{ _entities { ... on Customer { email } ... on Parcel { number } } }', '_entities')).toEqual(['Customer.email'])
    expect(planned('{ _entities { ... on _Entity { ... on Customer { country } } } }', '_entities')).toEqual(['Customer.country'])
  })

  test('what another client sees is a site of its own', () => {
    const query = '{ me { email seenBy(clientId: "ads") { customer { birthYear traits { clothingSize } } } } }'
    expect(planned(query, 'me')).toEqual(['Customer.email', 'Customer.seenBy'])
    expect(planned(query, 'customer')).toEqual(['Customer.birthYear', 'Traits.clothingSize'])
    expect(planned(query, 'seenBy')).toEqual(['Customer.birthYear', 'Traits.clothingSize'])
  })

  test('selections that the executor merges are one site', () => {
    expect(planned('{ me { email } ...F } fragment F on Query { me { birthYear } }', 'me')).toEqual(['Customer.birthYear', 'Customer.email'])
    expect(planned('{ me { email } you: me { birthYear } }', 'me')).toEqual(['Customer.email'])
  })

  test('a selection that is merged differently in two places is planned for both', () => {
    const twice = 'fragment F on Customer { seenBy(clientId: "x") { customer { email } } }'
    const merged = 'me { ...F seenBy(clientId: "x") { customer { country } } }'
    for (const order of [`${merged} you: me { ...F }`, `you: me { ...F } ${merged}`])
      expect(planned(`${twice} { ${order} }`, 'customer')).toEqual(['Customer.country', 'Customer.email'])
  })

  test('A13: what is skipped is not planned, by the values of this request', () => {
    const query = 'query ($yes: Boolean!) { me { email @include(if: $yes) ... @skip(if: $yes) { birthYear } country @skip(if: true) } }'
    expect(planned(query, 'me', { yes: true })).toEqual(['Customer.email'])
    expect(planned(query, 'me', { yes: false })).toEqual(['Customer.birthYear'])
  })

  test('an id and a type name need nothing', () => expect(planned('{ me { id __typename } }', 'me')).toEqual([]))

  test('reads only what is planned: traits one by one, and what permission hangs on', () => {
    const document = parse('{ me { postcode traits { clothingSize } consents { state } } }')
    const operation = getOperationAST(document)
    const me = operation?.selectionSet.selections[0]
    if (!operation || me?.kind !== Kind.FIELD) throw new Error('no field')
    expect(Object.keys(planOf({ schema, classification, document, operation, variables: {} }).siteOf([me]).projection).sort()).toEqual(
      ['postcode', 'traits.clothingSize', 'state', 'decisions', 'restricted', 'tokensValidFrom', 'endedGrants', 'consentVersion'].sort(),
    )
  })
})

describe('queries made to exhaust', () => {
  const chain = (levels: number, body: (next: string) => string) =>
    Array.from({ length: levels }, (_, i) => `fragment F${i} on Customer { ${i + 1 < levels ? body(`...F${i + 1}`) : 'email'} }`).join(' ')
  const plan = (query: string) => {
    const document = parse(query)
    const operation = getOperationAST(document)
    if (!operation) throw new Error('no operation')
    const start = performance.now()
    planOf({ schema, classification, document, operation, variables: {} })
    return performance.now() - start
  }

  test('E08: fragments that spread fragments twice are walked once', () =>
    expect(plan(`{ me { ...F0 } } ${chain(200, (next) => `${next} ${next}`)}`)).toBeLessThan(1_000))

  test('E07: fields that double at each level are walked once', () => {
    const twice = (next: string) => `a: seenBy(clientId: "x") { customer { ${next} } } b: seenBy(clientId: "y") { customer { ${next} } }`
    expect(plan(`{ me { ...F0 } } ${chain(100, twice)}`)).toBeLessThan(1_000)
  })

  test('E06: a cycle of fragments ends', () =>
    expect(plan('{ me { ...A } } fragment A on Customer { seenBy(clientId: "x") { customer { ...B } } } fragment B on Customer { ...A }')).toBeLessThan(1_000))

  test('merged selections that remember their way are refused, not followed', () => {
    const levels = 14
    const field = (alias: string, inside: string) => `${alias}: seenBy(clientId: "${alias}") { customer { ${inside} } }`
    const both = (inside: string) => `${field('a', inside)} ${field('b', inside)}`
    const memory = (bit: number, way: string) =>
      Array.from(
        { length: levels - bit },
        (_, i) => `fragment M${bit}${way}${i} on Customer { ${i + 1 < levels - bit ? both(`...M${bit}${way}${i + 1}`) : 'email'} }`,
      )
    const main = Array.from(
      { length: levels },
      (_, i) =>
        `fragment F${i} on Customer { ${field('a', i + 1 < levels ? `...F${i + 1} ...M${i}l0` : 'email')} ${field('b', i + 1 < levels ? `...F${i + 1} ...M${i}r0` : 'email')} }`,
    )
    const query = `{ me { ...F0 } } ${main.join(' ')} ${Array.from({ length: levels }, (_, i) => [...memory(i, 'l'), ...memory(i, 'r')].join(' ')).join(' ')}`
    expect(() => plan(query)).toThrow(expect.objectContaining({ code: 'QUERY_TOO_COSTLY' }))
  })
})
