import type { Classification, ClassifiedField } from '../consent/classification.ts'
import type { Source, TraitValue, CustomerRow } from '../storage/customers.ts'
import { profileFields } from '../linking/profile-by-source.ts'

/** A value of the profile as it lies in the customer document. */
export interface StoredValue {
  readonly field: ClassifiedField
  /** Where it lies: `email`, `traits.clothingSize`. */
  readonly place: string
  /** Its name in `sources`, where a dot would be a path. */
  readonly source: string
  readonly value: TraitValue
  readonly said: Source | undefined
}

/** The values of a profile, by the fields that show them. */
export function storedValues(row: CustomerRow, classification: Classification): StoredValue[] {
  const own = profileFields.map((name) => ({ field: classification.get(`Customer.${name}`), place: name, source: name, value: row[name] }))
  const traits = Object.entries(row.traits ?? {}).map(([name, value]) => ({
    field: classification.get(`Traits.${name}`),
    place: `traits.${name}`,
    source: `traits:${name}`,
    value,
  }))
  return [...own, ...traits].flatMap(({ field, value, ...at }) =>
    field === undefined || value === undefined ? [] : [{ ...at, field, value, said: row.sources[at.source] }],
  )
}
