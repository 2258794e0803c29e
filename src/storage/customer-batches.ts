import type { Connection } from 'mongoose'
import type { CustomerKey } from '../operation.ts'
import type { CustomerRow } from './customers.ts'
import type { DerivedState } from './derived-state.ts'
import { readAtOnce } from './read-at-once.ts'
import type { Tx } from './transaction.ts'
import { writeAtOnce } from './write-at-once.ts'

const needed = ['state', 'decisions', 'restricted'] as const
const behavioural = [
  'birthYear',
  'postcode',
  'country',
  'locale',
  'traits',
  'derived',
  'memberships',
  'membershipVersion',
  'behaviourFrom',
  'interestsOff',
] as const

/** What it takes to decide about somebody's behaviour, and to work out what follows from it. */
export type BehaviourRow = Pick<CustomerRow, '_id' | (typeof needed)[number]> & Partial<Pick<CustomerRow, (typeof behavioural)[number]>>

/** What behaviour changes in a customer. */
export interface DerivedChange {
  readonly customer: CustomerKey
  /** By purpose, as far as it changed. */
  readonly derived: ReadonlyMap<string, DerivedState>
  readonly memberships: readonly string[]
  readonly due: Date | null
  /** Of the memberships, where they are others than before; null where they are the same. */
  readonly version: number | null
}

const collection = 'customers'
const projection = Object.fromEntries([...needed, ...behavioural].map((field) => [field, 1 as const]))

/** Many customers at once, by the driver alone: one command each way, whatever the number. */
export function customerBatches(db: Connection) {
  return {
    /** Those that are there, in no order. */
    read: async (keys: readonly CustomerKey[], tx: Tx): Promise<BehaviourRow[]> => [
      ...(await readAtOnce<BehaviourRow>(db, { collection, filter: { _id: { $in: keys } }, projection, limit: keys.length }, tx)),
    ],

    write: async (tx: Tx, changes: readonly DerivedChange[]): Promise<void> => {
      const updates = changes.map((change) => ({ q: { _id: change.customer, state: 'active' }, u: updateOf(change) }))
      if ((await writeAtOnce(db, { update: collection, updates }, tx)) !== changes.length) throw new Error('a customer changed within a transaction')
    },
  }
}

export type CustomerBatches = ReturnType<typeof customerBatches>

/** Targeted: what is derived for other purposes is not touched. */
function updateOf({ derived, memberships, due, version }: DerivedChange) {
  const $set: Record<string, unknown> = { memberships: [...memberships] }
  for (const [purpose, state] of derived) $set[`derived.${purpose}`] = state
  if (version !== null) $set['membershipVersion'] = version
  if (due === null) return { $set, $unset: { membershipsDue: '' as const } }
  $set['membershipsDue'] = due
  return { $set }
}
