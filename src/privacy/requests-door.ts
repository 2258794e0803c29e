import { EntenteError } from '../errors.ts'
import { privacyScope } from '../linking/merge-door.ts'
import type { Caller, CustomerKey } from '../operation.ts'
import type { PrivacyRequestRow } from '../storage/privacy-requests.ts'
import { PrivacyRequestKind, PrivacyRequestOutcome, type PrivacyRequest, type PrivacyRequestDoor } from './requests-resolver.ts'
import type { PrivacyRequests } from './requests.ts'

export interface RequestDoorParts {
  readonly requests: PrivacyRequests
  readonly subjects: { outwardOne(sector: string, customer: CustomerKey): string; inward(sector: string, id: string): CustomerKey | null }
  readonly now: () => Date
}

const longestPage = 200
const kinds = { access: PrivacyRequestKind.ACCESS, erasure: PrivacyRequestKind.ERASURE } as const
const outcomes = { done: PrivacyRequestOutcome.DONE, refused: PrivacyRequestOutcome.REFUSED } as const

/** What the GraphQL fields about requests call. */
export function requestDoor({ requests, subjects, now }: RequestDoorParts): PrivacyRequestDoor {
  const shown = (caller: Caller, row: PrivacyRequestRow): PrivacyRequest => ({
    id: row._id,
    kind: kinds[row.kind],
    customerId: subjects.outwardOne(caller.sector, row.customer),
    reason: row.reason ?? null,
    openedAt: row.openedAt,
    dueAt: row.dueAt,
    overdue: row.closedAt === undefined && row.dueAt < now(),
    closedAt: row.closedAt ?? null,
    outcome: row.outcome === undefined ? null : outcomes[row.outcome],
  })
  return {
    async list(caller, open, first) {
      requireOperator(caller)
      if (first < 1 || first > longestPage) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'first' })
      return (await requests.list(open, first)).map((row) => shown(caller, row))
    },
    async open(caller, { kind, customerId, reason }) {
      requireOperator(caller)
      const customer = subjects.inward(caller.sector, customerId)
      if (customer === null) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'customerId' })
      return shown(caller, await requests.open(caller, kind, customer, reason))
    },
    async close(caller, id, closing) {
      requireOperator(caller)
      return shown(caller, await requests.close(caller, id, closing))
    },
  }
}

function requireOperator(caller: Caller): void {
  if (!caller.scopes.has(privacyScope)) throw new EntenteError('FORBIDDEN', { scope: privacyScope })
}
