import {
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isSpecifiedScalarType,
  Kind,
  parse,
  printType,
  visit,
  type ASTNode,
  type ConstDirectiveNode,
  type DefinitionNode,
  type DocumentNode,
  type GraphQLSchema,
} from 'graphql'
import type { Policy } from '../config/policy.ts'
import { derivedFields } from '../consent/derived.ts'
import { isTraitPlaceholder, missingTraitTypes, traitDefinitions } from './traits.ts'

const head = parse(`
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])

  "Personal data of that category (Fideslang): null unless a purpose of the token covers it and has a basis."
  directive @personalData(category: String!) on FIELD_DEFINITION

  "Worked out of data of these categories: null unless a purpose of the token covers all of them in full, what was kept was kept for that purpose, and it has a basis."
  directive @derived(from: [String!]!) on FIELD_DEFINITION

  "Says nothing about a person."
  directive @notPersonal on FIELD_DEFINITION | OBJECT
`)

/**
 * The schema as a document: types with their directives (which graphql-js leaves out when it prints), the Federation link, and the types
 * made from the policy. What is enforced is read from the schema built from this very document.
 */
export function typeDefinitions(schema: GraphQLSchema, policy: Policy): DocumentNode {
  const types = Object.values(schema.getTypeMap())
    .filter((type) => !type.name.startsWith('__') && !isSpecifiedScalarType(type))
    .flatMap((type) => parse(printType(type)).definitions)
    .map((definition) => withOrigins(withDirectives(definition, schema), policy))
    .filter((definition) => !isTraitPlaceholder(definition))
  const definitions = [...head.definitions, ...types, ...traitDefinitions(policy)]
  const document: DocumentNode = { kind: Kind.DOCUMENT, definitions }
  return withoutTypes(document, missingTraitTypes(policy))
}

function withDirectives(definition: DefinitionNode, schema: GraphQLSchema): DefinitionNode {
  const name = 'name' in definition ? definition.name?.value : undefined
  const type = name === undefined ? undefined : schema.getType(name)
  if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) return definition
  const fields = type.getFields()
  const annotate = <Node extends ASTNode & { readonly directives?: readonly ConstDirectiveNode[] | undefined }>(
    node: Node,
    from: readonly ConstDirectiveNode[] | undefined,
  ) => (from?.length ? { ...node, directives: [...(node.directives ?? []), ...from] } : undefined)
  return visit(definition, {
    [Kind.OBJECT_TYPE_DEFINITION]: { leave: (node) => annotate(node, type.astNode?.directives) },
    [Kind.FIELD_DEFINITION]: { leave: (node) => annotate(node, fields[node.name.value]?.astNode?.directives) },
  })
}

/** What the policy makes a derived field of stands at the field. */
function withOrigins(definition: DefinitionNode, policy: Policy): DefinitionNode {
  if (definition.kind !== Kind.OBJECT_TYPE_DEFINITION) return definition
  const origins = derivedFields(policy)
  return visit(definition, {
    [Kind.FIELD_DEFINITION]: (node) => {
      const parts = origins.get(`${definition.name.value}.${node.name.value}`)
      return parts && { ...node, directives: [...(node.directives ?? []), derivedFrom([...new Set(parts.flatMap(({ from }) => from))].sort())] }
    },
  })
}

const derivedFrom = (categories: readonly string[]): ConstDirectiveNode => ({
  kind: Kind.DIRECTIVE,
  name: { kind: Kind.NAME, value: 'derived' },
  arguments: [
    {
      kind: Kind.ARGUMENT,
      name: { kind: Kind.NAME, value: 'from' },
      value: { kind: Kind.LIST, values: categories.map((value) => ({ kind: Kind.STRING, value })) },
    },
  ],
})

function withoutTypes(document: DocumentNode, missing: readonly string[]): DocumentNode {
  if (missing.length === 0) return document
  const leads = (node: ASTNode): boolean => node.kind === Kind.NAMED_TYPE && missing.includes(node.name.value)
  return visit(document, {
    [Kind.FIELD_DEFINITION]: (node) => (leads(node.type) ? null : undefined),
    [Kind.INPUT_VALUE_DEFINITION]: (node) => (leads(node.type) ? null : undefined),
  })
}
