import {
  getNamedType,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
  isScalarType,
  type ConstDirectiveNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql'
import { knownCategories, type FieldKind } from '../config/categories.ts'
import { dataSubjectAccess, type Policy } from '../config/policy.ts'
import { commonCategory, derivedFields, derivedMasks, type DerivedPart } from './derived.ts'
import { masksOf, type FieldMasks } from './gate.ts'

/** A field with personal data, by its place in the schema: `Customer.email`. */
export interface ClassifiedField extends FieldKind {
  readonly coordinate: string
  readonly parent: string
  readonly name: string
  readonly masks: FieldMasks
  /** Of a value that is worked out: what it consists of. */
  readonly derived?: readonly DerivedPart[]
}

/** Schema coordinate → what is there. Fields that are declared not personal are absent. */
export type Classification = ReadonlyMap<string, ClassifiedField>

/** About other clients, which is the person's business: no purpose of theirs opens it. */
const personOnly = new Set([
  'Customer.accessLog',
  'Customer.sources',
  'Customer.interestsOff',
  'Customer.alert',
  'Customer.devices',
  'Customer.erasure',
  'Customer.exports',
  'Customer.factors',
  'Customer.merges',
  'Customer.seenBy',
  'Customer.sessions',
])

const closedScalars = new Set(['String', 'Int', 'Float', 'Boolean', 'ID', 'DateTime'])

/**
 * Reads `@personalData(category:)`, `@derived(from:)` and `@notPersonal` off the built schema. Every field of `Customer`, and of the object
 * types that are reached from it, must carry one of them (or its type `@notPersonal`), and what is derived must name all that it is made
 * from; otherwise this throws, naming all that do not.
 */
export function classify(schema: GraphQLSchema, policy: Policy): Classification {
  const fields = new Map<string, ClassifiedField>()
  const problems: string[] = []
  const derivations = derivedFields(policy)
  for (const type of reachableFrom(schema.getType('Customer'))) {
    const exempt = has(type.astNode?.directives, 'notPersonal')
    for (const field of Object.values(type.getFields())) {
      const coordinate = `${type.name}.${field.name}`
      const category = categoryOf(field)
      const parts = derivations.get(coordinate)
      if (parts !== undefined || has(field.astNode?.directives, 'derived')) {
        const from = madeFrom(field)
        problems.push(...misderived(coordinate, from, parts), ...misfits(type, field, coordinate, null))
        const kind = { category: commonCategory(from ?? []), type: 'Derived', list: true }
        fields.set(coordinate, { ...kind, coordinate, parent: type.name, name: field.name, masks: derivedMasks(parts ?? []), derived: parts ?? [] })
      } else if (category !== null) {
        problems.push(...misfits(type, field, coordinate, category))
        const kind = { category, ...kindOf(field) }
        const masks = personOnly.has(coordinate) ? forThePerson : masksOf(kind, policy)
        fields.set(coordinate, { ...kind, coordinate, parent: type.name, name: field.name, masks })
      } else if (!exempt && !has(field.astNode?.directives, 'notPersonal')) problems.push(`${coordinate} is neither @personalData nor @notPersonal`)
    }
  }
  if (problems.length > 0) throw new Error(`The schema is not fully classified:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
  return fields
}

/** An object type and all that a selection below it can reach. */
export function reachableFrom(start: GraphQLNamedType | undefined): ReadonlySet<GraphQLObjectType> {
  const reached = new Set<GraphQLObjectType>()
  const queue = [start]
  for (const type of queue) {
    if (!isObjectType(type) || reached.has(type)) continue
    reached.add(type)
    queue.push(...Object.values(type.getFields()).map((field) => getNamedType(field.type)))
  }
  return reached
}

/** What the directive names must be all of what the value is made from: whoever reads the schema sees what it takes to read the field. */
function misderived(coordinate: string, from: readonly string[] | null, parts: readonly DerivedPart[] | undefined): string[] {
  if (parts === undefined) return [`${coordinate} is @derived, but the policy derives nothing there`]
  if (from === null) return [`${coordinate} is derived, but not @derived`]
  const missing = [...new Set(parts.flatMap((part) => part.from))].filter((category) => !from.includes(category))
  return missing.length === 0 ? [] : [`${coordinate} is @derived from less than it is made from: ${missing.join(', ')} is missing`]
}

const forThePerson: FieldMasks = { widestFirst: [{ form: 'FULL', matchable: false, mask: dataSubjectAccess }], any: dataSubjectAccess }

function misfits(type: GraphQLObjectType, field: GraphQLField<unknown, unknown>, coordinate: string, category: string | null): string[] {
  const named = getNamedType(field.type)
  const elsewhere = type.getInterfaces().flatMap((one) => Object.entries(one.getFields()))
  return [
    category === null || knownCategories.has(category) ? [] : `${coordinate}: ${category} is not a known category`,
    isNonNullType(field.type) ? `${coordinate} must be nullable: withholding it would take its siblings along` : [],
    isScalarType(named) && !closedScalars.has(named.name) ? `${coordinate} has an open type: what is inside cannot be classified` : [],
    elsewhere.some(([name, other]) => name === field.name && directiveCategory(other.astNode?.directives) !== category)
      ? `${coordinate} has another category on an interface`
      : [],
  ].flat()
}

function kindOf(field: GraphQLField<unknown, unknown>): { readonly type: string; readonly list: boolean } {
  const nullable = isNonNullType(field.type) ? field.type.ofType : field.type
  const named = getNamedType(field.type)
  return { type: isEnumType(named) ? 'Enum' : named.name, list: isListType(nullable) }
}

function madeFrom(field: GraphQLField<unknown, unknown>): string[] | null {
  const directive = field.astNode?.directives?.find(({ name }) => name.value === 'derived')
  const value = directive?.arguments?.find(({ name }) => name.value === 'from')?.value
  return value?.kind === 'ListValue' ? value.values.flatMap((one) => (one.kind === 'StringValue' ? [one.value] : [])) : null
}

const has = (directives: readonly ConstDirectiveNode[] | undefined, name: string): boolean =>
  directives?.some((directive) => directive.name.value === name) ?? false

const categoryOf = (field: GraphQLField<unknown, unknown>): string | null => directiveCategory(field.astNode?.directives)

function directiveCategory(directives: readonly ConstDirectiveNode[] | undefined): string | null {
  const value = directives
    ?.find((directive) => directive.name.value === 'personalData')
    ?.arguments?.find((argument) => argument.name.value === 'category')?.value
  return value?.kind === 'StringValue' ? value.value : null
}
