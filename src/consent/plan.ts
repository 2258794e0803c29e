import {
  getNamedType,
  isAbstractType,
  isObjectType,
  Kind,
  type DocumentNode,
  type FieldNode,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql'
import { EntenteError } from '../errors.ts'
import { reachableFrom, type Classification, type ClassifiedField } from './classification.ts'
import { collector, type Selecting } from './collect-fields.ts'
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
  const walk = new Walk(parts)
  const root = parts.schema.getRootType(parts.operation.operation)
  if (root) walk.below(root, [parts.operation])
  const sites = new Map([...walk.found].map(([node, fields]) => [node, siteWith([...fields.values()])]))
  const nothing = siteWith([])
  return { siteOf: (nodes) => sites.get(nodes.find((node) => sites.has(node)) ?? noNode) ?? nothing }
}

const noNode: FieldNode = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: '' } }

type Fields = ReadonlyMap<string, ClassifiedField>

/** One run through an operation. Places are memoised by the fields merged there, so what fragments repeat is walked once. */
class Walk {
  readonly found = new Map<FieldNode, Map<string, ClassifiedField>>()
  readonly #places = new Map<string, Fields>()
  readonly #numbers = new Map<Selecting, number>()
  readonly #leads = new Map<GraphQLNamedType, boolean>()
  readonly #parts: PlanParts
  readonly #collect: ReturnType<typeof collector>

  constructor(parts: PlanParts) {
    this.#parts = parts
    this.#collect = collector(parts.schema, parts.document, parts.variables)
  }

  /** The nearest customers' fields below these selections of one field, and on the way the sites of all that lie deeper. */
  below(type: GraphQLNamedType, nodes: readonly Selecting[]): Fields {
    const fields = new Map<string, ClassifiedField>()
    const possible = isObjectType(type) ? [type] : isAbstractType(type) ? this.#parts.schema.getPossibleTypes(type) : []
    for (const one of possible) for (const [coordinate, field] of this.#place(one, nodes)) fields.set(coordinate, field)
    if (possible.length > 0) for (const node of nodes) if (node.kind === Kind.FIELD) this.#addSite(node, fields)
    return fields
  }

  #place(type: GraphQLObjectType, nodes: readonly Selecting[]): Fields {
    const key = `${type.name} ${nodes.map((node) => this.#numberOf(node)).join()}`
    const known = this.#places.get(key)
    if (known) return known
    if (this.#places.size >= mostPlaces) throw new EntenteError('QUERY_TOO_COSTLY', { why: 'places' })
    const fields = new Map<string, ClassifiedField>()
    this.#places.set(key, fields)
    for (const selected of this.#collect(type, nodes).values()) {
      const name = selected[0]?.name.value ?? ''
      const definition = type.getFields()[name]
      if (!definition) continue
      const classified = this.#parts.classification.get(`${type.name}.${name}`)
      if (classified) fields.set(classified.coordinate, classified)
      const result = getNamedType(definition.type)
      const deeper = this.below(result, selected)
      if (type.name !== 'Customer' || !this.#leadsOn(result)) for (const [coordinate, field] of deeper) fields.set(coordinate, field)
    }
    return fields
  }

  /** Below a customer, traits and identities are the same person's data; what leads to another customer is a read of its own. */
  #leadsOn(type: GraphQLNamedType): boolean {
    const known = this.#leads.get(type) ?? [...reachableFrom(type)].some(({ name }) => name === 'Customer')
    this.#leads.set(type, known)
    return known
  }

  #numberOf(node: Selecting): number {
    const number = this.#numbers.get(node) ?? this.#numbers.size
    this.#numbers.set(node, number)
    return number
  }

  /** A node that is merged differently in two places gets what both select. */
  #addSite(node: FieldNode, fields: Fields): void {
    const before = this.found.get(node)
    if (!before) this.found.set(node, new Map(fields))
    else for (const [coordinate, field] of fields) before.set(coordinate, field)
  }
}
