import { EntenteError } from '../errors.ts'
import { byOperator, type Caller, type CustomerKey } from '../operation.ts'
import type { AuditFilter, AuditRow } from '../storage/audit-log.ts'
import type { AuditLog } from './log.ts'
import type { AuditPage, AuditReads } from './reads.ts'
import { AuditActor, type AuditDoor, type AuditEventEntry, type AuditEventFilter } from './resolver.ts'

export interface AuditDoorParts {
  readonly reads: AuditReads
  readonly audit: Pick<AuditLog, 'note'>
  readonly subjects: {
    outward(sector: string, customers: readonly CustomerKey[]): string[]
    inward(sector: string, id: string): CustomerKey | null
  }
}

const longestPage = 200
const actors: Readonly<Record<AuditRow['actor'], AuditActor>> = {
  customer: AuditActor.CUSTOMER,
  client: AuditActor.CLIENT,
  provider: AuditActor.PROVIDER,
  system: AuditActor.SYSTEM,
}

/** What the GraphQL fields about the audit log call. People are named by the caller's own ids; values are not in the log at all. */
export function auditDoor({ reads, audit, subjects }: AuditDoorParts): AuditDoor {
  const entryFor = (caller: Caller, row: AuditRow): AuditEventEntry => ({
    id: row._id.startsWith('gateway-') ? row._id : row.hash,
    at: row.at,
    type: row.type,
    clientId: row.client,
    actor: actors[row.actor],
    // As below.
    get subjects() {
      return row.subjects.length === 0 ? [] : subjects.outward(caller.sector, row.subjects)
    },
    purposes: row.purposes,
    categories: row.categories,
  })
  return {
    async events(caller, filter, { first, after }) {
      const asked = filterOf(filter, caller, subjects)
      if (asked === null) return { edges: [], pageInfo: { hasNextPage: false, endCursor: null } }
      const page = await reads.events(asked, bounded(first), after)
      await audit.note({ type: 'audit.read', client: caller.clientId, actor: 'client', detail: { rows: page.rows.length, ...byOperator(caller) } })
      return connection(page, (row) => entryFor(caller, row))
    },
    async accessLog(_caller, customer, { first, after }) {
      const page = await reads.accessLog(customer, bounded(first), after)
      return connection(page, ({ at, type, client, purposes, categories, detail: { reason } }) => {
        const told = type === 'customer.looked_up' && typeof reason === 'string' ? reason : null
        return { at, type, clientId: client, purposes, categories, reason: told }
      })
    },
  }
}

function connection<Node>(page: AuditPage, nodeOf: (row: AuditRow) => Node) {
  const edges = page.rows.map((row) => ({
    node: nodeOf(row),
    // Made when it is read: who selects none pays for none.
    get cursor() {
      return page.cursorOf(row)
    },
  }))
  const { hasNextPage } = page
  return {
    edges,
    pageInfo: {
      hasNextPage,
      get endCursor() {
        return edges.at(-1)?.cursor ?? null
      },
    },
  }
}

/** Null when it names a customer whom nobody knows: nothing is found then, and nothing told. */
function filterOf(filter: AuditEventFilter, caller: Caller, subjects: AuditDoorParts['subjects']): AuditFilter | null {
  const subject = filter.customerId ? subjects.inward(caller.sector, filter.customerId) : undefined
  if (subject === null) return null
  return {
    ...(filter.types && { types: filter.types }),
    ...(filter.clientId && { client: filter.clientId }),
    ...(subject !== undefined && { subject }),
    ...(filter.from && { from: filter.from }),
    ...(filter.to && { to: filter.to }),
  }
}

function bounded(first: number): number {
  if (first < 1 || first > longestPage) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'first' })
  return first
}
