import { Kind, parse, type DefinitionNode } from 'graphql'
import type { Attribute, Policy } from '../config/policy.ts'

/** The names of the types that the policy's attributes become. */
export const traitTypes = ['Traits', 'TraitsInput', 'TraitsFilter'] as const

/**
 * The shop's attributes as typed fields, each classified as the policy says. A policy without attributes has no such types, and the
 * fields that lead to them are left out.
 */
export function traitDefinitions(policy: Policy): readonly DefinitionNode[] {
  if (policy.attributes.length === 0) return []
  const lines = (line: (attribute: Attribute) => string) => policy.attributes.map(line).join('\n')
  return parse(`
    "The shop's own attributes, as the policy file declares them."
    type Traits { ${lines((one) => `${one.name}: ${typeOf(one)} @personalData(category: "${one.category}")`)} }
    input TraitsInput { ${lines((one) => `${one.name}: ${typeOf(one)}`)} }
    input TraitsFilter { ${lines((one) => `${one.name}: ${conditionOn(one)}`)} }
    ${policy.attributes.map(enumOf).join('\n')}
    ${policy.attributes.some(({ type }) => type === 'Boolean') ? 'input BooleanCondition { eq: Boolean }' : ''}
  `).definitions
}

/** `clothingSize` with a fixed list of values becomes the enum `ClothingSize`. */
const enumName = ({ name }: Attribute): string => name.charAt(0).toUpperCase() + name.slice(1)

function typeOf(attribute: Attribute): string {
  const type = attribute.values ? enumName(attribute) : attribute.type
  return attribute.list ? `[${type}!]` : type
}

function conditionOn({ type }: Attribute): string {
  return { String: 'StringCondition', Int: 'IntCondition', Boolean: 'BooleanCondition' }[type]
}

function enumOf(attribute: Attribute): string {
  return attribute.values ? `enum ${enumName(attribute)} { ${attribute.values.join(' ')} }` : ''
}

/** Whether a definition is one of the placeholders that the types above take the place of. */
export const isTraitPlaceholder = (definition: DefinitionNode): boolean =>
  definition.kind === Kind.SCALAR_TYPE_DEFINITION && traitTypes.some((name) => name === definition.name.value)
