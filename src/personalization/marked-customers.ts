import type { Policy } from '../config/policy.ts'
import type { FieldMasks } from '../consent/gate.ts'
import type { AudienceChange, AudienceChangeStore } from '../storage/audience-changes.ts'
import type { CustomerStore, MemberFacts } from '../storage/customers.ts'
import type { Tx } from '../storage/transaction.ts'
import { marksBetween } from './audience-marks.ts'
import type { Move } from './plan-batch.ts'

export interface MarkParts {
  readonly changes: Pick<AudienceChangeStore, 'put'>
  /** The profile's fields by their path. */
  readonly fields: ReadonlyMap<string, { readonly masks: FieldMasks }>
  readonly policy: Policy
  /** Puts what clients are told of it into the same transaction. */
  readonly tell: (tx: Tx, changes: readonly AudienceChange[], version: number, at: Date) => Promise<void>
  readonly now: () => Date
}

const hangsOn = new Set(['state', 'restricted', 'decisions', 'memberships'])

/**
 * The same store, by which audiences learn of every change of a customer in the transaction that makes it: who writes a customer need not
 * think of them, and cannot forget.
 */
export function markedCustomers(store: CustomerStore, { changes, fields, policy, tell, now }: MarkParts): CustomerStore {
  async function mark(tx: Tx, before: MemberFacts, after: MemberFacts, paths: readonly string[]): Promise<void> {
    const at = now()
    const masks = paths.reduce((mask, path) => mask | (fields.get(path)?.masks.any ?? 0), 0)
    const marks = marksBetween(before, after, policy, at.getTime(), (purpose) => (policy.maskOf([purpose]) & masks) !== 0)
    if (marks.length === 0) return
    const version = (before.membershipVersion ?? 0) + 1
    await changes.put(tx, marks, at)
    if (after.state !== 'erased') await store.update(tx, after._id, { $set: { membershipVersion: version } }, after.state)
    await tell(tx, marks, version, at)
  }

  return {
    ...store,
    async insert(tx, row) {
      await store.insert(tx, row)
      await mark(tx, { ...row, memberships: [] }, row, [])
    },
    async update(tx, key, update, state = 'active') {
      const paths = [...Object.keys(update.$set ?? {}), ...Object.keys(update.$unset ?? {})]
      if (!paths.some((path) => fields.has(path) || hangsOn.has(rootOf(path)))) return store.update(tx, key, update, state)
      const before = await store.updateFrom(tx, key, update, state)
      if (before === null) return false
      // Most events leave their people where they are, and then nothing is read for it.
      const stays = JSON.stringify(update.$set?.['memberships']) === JSON.stringify(before.memberships)
      const isQuiet = paths.every((path) => (path === 'memberships' ? stays : !fields.has(path) && !hangsOn.has(rootOf(path))))
      const after = isQuiet ? null : await store.memberFacts(tx, key)
      if (after !== null) await mark(tx, before, after, paths)
      return true
    },
    async bury(tx, tombstone) {
      const before = await store.memberFacts(tx, tombstone._id)
      await store.bury(tx, tombstone)
      if (before !== null) await mark(tx, before, tombstone, [])
    },
  }
}

/** The same for many whose memberships were worked out at once, and are written with their version by whoever did. */
export function markMoves({ changes, policy, tell }: Pick<MarkParts, 'changes' | 'policy' | 'tell'>) {
  return async (tx: Tx, moves: readonly Move[], at: Date): Promise<void> => {
    const told = moves.map(({ before, memberships, version }) => {
      const marks = marksBetween(before, { ...before, memberships: [...memberships] }, policy, at.getTime(), () => false)
      return { marks, version }
    })
    await changes.put(
      tx,
      told.flatMap(({ marks }) => marks),
      at,
    )
    for (const { marks, version } of told) if (marks.length > 0) await tell(tx, marks, version, at)
  }
}

const rootOf = (path: string): string => path.split('.', 1)[0] ?? ''
