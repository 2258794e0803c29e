import * as fc from 'fast-check'
import {
  buildSchema,
  execute,
  getNamedType,
  getOperationAST,
  isCompositeType,
  isListType,
  isNonNullType,
  isUnionType,
  parse,
  type DocumentNode,
  type FieldNode,
  type GraphQLCompositeType,
  type GraphQLOutputType,
} from 'graphql'
import { expect, test } from 'vitest'
import { classify } from '../../src/consent/classification.ts'
import { planOf } from '../../src/consent/plan.ts'
import { demoPolicy, sdl } from './fixture.ts'

/** The fixture's schema with two interfaces beside the union. */
const schema = buildSchema(
  sdl
    .replace(
      'type Customer {',
      'interface Numbered { id: ID! } interface Named { locale: String @personalData(category: "user.demographic.language") } type Customer implements Named {',
    )
    .replace('type Parcel {', 'type Parcel implements Numbered { id: ID!')
    .replace('type Query {', 'type Query { thing: Numbered!'),
)
const classification = classify(schema, demoPolicy)
const leading = new Set(['Customer', 'CustomerConnection', 'CustomerEdge', 'CustomerView', '_Entity', 'Numbered'])

interface Source {
  readonly type: string
  /** The selections that led from the nearest read of customers to here. */
  readonly way: readonly (readonly FieldNode[])[]
}

/** What the executor itself comes by: fields with personal data, each with the way to its customer. A list has one of each type. */
function executed(document: DocumentNode, variableValues: Record<string, unknown>): { readonly coordinate: string; readonly way: Source['way'] }[] {
  const found: { coordinate: string; way: Source['way'] }[] = []
  const valueOf = (type: GraphQLOutputType, way: Source['way']): unknown => {
    const plain = isNonNullType(type) ? type.ofType : type
    if (isListType(plain)) return isUnionType(getNamedType(plain)) ? ['Customer', 'Parcel'].map((name) => ({ type: name, way })) : [valueOf(plain.ofType, way)]
    return isCompositeType(plain) ? { type: plain.name === 'Numbered' ? 'Parcel' : plain.name, way } : '1'
  }
  const result = execute({
    schema,
    document,
    variableValues,
    rootValue: { type: 'Query', way: [] },
    typeResolver: ({ type }: Source) => type,
    fieldResolver: ({ way }: Source, _, __, { parentType, fieldName, fieldNodes, returnType }) => {
      const coordinate = `${parentType.name}.${fieldName}`
      if (classification.has(coordinate)) found.push({ coordinate, way })
      const isRead = parentType.name === 'Query' || parentType.name === 'Customer'
      return valueOf(returnType, !leading.has(getNamedType(returnType).name) ? way : isRead ? [fieldNodes] : [...way, fieldNodes])
    },
  })
  expect(result).not.toHaveProperty('errors')
  return found
}

const conditions = ['', '', '', '@skip(if: true)', '@skip(if: false)', '@include(if: true)', '@include(if: false)', '@skip(if: $yes)', '@skip(if: $no)']
const more = [
  '@include(if: $yes)',
  '@include(if: $no)',
  '@skip(if: $no) @include(if: $yes)',
  '@skip(if: $no) @include(if: $no)',
  '@include(if: $yes) @skip(if: $yes)',
]

/** Any query: aliases, fragments with and without a type that fits, conditions, fields that are merged. */
function anyQuery(g: fc.GeneratorValue): string {
  const fragments: string[] = []
  const condition = () => g(fc.constantFrom, ...conditions, ...more)
  const several = (type: GraphQLCompositeType, depth: number): string =>
    Array.from({ length: g(fc.integer, { min: 1, max: 4 }) }, () => selection(type, depth)).join(' ')
  const typed = (depth: number) => {
    const name = g(fc.constantFrom, 'Customer', 'Customer', 'Named', 'Numbered', '_Entity', 'Parcel')
    const type = schema.getType(name)
    return `on ${name} ${condition()} { ${isCompositeType(type) ? several(type, depth) : ''} }`
  }
  function selection(type: GraphQLCompositeType, depth: number): string {
    const how = depth === 0 ? 'field' : g(fc.constantFrom, 'field', 'field', 'alias', 'inline', 'typed', 'spread', 'again')
    if (how === 'inline') return `... ${condition()} { ${several(type, depth - 1)} }`
    if (how === 'typed') return `... ${typed(depth - 1)}`
    if (how === 'again' && fragments.length > 0) return `...F${g(fc.nat, fragments.length - 1)} ${condition()}`
    if (how === 'spread') {
      const body = typed(depth - 1).replace(/^(on \w+) .*?\{/, '$1 {')
      return `...F${fragments.push(body) - 1} ${condition()}`
    }
    const fields = isUnionType(type) ? [] : Object.values(type.getFields()).filter((field) => depth > 0 || !isCompositeType(getNamedType(field.type)))
    const field = fields[g(fc.nat, Math.max(0, fields.length - 1))]
    if (field === undefined) return '__typename'
    const { name, args, type: result } = field
    const inside = getNamedType(result)
    const below = isCompositeType(inside) ? `{ ${several(inside, depth - 1)} }` : ''
    const given = args.some((arg) => isNonNullType(arg.type)) ? `(${args.map((arg) => `${arg.name}: "1"`).join(' ')})` : ''
    return `${how === 'alias' ? `other_${name}: ` : ''}${name}${given} ${condition()} ${below}`
  }
  const root = schema.getQueryType()
  const body = root ? several(root, 7) : ''
  return `query ($yes: Boolean!, $no: Boolean!) { ${body} } ${fragments.map((fragment, i) => `fragment F${i} ${fragment}`).join(' ')}`
}

/** The plan and the executor agree: what is come by is planned for every read on the way to it, and nothing else is. */
function agree(query: string): void {
  const variables = { yes: true, no: false }
  const document = parse(query)
  const operation = getOperationAST(document)
  if (!operation) throw new Error('no operation')
  const { siteOf } = planOf({ schema, classification, document, operation, variables })
  const plannedFor = (nodes: readonly FieldNode[]) => siteOf(nodes).fields.map(({ coordinate }) => coordinate)
  const found = executed(document, variables)
  const all = new Set(found.map(({ coordinate }) => coordinate))
  for (const { coordinate, way } of found)
    for (const nodes of way) {
      expect([query, plannedFor(nodes)]).toEqual([query, expect.arrayContaining([coordinate])])
      expect([query, plannedFor(nodes).filter((one) => !all.has(one))]).toEqual([query, []])
    }
}

test('A1, A2, A13: whatever is asked, the fields planned are those that the executor comes by', () =>
  fc.assert(
    fc.property(fc.gen(), (g) => agree(anyQuery(g))),
    { numRuns: 200 },
  ))

test.each([
  ['a type that the customer is not', '{ me { country ... on Numbered { ... on Customer { email } } ... on _Entity { locale } } }'],
  ['a type that nobody knows', '{ me { country ... on Nobody { email } } }'],
  ['a directive that is no condition', '{ me @other(if: true) { country email @other } }'],
  ['a fragment that nobody knows', '{ me { country ...Nothing } }'],
])('and so also for what validation lets nobody ask: %s', (_, query) => agree(query))
