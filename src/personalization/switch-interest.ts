import type { Connection } from 'mongoose'
import * as z from 'zod'
import type { AuditLog } from '../audit/log.ts'
import type { Policy } from '../config/policy.ts'
import { EntenteError } from '../errors.ts'
import { personOf, type Caller } from '../operation.ts'
import type { CustomerRow, CustomerStore } from '../storage/customers.ts'
import { inTransaction } from '../storage/transaction.ts'
import { switchName } from './affinities.ts'
import { deriver } from './derive.ts'

export interface SwitchParts {
  readonly db: Connection
  readonly customers: Pick<CustomerStore, 'read' | 'update'>
  readonly audit: Pick<AuditLog, 'inCustomerChain'>
  readonly policy: Policy
}

export interface Interest {
  readonly kind: string
  readonly name: string
}

const mostOff = 500
const interestName = z.string().min(1).max(200)

/**
 * "Not me": what was inferred is forgotten at once, for every purpose, and not inferred again while it is off. Switched on, it comes back
 * with what happens from then on. BAD_USER_INPUT UNAUTHENTICATED
 */
export async function switchInterest(parts: SwitchParts, caller: Caller | null, { kind, name }: Interest, off: boolean, at: Date): Promise<void> {
  const key = personOf(caller)
  const known = parts.policy.affinities.find((one) => one.kind === kind)
  if (known === undefined) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'kind' })
  if (!interestName.safeParse(name).success) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'name' })
  const entry = switchName(kind, name)
  await inTransaction(parts.db, key, async (tx) => {
    const row = await parts.customers.read(key, tx)
    if (row === null || row.state !== 'active') throw new EntenteError('UNAUTHENTICATED', { why: 'customer is not active' })
    const before = row.interestsOff ?? []
    if (before.includes(entry) === off) return
    if (off && before.length >= mostOff) throw new EntenteError('BAD_USER_INPUT', { why: 'too many' }, { field: 'name' })
    const interestsOff = off ? [...before, entry].sort() : before.filter((one) => one !== entry)
    const event = { type: 'profile.updated', client: caller?.clientId ?? null, actor: 'customer', subjects: [key], categories: [...known.from] } as const
    const audit = await parts.audit.inCustomerChain(tx, key, row.audit, event, at)
    const { $set, $unset } = derivedWithout(parts.policy, row, interestsOff, at.getTime())
    await parts.customers.update(tx, key, { $set: { ...$set, interestsOff, audit }, $unset })
  })
}

function derivedWithout(policy: Policy, row: CustomerRow, interestsOff: readonly string[], now: number) {
  const { apply, memberships: membershipsOf } = deriver(policy)
  const derived = Object.fromEntries(Object.entries(row.derived ?? {}).map(([purpose, state]) => [purpose, apply(state, purpose, [], now, interestsOff)]))
  const { memberships, due } = membershipsOf({ ...row, derived, interestsOff: [...interestsOff] }, now)
  return {
    $set: { ...(row.derived && { derived }), memberships, ...(due && { membershipsDue: due }) },
    $unset: due === null ? ({ membershipsDue: '' } as const) : {},
  }
}
