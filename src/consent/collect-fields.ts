import {
  isAbstractType,
  Kind,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql'

/** What has a selection set that is executed: a field or the operation itself. */
export type Selecting = FieldNode | OperationDefinitionNode

/** Selected fields by response name, as for an object of that type. Each fragment counts once, so spreads of spreads cost nothing. */
export function collector(schema: GraphQLSchema, document: DocumentNode, variables: Readonly<Record<string, unknown>>) {
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
