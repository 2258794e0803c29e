import { isEnumType, isObjectType, isScalarType, type GraphQLFieldResolver, type GraphQLScalarType, type GraphQLSchema } from 'graphql'

type FieldResolvers = Record<string, GraphQLFieldResolver<unknown, unknown>>
type EnumValues = Record<string, string>

/** What a schema does, by type and field, to be put onto another schema with the same names. */
export function resolversOf(schema: GraphQLSchema): Record<string, FieldResolvers | EnumValues | GraphQLScalarType> {
  const found: Record<string, FieldResolvers | EnumValues | GraphQLScalarType> = {}
  for (const type of Object.values(schema.getTypeMap())) {
    if (type.name.startsWith('__')) continue
    if (isScalarType(type)) found[type.name] = type
    if (isEnumType(type)) found[type.name] = Object.fromEntries(type.getValues().map(({ name, value }) => [name, String(value)]))
    if (isObjectType(type)) {
      const fields = Object.values(type.getFields())
      found[type.name] = Object.fromEntries(fields.flatMap(({ name, resolve }) => (resolve ? [[name, resolve]] : [])))
    }
  }
  return found
}
