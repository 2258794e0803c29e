import type { Policy } from '../config/policy.ts'
import type { Classification } from '../consent/classification.ts'
import type { ViewOf } from '../consent/view.ts'
import type { CustomerStore } from '../storage/customers.ts'
import { joinedReads } from '../storage/joined-reads.ts'
import { cursors } from './cursor.ts'
import { customerLists } from './lists.ts'
import { fieldsByPath } from './paths.ts'
import { customerReads, type ReadParts } from './reads.ts'
import type { CustomerDoor } from './resolver.ts'
import { seenBy, type SeenByParts } from './seen-by.ts'

export interface CustomerDoorParts {
  readonly store: CustomerStore
  readonly policy: Policy
  readonly classification: Classification
  readonly viewOf: ViewOf
  readonly subjects: ReadParts['subjects']
  readonly client: SeenByParts['client']
  /** Encrypts places in lists; the same in all processes. */
  readonly cursorKey: Buffer
  /** Milliseconds. */
  readonly now: () => number
}

/** What the GraphQL fields that read customers call. */
export function customerDoor(parts: CustomerDoorParts): Omit<CustomerDoor, 'updateProfile'> {
  const { store, policy, now } = parts
  const fields = fieldsByPath(parts.classification)
  const reads = customerReads({ ...parts, rows: joinedReads(store) })
  return {
    reads,
    list: customerLists({ policy, fields, store, reads, cursors: cursors(parts.cursorKey, now), now }),
    seenBy: seenBy({ ...parts, reads }),
  }
}
