import type { Classification, ClassifiedField } from '../consent/classification.ts'
import { siteWith, type Site } from '../consent/site.ts'
import type { CustomerView } from '../consent/view.ts'
import { EntenteError } from '../errors.ts'
import type { Mask } from '../operation.ts'
import type { TraitValue } from '../storage/customers.ts'
import type { Suppressed } from './audience-pages.ts'

const profile = ['email', 'givenName', 'familyName', 'pictureUrl', 'birthYear', 'postcode', 'country', 'locale'] as const
type ProfileField = (typeof profile)[number]
const isProfileField = (name: string): name is ProfileField => profile.some((one) => one === name)

/** What audiences hold of a person, by its path: `email`, `traits.clothingSize`. */
export function audienceFields(classification: Classification): ReadonlyMap<string, ClassifiedField> {
  const fields = [...classification.values()].flatMap((field): [string, ClassifiedField][] => {
    if (field.parent === 'Traits') return [[`traits.${field.name}`, field]]
    return field.parent === 'Customer' && isProfileField(field.name) ? [[field.name, field]] : []
  })
  return new Map(fields)
}

/** The fields of a stream: unknown ones are BAD_USER_INPUT, and what the purpose does not cover for anybody is FORBIDDEN. */
export function streamSite(fields: ReadonlyMap<string, ClassifiedField>, paths: readonly string[], purpose: Mask): Site {
  const chosen = paths.map((path) => {
    const field = fields.get(path)
    if (field === undefined) throw new EntenteError('BAD_USER_INPUT', { why: 'no such field' }, { field: 'fields' })
    if ((field.masks.any & purpose) === 0) throw new EntenteError('FORBIDDEN', { why: 'the purpose does not cover it', covered: path }, { field: 'fields' })
    return field
  })
  return siteWith(chosen)
}

/** One person as a line of JSON. Null: not stored, or not to be read; which of the two is not told. */
export function personLine(paths: readonly string[]): (view: CustomerView) => string {
  const own = paths.filter(isProfileField)
  const traits = paths.filter((path) => path.startsWith('traits.')).map((path) => path.slice('traits.'.length))
  return (view) => {
    const line: Record<string, string | number | null | Record<string, TraitValue | null>> = { id: view.id }
    for (const name of own) line[name] = view[name]
    if (traits.length > 0) line['traits'] = Object.fromEntries(traits.map((name) => [name, view.traits[name] ?? null]))
    return `${JSON.stringify(line)}\n`
  }
}

export const suppressedLine = ({ id, suppressed }: Suppressed): string => `${JSON.stringify({ id, suppressed })}\n`
