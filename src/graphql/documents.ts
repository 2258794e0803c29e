import {
  getNamedType,
  getOperationAST,
  GraphQLError,
  isEnumType,
  Kind,
  NoSchemaIntrospectionCustomRule,
  parse,
  TypeInfo,
  validate,
  visit,
  visitWithTypeInfo,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type VariableDefinitionNode,
} from 'graphql'
import { compileQuery, isCompiledQuery, type CompiledQuery } from 'graphql-jit'
import { LRUCache } from 'lru-cache'
import { createHash } from 'node:crypto'
import type { Plan } from '../consent/plan.ts'
import { EntenteError } from '../errors.ts'
import { costOf, type Cost } from './cost.ts'
import { limitDocument, limitText } from './limits.ts'
import { checkLiterals } from './values.ts'

/** A query that was parsed, limited, validated and compiled: all that does not depend on who asks and with which variables. */
export interface Prepared {
  readonly document: DocumentNode
  readonly operation: OperationDefinitionNode
  readonly cost: Cost
  /** Introspection or `_service`: for trusted callers only. */
  readonly asksSchema: boolean
  readonly run: CompiledQuery['query']
  /** Kept here so that they go when the query goes; by the values of `switches`. */
  readonly plans: Map<string, Plan>
  /** Variables that stand in `@skip` and `@include`: the only ones that change which fields are selected. */
  readonly switches: readonly string[]
  /** How many logins it starts or finishes. */
  readonly logins: number
}

/** A text that is not a query of this schema: the first error as graphql-js words it, which is for trusted callers only. */
export interface Invalid {
  readonly invalid: GraphQLError
}

export type PreparedDocuments = ReturnType<typeof preparedDocuments>

/**
 * Queries by the hash of their text and the operation's name. Strangers choose the queries, so the number and the size of what is kept
 * are bounded; what is invalid is not kept.
 */
export function preparedDocuments(schema: GraphQLSchema) {
  const kept = new LRUCache<string, Prepared>({ max: 1_000, maxSize: 8 * 1024 * 1024, sizeCalculation: (_, key) => key.length })
  const byHash = new LRUCache<string, DocumentNode>({ max: 1_000 })

  return {
    /** Fails with QUERY_TOO_COSTLY or BAD_USER_INPUT. */
    prepare(source: string, operationName: string | undefined): Prepared | Invalid {
      const key = `${operationName ?? ''}\n${source}`
      const before = kept.get(key)
      if (before) return before
      const made = prepare(schema, source, operationName)
      if ('invalid' in made) return made
      kept.set(key, made)
      byHash.set(createHash('sha256').update(source).digest('hex'), made.document)
      return made
    },
    /** The parsed text, by its SHA-256 in hexadecimal. */
    parsed: (hash: string): DocumentNode | undefined => byHash.get(hash),
  }
}

function prepare(schema: GraphQLSchema, source: string, operationName: string | undefined): Prepared | Invalid {
  limitText(source)
  const document = read(source)
  if ('invalid' in document) return document
  limitDocument(document)
  checkLiterals(document)
  const [invalid] = validate(schema, document, undefined, { maxErrors: 1 })
  if (invalid) return { invalid }
  const operation = getOperationAST(document, operationName)
  if (!operation || !schema.getRootType(operation.operation)) throw new EntenteError('BAD_USER_INPUT', { why: 'operation' })
  const compiled = compileQuery(schema, withoutCoercion(document), operation.name?.value, {
    disablingCapturingStackErrors: true,
    disableLeafSerialization: leavesAreAsGiven(schema, document),
    useExperimentalPathBasedSkipInclude: true,
  })
  if (!isCompiledQuery(compiled)) throw new EntenteError('INTERNAL_SERVER_ERROR', { why: 'not compiled' }, {}, compiled.errors?.[0])
  return {
    document,
    operation,
    cost: costOf(schema, document, operation),
    asksSchema: validate(schema, document, [NoSchemaIntrospectionCustomRule]).length > 0 || selections(document, ['_service']) > 0,
    run: compiled.query,
    plans: new Map(),
    switches: switchesOf(document),
    logins: selections(document, ['startLogin', 'completeLogin', 'loginWithIdToken', 'refreshTokens']),
  }
}

/**
 * Whether what resolvers give is what the answer says, for all but scalars of our own, so that nobody need go through it once more: only
 * enums may be called otherwise inside the house. Views hold nothing but values of their types.
 */
function leavesAreAsGiven(schema: GraphQLSchema, document: DocumentNode): boolean {
  const info = new TypeInfo(schema)
  let renamed = false
  const look = (): void => {
    const type = getNamedType(info.getType())
    if (isEnumType(type) && type.getValues().some(({ name, value }) => name !== value)) renamed = true
  }
  visit(document, visitWithTypeInfo(info, { [Kind.FIELD]: look }))
  return !renamed
}

/**
 * The same document with variables that are taken as they come, since `pipeline.ts` has coerced them. The compiler would write out a parser
 * for each: for `CustomerFilter`, which contains itself, that takes a minute and never ends well. Booleans stay, for `@skip`.
 */
function withoutCoercion(document: DocumentNode): DocumentNode {
  const definitions = document.definitions.map((definition) => {
    if (definition.kind !== Kind.OPERATION_DEFINITION) return definition
    return { ...definition, variableDefinitions: (definition.variableDefinitions ?? []).map(asItComes) }
  })
  return { ...document, definitions }
}

function asItComes(variable: VariableDefinitionNode): VariableDefinitionNode {
  const type = variable.type.kind === Kind.NON_NULL_TYPE ? variable.type.type : variable.type
  if (type.kind === Kind.NAMED_TYPE && type.name.value === 'Boolean') return variable
  return { kind: variable.kind, variable: variable.variable, type: { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: '_Any' } } }
}

function read(source: string): DocumentNode | Invalid {
  try {
    return parse(source)
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error
    return { invalid: error }
  }
}

function selections(document: DocumentNode, names: readonly string[]): number {
  let found = 0
  visit(document, { [Kind.FIELD]: (node) => void (names.includes(node.name.value) && found++) })
  return found
}

function switchesOf(document: DocumentNode): string[] {
  const names = new Set<string>()
  visit(document, {
    [Kind.DIRECTIVE]: (node) => {
      const value = node.arguments?.[0]?.value
      if (value?.kind === Kind.VARIABLE) names.add(value.name.value)
    },
  })
  return [...names].sort()
}
