import { Kind, parse, type DefinitionNode } from 'graphql'
import type { ComputedTrait } from '../config/personalization.ts'
import type { Attribute, Policy } from '../config/policy.ts'

/** The names of the types that the policy's attributes become. */
export const traitTypes = ['Traits', 'TraitsInput', 'TraitsFilter'] as const

/** Those of them that this policy has nothing for. */
export const missingTraitTypes = ({ attributes, computed }: Policy): readonly string[] =>
  attributes.length > 0 ? [] : computed.length > 0 ? ['TraitsInput', 'TraitsFilter'] : traitTypes

/**
 * The shop's attributes and what is computed beside them as typed fields, each classified as the policy says. Types that would have no field
 * are not there, and the fields that lead to them are left out.
 */
export function traitDefinitions(policy: Policy): readonly DefinitionNode[] {
  const missing = missingTraitTypes(policy)
  if (missing.includes('Traits')) return []
  const lines = (line: (attribute: Attribute) => string) => policy.attributes.map(line).join('\n')
  return parse(`
    "The shop's own attributes, as the policy file declares them."
    type Traits { ${lines((one) => `${one.name}: ${typeOf(one)} @personalData(category: "${one.category}")`)} ${policy.computed.map(computedLine).join('\n')} }
    ${missing.includes('TraitsInput') ? '' : `input TraitsInput { ${lines((one) => `${one.name}: ${typeOf(one)}`)} }`}
    ${missing.includes('TraitsFilter') ? '' : `input TraitsFilter { ${lines((one) => `${one.name}: ${conditionOn(one)}`)} }`}
    ${policy.attributes.map(enumOf).join('\n')}
    ${policy.attributes.some(({ type }) => type === 'Boolean') ? 'input BooleanCondition { eq: Boolean }' : ''}
  `).definitions
}

const computedLine = ({ name, type, list, from }: ComputedTrait): string => `${name}: ${list ? `[${type}!]` : type} @derived(from: ${JSON.stringify(from)})`

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
