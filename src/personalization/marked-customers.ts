import type { Policy } from '../config/policy.ts'
import type { FieldMasks } from '../consent/gate.ts'
import type { Mask } from '../operation.ts'
import { applied, pathsOf } from '../storage/applied-update.ts'
import type { AudienceChange, AudienceChangeStore } from '../storage/audience-changes.ts'
import type { CustomerStore, MemberFacts } from '../storage/customers.ts'
import type { Tx } from '../storage/transaction.ts'
import { marksBetween } from './audience-marks.ts'
import type { Move } from './plan-batch.ts'

export interface MarkParts {
  readonly changes: Pick<AudienceChangeStore, 'put'>
  /** The profile's fields by their path. */
  readonly fields: ReadonlyMap<string, { readonly masks: FieldMasks; readonly derived?: readonly unknown[] }>
  readonly policy: Policy
  /** Puts what clients are told of it into the same transaction. */
  readonly tell: (tx: Tx, changes: readonly AudienceChange[], version: number, at: Date) => Promise<void>
  readonly now: () => Date
}

const hangsOn = new Set(['state', 'restricted', 'decisions', 'memberships', 'traits', 'derived'])

/**
 * The same store, by which audiences learn of every change of a customer in the transaction that makes it: who writes a customer need not
 * think of them, and cannot forget.
 */
export function markedCustomers(store: CustomerStore, { changes, fields, policy, tell, now }: MarkParts): CustomerStore {
  const all = [...fields]
  const computed = all.reduce((mask, [, field]) => (field.derived ? mask | field.masks.any : mask), 0)

  /** Purposes that are shown what is written at a path, or below it. */
  function shownTo(path: string): Mask {
    const [root = path, purpose] = path.split('.', 2)
    if (root === 'derived') return purpose === undefined ? computed : policy.maskOf([purpose]) & computed
    const below = `${path}.`
    return all.reduce((mask, [name, { masks }]) => (name === path || name.startsWith(below) ? mask | masks.any : mask), 0)
  }

  function marksOf(before: MemberFacts, after: MemberFacts, paths: readonly string[], at: Date): AudienceChange[] {
    const masks = paths.reduce((mask, path) => mask | shownTo(path), 0)
    return marksBetween(before, after, policy, at.getTime(), (purpose) => (policy.maskOf([purpose]) & masks) !== 0)
  }

  const nextVersion = ({ membershipVersion = 0 }: MemberFacts): number => membershipVersion + 1

  async function mark(tx: Tx, before: MemberFacts, marks: readonly AudienceChange[], at: Date): Promise<void> {
    if (marks.length === 0) return
    await changes.put(tx, marks, at)
    await tell(tx, marks, nextVersion(before), at)
  }

  return {
    ...store,
    async insert(tx, row) {
      const at = now()
      const before = { ...row, memberships: [] }
      const marks = marksOf(before, row, [], at)
      await store.insert(tx, marks.length === 0 ? row : { ...row, membershipVersion: nextVersion(before) })
      await mark(tx, before, marks, at)
    },
    async update(tx, key, update, state = 'active', known) {
      const paths = pathsOf(update)
      if (!paths.some((path) => fields.has(path) || hangsOn.has(rootOf(path)))) return store.update(tx, key, update, state)
      const before = known ?? (await store.memberFacts(tx, key))
      if (before?.state !== state) return false
      const at = now()
      const marks = marksOf(before, applied(before, update), paths, at)
      const $set = { ...update.$set, membershipVersion: nextVersion(before) }
      if (!(await store.update(tx, key, marks.length === 0 ? update : { ...update, $set }, state))) return false
      await mark(tx, before, marks, at)
      return true
    },
    async bury(tx, tombstone) {
      const before = await store.memberFacts(tx, tombstone._id)
      await store.bury(tx, tombstone)
      const at = now()
      if (before !== null) await mark(tx, before, marksOf(before, tombstone, [], at), at)
    },
  }
}

/** The same for many whose memberships and traits were worked out at once, and are written with their version by whoever did. */
export function markMoves({ changes, policy, tell }: Pick<MarkParts, 'changes' | 'policy' | 'tell'>) {
  return async (tx: Tx, moves: readonly Move[], at: Date): Promise<void> => {
    const told = moves.map(({ before, memberships, version, changed }) => {
      const after = { ...before, memberships: [...memberships] }
      const marks = marksBetween(before, after, policy, at.getTime(), (purpose) => changed.includes(purpose))
      return { marks, version }
    })
    await changes.put(
      tx,
      told.flatMap(({ marks }) => marks),
      at,
    )
    for (const { marks, version } of told) if (marks.length > 0 && version !== null) await tell(tx, marks, version, at)
  }
}

const rootOf = (path: string): string => path.split('.', 1)[0] ?? ''
