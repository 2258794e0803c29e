import {
  getNamedType,
  isAbstractType,
  isObjectType,
  Kind,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql'
import { EntenteError } from '../errors.ts'
import { reachableFrom, type Classification, type ClassifiedField } from './classification.ts'
import { siteWith, type Site } from './site.ts'

export interface PlanParts {
  readonly schema: GraphQLSchema
  readonly classification: Classification
  readonly document: DocumentNode
  readonly operation: OperationDefinitionNode
  /** Only the values of variables in `@skip` and `@include` matter. */
  readonly variables: Readonly<Record<string, unknown>>
}

/** Which personal fields an operation selects, and where: made once, kept with the compiled query. */
export interface Plan {
  /**
   * The site of a field (`info.fieldNodes`): the customers that it returns or leads to, such as those below `customers { edges { node } }`.
   * A field that the plan does not know has a site without fields, so nothing is read for it.
   */
  readonly siteOf: (nodes: readonly FieldNode[]) => Site
}

/** Many merged selections of one field count once each; an operation with more of them is no honest one. */
const mostPlaces = 1_000

/** Works like the executor's collection of fields (GraphQL, 6.3.2), so aliases, fragments and merged selections make no difference. QUERY_TOO_COSTLY */
export function planOf(parts: PlanParts): Plan {
  const walk = walker(parts)
  const root = parts.schema.getRootType(parts.operation.operation)
  if (root) walk.below(root, [parts.operation])
  const sites = new Map([...walk.found].map(([node, fields]) => [node, siteWith([...fields.values()])]))
  const nothing = siteWith([])
  return { siteOf: (nodes) => sites.get(nodes.find((node) => sites.has(node)) ?? noNode) ?? nothing }
}

const noNode: FieldNode = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: '' } }

type Fields = ReadonlyMap<string, ClassifiedField>
type Selecting = FieldNode | OperationDefinitionNode

function walker({ schema, classification, document, variables }: PlanParts) {
  const collect = collector(schema, document, variables)
  const numbers = new Map<Selecting, number>()
  const numberOf = (node: Selecting) => numbers.get(node) ?? (numbers.set(node, numbers.size), numbers.size - 1)
  const places = new Map<string, Fields>()
  const customer = schema.getType('Customer')
  const found = new Map<FieldNode, Map<string, ClassifiedField>>()
  const leads = new Map<GraphQLNamedType, boolean>()

  /** Below a customer, traits and identities are the same person's data; what leads to another customer is a read of its own. */
  function leadsOn(type: GraphQLNamedType): boolean {
    const known = leads.get(type) ?? (isObjectType(customer) && reachableFrom(type).has(customer))
    leads.set(type, known)
    return known
  }

  /** The nearest customers' fields below these selections of one field, and on the way the sites of all that lie deeper. */
  function below(type: GraphQLNamedType, nodes: readonly Selecting[]): Fields {
    const fields = new Map<string, ClassifiedField>()
    for (const possible of objectTypes(schema, type)) for (const [name, field] of place(possible, nodes)) fields.set(name, field)
    for (const node of nodes) if (node.kind === Kind.FIELD) addTo(found, node, fields)
    return fields
  }

  function place(type: GraphQLObjectType, nodes: readonly Selecting[]): Fields {
    const key = `${type.name} ${nodes.map(numberOf).join()}`
    const known = places.get(key)
    if (known) return known
    if (places.size >= mostPlaces) throw new EntenteError('QUERY_TOO_COSTLY', { why: 'places' })
    const fields = new Map<string, ClassifiedField>()
    places.set(key, fields)
    for (const selected of collect(type, nodes).values()) {
      const name = selected[0]?.name.value ?? ''
      const definition = type.getFields()[name]
      if (!definition) continue
      const classified = classification.get(`${type.name}.${name}`)
      if (classified) fields.set(classified.coordinate, classified)
      const result = getNamedType(definition.type)
      const deeper = below(result, selected)
      if (!(type === customer && leadsOn(result))) for (const [coordinate, field] of deeper) fields.set(coordinate, field)
    }
    return fields
  }

  return { found, below }
}

function addTo(found: Map<FieldNode, Map<string, ClassifiedField>>, node: FieldNode, fields: Fields): void {
  const before = found.get(node)
  if (!before) found.set(node, new Map(fields))
  else for (const [coordinate, field] of fields) before.set(coordinate, field)
}

const objectTypes = (schema: GraphQLSchema, type: GraphQLNamedType): readonly GraphQLObjectType[] =>
  isObjectType(type) ? [type] : isAbstractType(type) ? schema.getPossibleTypes(type) : []

/** Selected fields by response name, as for an object of that type. Each fragment counts once, so spreads of spreads cost nothing. */
function collector(schema: GraphQLSchema, document: DocumentNode, variables: Readonly<Record<string, unknown>>) {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const definition of document.definitions) if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition)

  const applies = (condition: string | undefined, type: GraphQLObjectType): boolean => {
    if (condition === undefined || condition === type.name) return true
    const wanted = schema.getType(condition)
    return isAbstractType(wanted) && schema.isSubType(wanted, type)
  }

  return (type: GraphQLObjectType, nodes: readonly Selecting[]): ReadonlyMap<string, FieldNode[]> => {
    const groups = new Map<string, FieldNode[]>()
    const visited = new Set<string>()
    const take = (set: SelectionSetNode | undefined): void => {
      for (const selection of set?.selections ?? []) {
        if (!isIncluded(selection, variables)) continue
        if (selection.kind === Kind.FIELD) {
          const name = selection.alias?.value ?? selection.name.value
          const group = groups.get(name)
          if (!group) groups.set(name, [selection])
          else if (!group.includes(selection)) group.push(selection)
        } else if (selection.kind === Kind.INLINE_FRAGMENT) {
          if (applies(selection.typeCondition?.name.value, type)) take(selection.selectionSet)
        } else if (!visited.has(selection.name.value)) {
          visited.add(selection.name.value)
          const fragment = fragments.get(selection.name.value)
          if (fragment && applies(fragment.typeCondition.name.value, type)) take(fragment.selectionSet)
        }
      }
    }
    for (const node of nodes) take(node.selectionSet)
    return groups
  }
}

function isIncluded(selection: SelectionNode, variables: Readonly<Record<string, unknown>>): boolean {
  return (selection.directives ?? []).every(({ name, arguments: args }) => {
    if (name.value !== 'skip' && name.value !== 'include') return true
    const value = args?.[0]?.value
    const on = value?.kind === Kind.VARIABLE ? variables[value.name.value] === true : value?.kind === Kind.BOOLEAN && value.value
    return name.value === 'include' ? on : !on
  })
}
