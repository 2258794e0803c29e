import {
  getNamedType,
  isAbstractType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type DocumentNode,
  type FieldNode,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLOutputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql'
import { EntenteError } from '../errors.ts'
import { tooCostly } from './limits.ts'

type Variables = Readonly<Record<string, unknown>>

/** What an operation may cost with these variables; a plain number where no variable matters. */
export type Cost = number | ((variables: Variables) => number)

/** A page of 1,000 customers with a dozen fields passes. */
const limit = 20_000
const longestPage = 1_000
/** Lists without a size argument are those of one customer: logins, decisions. */
const assumedLength = 4
/** Fields that cost reads of their own. */
const ownReads: Readonly<Record<string, number>> = {
  accessLog: 25,
  seenBy: 25,
  factors: 5,
  sessions: 25,
  devices: 25,
  auditEvents: 25,
  loginFunnel: 25,
  nextQuestion: 25,
  sources: 5,
  interestsOff: 5,
  customers: 25,
  audience: 25,
}

/**
 * Works the cost of an operation out once, so that a request only puts its variables in. Lists multiply what is selected below them;
 * nested lists are a product. Nothing stored is looked at, so the answer is the same whatever exists.
 */
export function costOf(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode): Cost {
  const fragments = new Map<string, SelectionSetNode>()
  for (const one of document.definitions) {
    if (one.kind === Kind.FRAGMENT_DEFINITION) fragments.set(one.name.value, one.selectionSet)
  }
  const root = schema.getRootType(operation.operation)
  return root ? ofSet(root, operation.selectionSet, false) : 0

  /** `counted`: directly below a field that says its length, whose list of edges is that very list. */
  function ofSet(type: GraphQLOutputType, set: SelectionSetNode, counted: boolean): Cost {
    return set.selections
      .map((selection): Cost => {
        if (selection.kind === Kind.FRAGMENT_SPREAD) {
          const inner = fragments.get(selection.name.value)
          return inner ? ofSet(type, inner, counted) : 0
        }
        if (selection.kind === Kind.INLINE_FRAGMENT) return ofSet(type, selection.selectionSet, counted)
        return ofField(type, selection, counted)
      })
      .reduce(sum, 0)
  }

  function ofField(parent: GraphQLOutputType, node: FieldNode, counted: boolean): Cost {
    const field = fieldNamed(schema, parent, node.name.value)
    const own = ownReads[node.name.value] ?? 1
    if (!field || !node.selectionSet) return own
    const sized = sizeOf(field)
    const length = sized ? lengthOf(sized, node) : isList(field.type) && !counted ? assumedLength : 1
    return sum(own, times(length, ofSet(getNamedType(field.type), node.selectionSet, sized !== undefined)))
  }
}

/** QUERY_TOO_COSTLY, without saying how much it was or may be; BAD_USER_INPUT for a page of no length. */
export function limitCost(cost: Cost, variables: Variables): void {
  if ((typeof cost === 'number' ? cost : cost(variables)) > limit) throw tooCostly('cost')
}

const sizeOf = (field: GraphQLField<unknown, unknown>): GraphQLArgument | undefined =>
  field.args.find((argument) => argument.name === 'first' || argument.name === 'representations')

function lengthOf(sized: GraphQLArgument, node: FieldNode): Cost {
  const given = node.arguments?.find((argument) => argument.name.value === sized.name)?.value
  if (given?.kind === Kind.VARIABLE) {
    const name = given.name.value
    return (variables) => length(name in variables ? variables[name] : sized.defaultValue)
  }
  if (given?.kind === Kind.LIST) return length(given.values)
  return length(given?.kind === Kind.INT ? Number(given.value) : sized.defaultValue)
}

function length(value: unknown): number {
  if (value === null || value === undefined) return 1
  const many = Array.isArray(value) ? value.length : value
  if (typeof many !== 'number' || (many < 1 && !Array.isArray(value))) throw new EntenteError('BAD_USER_INPUT', { argument: 'first' })
  if (many > longestPage) throw tooCostly('first')
  return many
}

/** On an abstract type every possible type is asked, since `_entities` may return any of them. */
function fieldNamed(schema: GraphQLSchema, type: GraphQLOutputType, name: string): GraphQLField<unknown, unknown> | undefined {
  if (isAbstractType(type)) {
    return schema
      .getPossibleTypes(type)
      .map((possible) => possible.getFields()[name])
      .find((field) => field !== undefined)
  }
  return isObjectType(type) ? type.getFields()[name] : undefined
}

const isList = (type: GraphQLOutputType): boolean => isListType(isNonNullType(type) ? type.ofType : type)

function sum(a: Cost, b: Cost): Cost {
  if (typeof a === 'number' && typeof b === 'number') return a + b
  return (variables) => at(a, variables) + at(b, variables)
}

function times(a: Cost, b: Cost): Cost {
  if (typeof a === 'number' && typeof b === 'number') return a * b
  return (variables) => at(a, variables) * at(b, variables)
}

const at = (cost: Cost, variables: Variables): number => (typeof cost === 'number' ? cost : cost(variables))
