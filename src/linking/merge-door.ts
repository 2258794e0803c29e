import { dataSubjectAccess } from '../config/policy.ts'
import { EntenteError } from '../errors.ts'
import { personOf, type Caller, type CustomerKey } from '../operation.ts'
import type { MergeProofs } from './merge-proof.ts'
import { mergeCustomers, type Pair } from './merge.ts'
import type { By, MergeParts } from './merge-parts.ts'
import type { MergeDoor } from './merge-resolver.ts'
import { undoMerge } from './undo-merge.ts'

export interface MergeDoorParts extends MergeParts {
  readonly proofs: Pick<MergeProofs, 'take'>
  /** STEP_UP_REQUIRED unless the person has proved who they are, for this, just now. */
  readonly requireStepUp: (caller: Caller, action: 'mergeCustomer' | 'undoMerge') => Promise<void>
  readonly endEverywhere: (customer: CustomerKey) => Promise<void>
}

/** Lets an operator's client undo what a person cannot undo themselves. */
export const privacyScope = 'privacy:handle'

/** What the fields about merging call. Every session and token of both ends, with the change and then at every client. */
export function mergeDoor(parts: MergeDoorParts): MergeDoor {
  const endBoth = ({ survivor, absorbed }: Pair) => Promise.all([survivor, absorbed].map(parts.endEverywhere))

  return {
    async merge(caller, proof) {
      const survivor = theirOwn(caller)
      await parts.requireStepUp(caller, 'mergeCustomer')
      const offer = await parts.proofs.take(proof, { survivor, grant: caller.grant ?? '', clientId: caller.clientId })
      const pair = { survivor, absorbed: offer.absorbed }
      await mergeCustomers(parts, pair, { client: caller.clientId, actor: 'customer' })
      await endBoth(pair)
    },

    async undo(caller, id) {
      const isOperator = caller.customer === null && caller.scopes.has(privacyScope)
      const survivor = isOperator ? null : theirOwn(caller)
      if (!isOperator) await parts.requireStepUp(caller, 'undoMerge')
      const by: By = { client: caller.clientId, actor: isOperator ? 'client' : 'customer' }
      await endBoth(await undoMerge(parts, id, survivor, by))
    },

    async of(customer) {
      const now = new Date()
      return (await parts.customers.read(customer))?.merges?.filter(({ undoUntil }) => undoUntil > now) ?? []
    },
  }
}

/** FORBIDDEN for a tool, and outside the account centre. */
function theirOwn(caller: Caller): CustomerKey {
  const customer = personOf(caller)
  if ((caller.purposes & dataSubjectAccess) === 0) throw new EntenteError('FORBIDDEN', { why: 'not the account centre' })
  return customer
}
