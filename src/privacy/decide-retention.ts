import { isOver } from '../config/duration.ts'
import type { Policy, Purpose } from '../config/policy.ts'
import type { Classification } from '../consent/classification.ts'
import { basisOf } from '../consent/gate.ts'
import type { CustomerRow } from '../storage/customers.ts'
import { storedValues, type StoredValue } from './stored-values.ts'

export type RetentionDecision = { readonly do: 'keep' } | { readonly do: 'remove'; readonly values: readonly StoredValue[] } | { readonly do: 'erase' }

/**
 * What of a customer has been kept long enough, now (milliseconds). A value stays while some purpose that covers it has a legal basis and
 * its period has not passed since the person last came. Where none has a basis, the shortest of their periods runs from the day the value
 * was said or the person last decided. Who has not come for the longest period of all is erased. Restricted data stays (Art. 18(2) GDPR).
 * Pure; the rows are in `docs/retention.md`.
 */
export function decideRetention(row: CustomerRow, policy: Policy, classification: Classification, now: number): RetentionDecision {
  if (row.state !== 'active' || row.restricted) return { do: 'keep' }
  const came = lastCame(row)
  const purposes = policy.purposes.filter(({ builtIn }) => !builtIn)
  if (purposes.every(({ retention }) => isOver(came, retention, now))) return { do: 'erase' }
  const basis = basisOf(row, policy, now)
  const values = storedValues(row, classification).filter((value) => {
    const covering = purposes.filter(({ mask }) => (mask & value.field.masks.any) !== 0)
    const standing = covering.filter(({ mask }) => (mask & basis) !== 0)
    if (standing.length > 0) return standing.every(({ retention }) => isOver(came, retention, now))
    const since = lastSaid(row, value, covering)
    return covering.some(({ retention }) => isOver(since, retention, now))
  })
  return values.length === 0 ? { do: 'keep' } : { do: 'remove', values }
}

function lastCame({ createdAt, identities, devices = [], factors = [] }: CustomerRow): Date {
  return latest([
    createdAt,
    ...identities.map(({ lastUsedAt }) => lastUsedAt),
    ...devices.map(({ lastAt }) => lastAt),
    ...factors.map(({ lastUsedAt }) => lastUsedAt),
  ])
}

function lastSaid(row: CustomerRow, { said }: StoredValue, covering: readonly Purpose[]): Date {
  return latest([said?.at ?? row.createdAt, ...covering.map(({ id }) => row.decisions[id]?.at)])
}

const latest = (dates: readonly (Date | undefined)[]): Date => new Date(Math.max(...dates.map((date) => date?.getTime() ?? 0)))
