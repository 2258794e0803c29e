import type { Attribute, Policy } from '../config/policy.ts'
import type { Person } from './account-data.ts'

const profileFields = ['givenName', 'familyName', 'email', 'birthYear', 'postcode', 'country', 'locale'] as const

export interface ProfileEntry {
  /** As the form names it: a profile field, or `traits.<name>`. */
  readonly name: string
  readonly value: string
  readonly attribute: Attribute | null
}

/** The profile as lines of a form, text throughout. */
export function entriesOf(policy: Policy, who: Person): ProfileEntry[] {
  const own = profileFields.map((name) => ({ name, value: String(who[name] ?? ''), attribute: null }))
  const traits = policy.attributes.map((attribute) => {
    const value = who.traits?.[attribute.name] ?? ''
    return { name: `traits.${attribute.name}`, value: Array.isArray(value) ? value.join(', ') : String(value), attribute }
  })
  return [...own, ...traits]
}

/**
 * `UpdateProfileInput` with what the person changed in the form and nothing else: an unchanged value would otherwise count as written by
 * them. An emptied field becomes null. Whether a value fits is for the API to say.
 */
export function changesIn(policy: Policy, form: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> {
  const changed = (name: string) => form[name] !== undefined && form[name].trim() !== (form[`was:${name}`] ?? '')
  const own = profileFields.filter(changed).map((name) => [name, valueOf(form[name] ?? '', name === 'birthYear' ? 'Int' : 'String')])
  const traits = policy.attributes
    .filter(({ name }) => changed(`traits.${name}`))
    .map(({ name, type, list }) => {
      const entered = form[`traits.${name}`] ?? ''
      const items = entered
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '')
      return [name, list ? (items.length > 0 ? items.map((item) => valueOf(item, type)) : null) : valueOf(entered, type)]
    })
  return { ...Object.fromEntries(own), ...(traits.length > 0 && { traits: Object.fromEntries(traits) }) }
}

function valueOf(entered: string, type: Attribute['type']): string | number | boolean | null {
  const value = entered.trim()
  if (value === '') return null
  if (type === 'Boolean') return value === 'true'
  return type === 'Int' && /^-?\d{1,10}$/.test(value) ? Number(value) : value
}
