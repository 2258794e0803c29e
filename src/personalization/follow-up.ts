import type { Policy } from '../config/policy.ts'
import { basisOf } from '../consent/gate.ts'
import type { Mask } from '../operation.ts'
import type { CustomerRow, CustomerUpdate } from '../storage/customers.ts'
import type { DerivedState } from '../storage/derived-state.ts'
import { deriver } from './derive.ts'

/** What a change of a customer means for what was derived of them. */
export function followUp(policy: Policy) {
  const { memberships: membershipsOf } = deriver(policy)
  const usesBehaviour = policy.maskOf([...policy.events.values()].flatMap(({ purposes }) => purposes))

  /** Purposes that stand, whether or not processing rests: a restriction keeps what there is (Art. 18(2) GDPR). */
  const standing = (row: CustomerRow, at: Date): Mask => basisOf({ ...row, restricted: false }, policy, at.getTime())

  /**
   * Null when nothing follows. What was made for a purpose that ends goes with it, and no event from before ever counts for it again; what is
   * left of an earlier yes does not come back with a new one.
   */
  function between(before: CustomerRow, after: CustomerRow, at: Date): CustomerUpdate | null {
    const now = standing(after, at)
    // Somebody who comes back out of a merge brings along what still stands.
    const stood = before.state === after.state ? standing(before, at) : now
    const ended = new Set(policy.namesOf(stood & ~now & usesBehaviour))
    for (const id of Object.keys(after.derived ?? {})) if ((policy.maskOf([id]) & stood & now) === 0) ended.add(id)
    const left = Object.fromEntries(Object.entries(after.derived ?? {}).filter(([id]) => !ended.has(id)))
    const { memberships, due } = membershipsOf({ ...after, derived: left }, at.getTime())
    const $set = {
      ...Object.fromEntries([...ended].map((id) => [`behaviourFrom.${id}`, at])),
      ...(memberships.join() !== (after.memberships ?? []).join() && { memberships }),
      ...(due !== null && due.getTime() !== after.membershipsDue?.getTime() && { membershipsDue: due }),
    }
    const gone = [
      ...Object.keys(after.derived ?? {})
        .filter((id) => ended.has(id))
        .map((id) => `derived.${id}`),
      ...(due === null && after.membershipsDue ? ['membershipsDue'] : []),
    ]
    if (Object.keys($set).length + gone.length === 0) return null
    return { ...(Object.keys($set).length > 0 && { $set }), ...(gone.length > 0 && { $unset: Object.fromEntries(gone.map((path) => [path, '' as const])) }) }
  }

  /**
   * Under other rules, with what was derived anew by them. What has no basis by them is not read, and stays: rules may be a mistake, and what
   * they took away would not come back with the right ones.
   */
  function underRules(row: CustomerRow, derived: Readonly<Record<string, DerivedState>>, at: Date): CustomerUpdate | null {
    const others = Object.entries(derived).filter(([id, state]) => JSON.stringify(row.derived?.[id]) !== JSON.stringify(state))
    const { memberships, due } = membershipsOf({ ...row, ...(others.length > 0 && { derived: { ...row.derived, ...derived } }) }, at.getTime())
    const isSame = memberships.join() === (row.memberships ?? []).join() && due?.getTime() === row.membershipsDue?.getTime()
    if (isSame && others.length === 0) return null
    const states = Object.fromEntries(others.map(([id, state]) => [`derived.${id}`, state]))
    return { $set: { memberships, ...states, ...(due !== null && { membershipsDue: due }) }, ...(due === null && { $unset: { membershipsDue: '' } }) }
  }

  /** The row of somebody who is new, in the segments of those of whom that is known. */
  function atFirst(row: CustomerRow, at: Date): CustomerRow {
    const { memberships, due } = membershipsOf(row, at.getTime())
    return { ...row, ...(memberships.length > 0 && { memberships }), ...(due !== null && { membershipsDue: due }) }
  }

  return {
    between,
    underRules,
    atFirst,
    /** When nothing changed but the time. */
    afterTime: (row: CustomerRow, at: Date): CustomerUpdate | null => between(row, row, at),
  }
}

export type FollowUp = ReturnType<typeof followUp>
