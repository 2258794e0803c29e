import { addDuration } from '../config/duration.ts'
import { builtInPurposes, type Policy, type Purpose } from '../config/policy.ts'
import { grantEntry } from '../consent/decisions.ts'
import { EntenteError } from '../errors.ts'
import type { Caller, Mask } from '../operation.ts'
import { membershipEntry } from '../storage/customers.ts'
import { allOf, anyOf, never, oneOf, type Query } from './query.ts'

/**
 * Customers who give a basis for at least one purpose of the mask: what `basisOf` decides for one row, said as a condition, so that pages
 * are full and nobody hidden is counted. The gate decides again on every row that comes back.
 */
export function withBasis(mask: Mask, policy: Policy, now: Date): Query {
  const purposes = policy.purposes.filter((purpose) => (purpose.mask & mask & ~builtInPurposes) !== 0)
  if (purposes.length === 0) return never
  return allOf([{ state: 'active' }, { restricted: false }, anyOf(purposes.map((purpose) => basisFor(purpose, policy, now)))])
}

/** Customers who are in a segment for a purpose of the caller that has a basis. One that is not there, or for others only, is BAD_USER_INPUT alike. */
export function membersOf(id: string, caller: Caller, policy: Policy, now: Date): Query {
  const mask = caller.purposes & (policy.segments.find((one) => one.id === id)?.mask ?? 0)
  const purposes = policy.purposes.filter((purpose) => (purpose.mask & mask) !== 0)
  if (purposes.length === 0) throw new EntenteError('BAD_USER_INPUT', { why: 'no such segment' }, { field: 'segment' })
  return anyOf(purposes.map((purpose) => allOf([{ memberships: membershipEntry(id, purpose.id) }, withBasis(purpose.mask, policy, now)])))
}

/** Customers whom the caller may process for a purpose of its own. */
export const processable = (caller: Caller, policy: Policy, now: Date): Query => withBasis(caller.purposes, policy, now)

function basisFor(purpose: Purpose, policy: Policy, now: Date): Query {
  const required = policy.purposes.filter((other) => (other.mask & purpose.requires) !== 0 && !other.builtIn)
  return allOf([ownBasis(purpose, now), ...required.map((other) => basisFor(other, policy, now))])
}

function ownBasis(purpose: Purpose, now: Date): Query {
  if (purpose.legalBasis === 'CONTRACT' || purpose.legalBasis === 'LEGAL_OBLIGATION') return {}
  if (purpose.legalBasis === 'LEGITIMATE_INTEREST') return { objections: { $ne: purpose.id } }
  const versions = [...purpose.validVersions].map((version) => grantEntry(purpose.id, version))
  return allOf([oneOf('grants', versions), unexpired(purpose, now)])
}

function unexpired(purpose: Purpose, now: Date): Query {
  const path = `decisions.${purpose.id}`
  const ends: Query = { [`${path}.expiresAt`]: { $gt: now } }
  const endless: Query = { [`${path}.expiresAt`]: { $exists: false } }
  if (purpose.validity === null) return anyOf([ends, endless])
  return anyOf([ends, allOf([endless, { [`${path}.at`]: { $gt: before(now, purpose.validity) } }])])
}

/** A period back from `now`, a few days short: months differ in length, and a list may hide sooner than the gate but never later. */
function before(now: Date, period: string): Date {
  const length = addDuration(now, period).getTime() - now.getTime()
  return new Date(now.getTime() - length + 4 * 86_400_000)
}
