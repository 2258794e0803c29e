import type { Policy } from '../config/policy.ts'
import { basisOf } from '../consent/gate.ts'
import type { CustomerRow } from '../storage/customers.ts'
import type { DerivedState } from '../storage/derived-state.ts'
import type { EventStore } from '../storage/events.ts'
import type { Tx } from '../storage/transaction.ts'
import { deriver } from './derive.ts'
import { entriesIn, tallyOf } from './series.ts'

export type Rederive = (row: CustomerRow, at: Date, tx?: Tx) => Promise<Record<string, DerivedState>>

/** What is derived of somebody by the rules of now, worked out anew from the events that are kept and still count. */
export function rederiver(policy: Policy, behaviour: Pick<EventStore, 'forPurpose'>): Rederive {
  const { apply } = deriver(policy)
  const usesBehaviour = policy.maskOf([...policy.events.values()].flatMap(({ purposes }) => purposes))
  return async (row, at, tx) => {
    const standing = basisOf({ ...row, restricted: false }, policy, at.getTime())
    const derived: Record<string, DerivedState> = {}
    for (const id of policy.namesOf(standing & usesBehaviour)) {
      const events = await behaviour.forPurpose(row._id, id, row.behaviourFrom?.[id] ?? new Date(0), tx)
      const kept = events.map(({ _id, name, at: happened, receivedAt, properties }) => ({ id: _id, name, at: happened, receivedAt, properties }))
      if (kept.length > 0 || row.derived?.[id] !== undefined)
        derived[id] = withoutReturns(apply(undefined, id, kept, at.getTime(), row.interestsOff ?? []), row, id)
    }
    return derived
  }
}

/** Of who ever switched an interest off, none comes back that is not there: what is on again begins with new events. */
function withoutReturns(state: DerivedState, { derived, interestsOff }: CustomerRow, purpose: string): DerivedState {
  const before = derived?.[purpose]?.interests
  if (interestsOff === undefined || before === undefined) return state
  const known = (kind: string) => new Set(entriesIn(before[kind]).map(([name]) => name))
  const interests = Object.entries(state.interests).map(([kind, tally]) => {
    const names = known(kind)
    return [kind, tallyOf(entriesIn(tally).filter(([name]) => names.has(name)))] as const
  })
  return { ...state, interests: Object.fromEntries(interests.filter(([, tally]) => tally.length > 0)) }
}
