import { EntenteError } from '../errors.ts'
import type { CustomerKey } from '../operation.ts'
import type { AuditFilter, AuditRow, AuditStore } from '../storage/audit-log.ts'
import { seal, unseal } from '../storage/keys.ts'
import type { AuditType } from './event.ts'

export interface AuditPage {
  readonly rows: readonly AuditRow[]
  readonly hasNextPage: boolean
  /** Encrypted, bound to the list it came from. */
  readonly cursorOf: (row: AuditRow) => string
}

/** What counts as somebody reading or changing a customer's data, as the customer is told. */
export const toldToCustomer = [
  'data.read',
  'customer.looked_up',
  'login.succeeded',
  'customer.created',
  'customer.merged',
  'customer.merge_undone',
  'identity.linked',
  'identity.unlinked',
  'consent.changed',
  'profile.updated',
  'processing.restricted',
  'export.requested',
  'export.downloaded',
  'erasure.requested',
  'erasure.cancelled',
  'data.expired',
  'request.opened',
  'request.closed',
  'session.ended',
  'session.ended_everywhere',
  'device.forgotten',
  'device.disowned',
  'token.reused',
] as const satisfies readonly AuditType[]

/** The audit log, newest first, for operators (`audit:read`) and for the customer whom it is about. Bad cursors are BAD_USER_INPUT. */
export function auditReads(store: Pick<AuditStore, 'find'>, key: Buffer) {
  async function page(filter: AuditFilter, list: string, first: number, after: string | null): Promise<AuditPage> {
    const label = `audit cursor/${list}`
    const rows = await store.find(filter, after === null ? null : placeOf(key, after, label), first + 1)
    return {
      rows: rows.slice(0, first),
      hasNextPage: rows.length > first,
      cursorOf: (row) => seal(key, JSON.stringify([row.at.getTime(), row._id]), label),
    }
  }
  return {
    events: (filter: AuditFilter, first: number, after: string | null): Promise<AuditPage> => page(filter, 'events', first, after),
    accessLog: (customer: CustomerKey, first: number, after: string | null): Promise<AuditPage> =>
      page({ subject: customer, types: toldToCustomer }, `access log/${customer}`, first, after),
  }
}

function placeOf(key: Buffer, cursor: string, label: string): { at: Date; id: string } {
  const plain = unseal(key, cursor, label)
  if (plain === null) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'after' })
  const [at, id] = JSON.parse(plain.toString()) as [number, string]
  return { at: new Date(at), id }
}

export type AuditReads = ReturnType<typeof auditReads>
