import type { Policy, Purpose } from '../config/policy.ts'
import { EntenteError } from '../errors.ts'
import type { CustomerRow } from '../storage/customers.ts'
import type { Choice } from './choices.ts'

type Born = Pick<CustomerRow, 'birthYear'>

/**
 * Whether somebody may say yes to a purpose by themself (Art. 8 GDPR). Of a year of birth only its last day is sure to be past, and who has
 * named none is taken for too young.
 */
export function isOldEnough({ minimumAge }: Pick<Purpose, 'minimumAge'>, row: Born | undefined, at: Date): boolean {
  return minimumAge === null || (row?.birthYear !== undefined && at.getUTCFullYear() - row.birthYear > minimumAge)
}

/** What somebody has said yes to, or is about to confirm, that they are not old enough for by the policy and the year of birth of now. */
export function saidTooYoung(policy: Pick<Policy, 'purposes'>, row: Born & Pick<CustomerRow, 'decisions'>, at: Date): Purpose[] {
  const isYes = ({ id }: Purpose): boolean => ['granted', 'pending'].includes(row.decisions[id]?.state ?? '')
  return policy.purposes.filter((purpose) => purpose.minimumAge !== null && isYes(purpose) && !isOldEnough(purpose, row, at))
}

/** A yes is by somebody who may say it. BAD_USER_INPUT */
export function requireAge(choices: readonly Choice[], row: Born, at: Date): void {
  const tooYoung = choices.findIndex(({ granted, purpose }) => granted && !isOldEnough(purpose, row, at))
  if (tooYoung >= 0) throw new EntenteError('BAD_USER_INPUT', { why: 'age' }, { field: `decisions.${tooYoung}.granted` })
}
