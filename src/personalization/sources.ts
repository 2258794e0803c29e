import type { Policy } from '../config/policy.ts'
import { gate, mayOf, type FieldMasks } from '../consent/gate.ts'
import type { Caller } from '../operation.ts'
import type { CustomerRow, TraitValue } from '../storage/customers.ts'

export interface FieldSource {
  /** `birthYear`, `traits.clothingSize`. */
  readonly field: string
  /** `customer`, or the id of a provider. */
  readonly from: string
  readonly at: Date
  readonly confidence: number
}

/** How far a value is to be relied on, by who said it; an address also by who has proved that it works. */
const confidence = { said: 0.9, provider: 0.7, authoritative: 1, verified: 0.95, unproved: 0.5 } as const

export function confidenceOf(field: string, from: string, proof: CustomerRow['emailProof']): number {
  if (field === 'email') return proof === 'authoritative' || proof === 'verified' ? confidence[proof] : confidence.unproved
  return from === 'customer' ? confidence.said : confidence.provider
}

/** Where each value came from, of the fields that this caller may read now. */
export function sourcesOf(
  parts: { readonly policy: Policy; readonly fields: ReadonlyMap<string, { readonly masks: FieldMasks }> },
  caller: Caller,
  row: CustomerRow,
  now: number,
): FieldSource[] {
  const may = mayOf(caller, row, parts.policy, now)
  return Object.entries(row.sources).flatMap(([stored, { from, at }]): FieldSource[] => {
    const field = stored.replace(':', '.')
    const known = parts.fields.get(field)
    // A source without a value: it was cleared.
    if (known === undefined || valueAt(row, field) === undefined || gate(known.masks, may) === 'withheld') return []
    return [{ field, from, at, confidence: confidenceOf(field, from, row.emailProof) }]
  })
}

function valueAt(row: CustomerRow, field: string): TraitValue | undefined {
  const values = new Map<string, TraitValue | undefined>(
    Object.entries({
      email: row.email,
      givenName: row.givenName,
      familyName: row.familyName,
      pictureUrl: row.pictureUrl,
      birthYear: row.birthYear,
      postcode: row.postcode,
      country: row.country,
      locale: row.locale,
    }),
  )
  return field.startsWith('traits.') ? row.traits?.[field.slice('traits.'.length)] : values.get(field)
}
