import type { Claims } from './claims.ts'
import type { AddressProof, CustomerRow, ProfileField } from '../storage/customers.ts'

type Change = { readonly $set: Record<string, unknown> }

/**
 * What a provider's word changes in a profile. A value is taken when there is none yet or when the same provider said the one before;
 * what the customer wrote, or another provider said, stays. Nothing is ever blanked: Apple tells a name once and then never again.
 */
export function profileFromClaims(row: Pick<CustomerRow, 'sources'> & Partial<CustomerRow>, claims: Claims, at: Date): Change {
  const said: [ProfileField, string | undefined][] = [
    ['email', claims.address?.value],
    ['givenName', claims.givenName],
    ['familyName', claims.familyName],
    ['pictureUrl', claims.pictureUrl],
    ['locale', claims.locale],
  ]
  const $set: Record<string, unknown> = {}
  for (const [field, value] of said) {
    if (value === undefined || !mayTake(row, field, claims, value)) continue
    $set[field] = value
    $set[`sources.${field}`] = { from: claims.provider, at }
    if (field !== 'email') continue
    $set['emailProof'] = claims.address?.proof ?? 'none'
    if (row.emailUndeliverable === true && row.email !== value) $set['emailUndeliverable'] = false
  }
  return { $set }
}

const strength: Readonly<Record<AddressProof, number>> = { none: 0, verified: 1, authoritative: 2 }

function mayTake(row: Pick<CustomerRow, 'sources'> & Partial<CustomerRow>, field: ProfileField, claims: Claims, value: string): boolean {
  const source = row.sources[field]
  if (source === undefined || row[field] === undefined) return true
  if (source.from !== claims.provider) return false
  // A proved address is not given up for one that nobody vouches for.
  return field !== 'email' || row.email === value || strength[claims.address?.proof ?? 'none'] >= strength[row.emailProof ?? 'none']
}
