import type { ClassifiedField, Classification } from '../consent/classification.ts'

/** The fields that a profile stores, and people can be searched by, by their path in it: `email`, `traits.clothingSize`. */
export function fieldsByPath(classification: Classification): ReadonlyMap<string, ClassifiedField> {
  const paths = [...classification.values()].flatMap((field): [string, ClassifiedField][] => {
    if (field.derived) return []
    if (field.parent === 'Traits') return [[`traits.${field.name}`, field]]
    return field.parent === 'Customer' ? [[field.name, field]] : []
  })
  return new Map(paths)
}
