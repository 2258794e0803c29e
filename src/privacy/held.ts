import { addDuration } from '../config/duration.ts'
import type { Policy, Purpose } from '../config/policy.ts'
import type { Classification } from '../consent/classification.ts'
import { gate } from '../consent/gate.ts'
import type { CustomerRow } from '../storage/customers.ts'
import type { Kept } from '../storage/erasures.ts'
import type { HeldValues } from '../storage/held-data.ts'
import { storedValues } from './stored-values.ts'

export interface Held extends Kept {
  readonly values: HeldValues
}

/**
 * What duties and contracts keep when this person is erased (Art. 17(3)(b) GDPR): for each purpose that the policy says so of, the values
 * that it covers in full, and until when. Pure. A purpose that covers nothing the person has keeps nothing.
 */
export function heldAfter(row: CustomerRow, policy: Policy, classification: Classification, at: Date): Held[] {
  const values = storedValues(row, classification)
  return policy.purposes.flatMap((purpose) => {
    const covered = values.filter(({ field }) => isWhole(gate(field.masks, purpose.mask)))
    return purpose.keptAfterErasure === null || covered.length === 0 ? [] : [held(purpose, purpose.keptAfterErasure, covered, at)]
  })
}

const isWhole = (form: ReturnType<typeof gate>): boolean => form !== 'withheld' && form.form === 'FULL'

function held({ id }: Purpose, period: string, covered: ReturnType<typeof storedValues>, at: Date): Held {
  return {
    purpose: id,
    categories: [...new Set(covered.map(({ field }) => field.category))],
    until: addDuration(at, period),
    values: Object.fromEntries(covered.map(({ place, value }) => [place, value])),
  }
}
