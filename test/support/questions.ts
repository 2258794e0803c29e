import fc from 'fast-check'
import {
  getNamedType,
  isCompositeType,
  isInputObjectType,
  isObjectType,
  parse,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLSchema,
} from 'graphql'

// All that can be asked about a customer, made from the schema, so that a field that is added is asked for from then on.

/** Where the API leads to customers. */
const roots = ['me', 'customer', 'customers', 'audience', '_entities']

const values: Readonly<Record<string, string>> = { first: '2', after: 'null', clientId: '"ads"', kind: '"category"' }

function valueOf(name: string): string {
  const value = values[name]
  if (value === undefined) throw new Error(`nobody has said what to give for the argument ${name}`)
  return value
}

/** A field with all of its arguments and all that lies below, without going in circles. */
function whole({ name, args, type }: GraphQLField<unknown, unknown>, above: readonly string[]): string | null {
  const named = getNamedType(type)
  const call = args.length === 0 ? name : `${name}(${args.map((arg) => `${arg.name}: ${valueOf(arg.name)}`).join(', ')})`
  if (!isCompositeType(named)) return call
  if (above.includes(named.name) && named.name !== 'Customer') return null
  if (!isObjectType(named)) throw new Error(`${name} may be of several types`)
  // A customer as another client sees them: what is plain, or there would be no end.
  const isAgain = named.name === 'Customer' && above.length > 0
  const below = Object.values(named.getFields())
    .filter((field) => !isAgain || !isCompositeType(getNamedType(field.type)) || field.name === 'traits')
    .flatMap((field) => whole(field, [...above, named.name]) ?? [])
  return `${call} { ${below.join(' ')} }`
}

/** Each field of a customer, whole. */
export const fieldsOfCustomer = (schema: GraphQLSchema): string[] => {
  const customer = schema.getType('Customer')
  if (!isObjectType(customer)) throw new Error('no customers in this schema')
  return Object.values(customer.getFields()).flatMap((field) => whole(field, ['Customer']) ?? [])
}

/** Some of them, plainly or under other names in a fragment. */
export const selectionOf = (schema: GraphQLSchema): fc.Arbitrary<string> =>
  fc
    .tuple(fc.subarray(fieldsOfCustomer(schema), { minLength: 1 }), fc.boolean())
    .map(([fields, apart]) => (apart ? `__typename ... on Customer { ${fields.map((field, n) => `x${n}: ${field}`).join(' ')} }` : `id ${fields.join(' ')}`))

/** Every field, argument and member of an input that leads to customers or lies below, as `Type.field`, `Type.field(argument)`, `Input.member`. */
export function askable(schema: GraphQLSchema): Set<string> {
  const found = new Set<string>()
  const seen = new Set<string>()
  const input = (type: GraphQLInputType): void => {
    const named = getNamedType(type)
    if (!isInputObjectType(named) || seen.has(named.name)) return
    seen.add(named.name)
    for (const member of Object.values(named.getFields())) {
      found.add(`${named.name}.${member.name}`)
      input(member.type)
    }
  }
  const field = (parent: string, { name, args, type }: GraphQLField<unknown, unknown>): void => {
    found.add(`${parent}.${name}`)
    for (const arg of args) {
      found.add(`${parent}.${name}(${arg.name})`)
      input(arg.type)
    }
    const named = getNamedType(type)
    if (!isObjectType(named) || seen.has(named.name)) return
    seen.add(named.name)
    for (const one of Object.values(named.getFields())) field(named.name, one)
  }
  for (const one of Object.values(schema.getQueryType()?.getFields() ?? {})) if (roots.includes(one.name)) field('Query', one)
  return found
}

/** What of it this question asks for. */
export function asks(schema: GraphQLSchema, query: string, variables: Readonly<Record<string, unknown>>): Set<string> {
  const found = new Set<string>()
  const types = new TypeInfo(schema)
  const members = (type: GraphQLInputType, value: unknown): void => {
    const named = getNamedType(type)
    if (Array.isArray(value)) for (const one of value) members(type, one)
    else if (isInputObjectType(named) && typeof value === 'object' && value !== null)
      for (const [name, given] of Object.entries(value)) {
        found.add(`${named.name}.${name}`)
        const member = named.getFields()[name]
        if (member) members(member.type, given)
      }
  }
  visit(
    parse(query),
    visitWithTypeInfo(types, {
      Field: () => void found.add(`${types.getParentType()?.name}.${types.getFieldDef()?.name}`),
      Argument({ name, value }) {
        found.add(`${types.getParentType()?.name}.${types.getFieldDef()?.name}(${name.value})`)
        const type = types.getArgument()?.type
        if (type && value.kind === 'Variable') members(type, variables[value.name.value])
      },
    }),
  )
  return found
}
