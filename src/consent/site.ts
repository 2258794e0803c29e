import type { Mask } from '../operation.ts'
import { gateFields } from '../storage/customers.ts'
import type { ClassifiedField } from './classification.ts'

/** A place in an operation that returns customers, and which personal fields it selects of each. */
export interface Site {
  readonly fields: readonly ClassifiedField[]
  /** What the read brings: the planned fields, and what permission hangs on. */
  readonly projection: Readonly<Record<string, 1>>
  /** Purposes that matter for one of the fields. */
  readonly mask: Mask
}

/** Fields of `Customer` whose value is stored under their name. The others have a resolver of their own; decisions come with every read. */
const stored = new Set(['givenName', 'familyName', 'pictureUrl', 'birthYear', 'postcode', 'country', 'locale', 'identities'])

export function siteWith(fields: readonly ClassifiedField[]): Site {
  const paths = [...gateFields, ...fields.flatMap(storedAt)]
  return {
    fields,
    projection: Object.fromEntries(paths.map((path) => [path, 1])),
    mask: fields.reduce((mask, field) => mask | field.masks.any, 0),
  }
}

function storedAt({ parent, name, derived }: ClassifiedField): string[] {
  if (derived) return derived.length === 0 ? [] : ['derived', ...derived.flatMap(({ row }) => row)]
  if (parent === 'Traits') return [`traits.${name}`]
  if (name === 'email') return parent === 'Customer' ? ['email', 'emailUndeliverable'] : ['emailUndeliverable']
  return parent === 'Customer' && stored.has(name) ? [name] : []
}
