import type { Policy } from '../config/policy.ts'
import type { LedgerRow } from '../storage/consent-ledger.ts'
import type { CustomerRow, Decision } from '../storage/customers.ts'
import { replayed } from './choices.ts'

/**
 * Purposes of which the ledger says something else than is in force, by name: whatever wrote that has gone past it. A purpose that has
 * changed its basis is passed over, since what lifted an objection once would read as a consent now. Pure.
 */
export function unexplained(inForce: CustomerRow['decisions'], entries: readonly Pick<LedgerRow, 'decisions' | 'at' | 'turn'>[], policy: Policy): string[] {
  const said = replayed(entries, policy)
  const isSteady = (id: string): boolean => (policy.purpose(id)?.formerBases.size ?? 0) === 0
  const all = new Set([...Object.keys(said), ...Object.keys(inForce)])
  return [...all].filter((id) => isSteady(id) && spelt(said[id]) !== spelt(inForce[id])).sort()
}

const spelt = (decision: Decision | undefined): string =>
  decision === undefined ? '' : JSON.stringify([decision.state, decision.textVersion, decision.at, decision.expiresAt ?? null])
