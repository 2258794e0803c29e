import { newReport } from '../consent/report.ts'
import { EntenteError } from '../errors.ts'
import { tokenOf } from '../operation.ts'
import type { CustomerView } from '../consent/view.ts'
import type { CustomerStore } from '../storage/customers.ts'
import { listName, type Cursors } from './cursor.ts'
import type { CustomerFilter } from './filter-type.ts'
import { compileFilter, type FilterParts } from './filter.ts'
import { narrowing } from './narrow.ts'
import { membersOf, processable } from './permission.ts'
import { allOf, always } from './query.ts'
import type { CustomerReads, Place, Reading } from './reads.ts'

export interface ListParts extends FilterParts {
  readonly store: Pick<CustomerStore, 'page' | 'count'>
  readonly reads: CustomerReads
  readonly cursors: Cursors
  readonly now: () => number
}

export interface ListRequest {
  readonly filter: CustomerFilter | null
  readonly segment: string | null
  readonly first: number
  readonly after: string | null
}

export interface CustomerEdge {
  readonly node: CustomerView
  readonly cursor: () => string
}

/** A page of customers. Cursors and the total are worked out only when they were asked for. */
export interface CustomerPage {
  /** Made while they are gone through, and kept nowhere: a long answer is mostly what becomes of them. */
  readonly edges: Iterable<CustomerEdge>
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: () => string | null }
  /** Null when there are more than anybody pages through. */
  readonly totalCount: () => Promise<number | null>
}

const highestTotal = 100_000
/** Rows that are views at a time. */
const atOnce = 128

/**
 * Customers whom a tool may process for one of its purposes, in the order of their keys, which are random. The permission is part of the
 * query, so pages are full and counts are what paging gives. UNAUTHENTICATED FORBIDDEN BAD_USER_INPUT
 */
export function customerLists(parts: ListParts) {
  const narrowed = narrowing(parts.policy)
  return async function page(reading: Reading, request: ListRequest, place: Place): Promise<CustomerPage> {
    const caller = tokenOf(reading.caller)
    if (caller.customer !== null) throw new EntenteError('FORBIDDEN', { why: 'lists are for tools' })
    const now = new Date(parts.now())
    const list = listName({ caller, filter: request.filter, segment: request.segment, policyVersion: parts.policy.version })
    const after = request.after === null ? null : parts.cursors.read(list, request.after)
    const asked = request.filter ? compileFilter(parts, request.filter, caller, now) : always
    const segment = request.segment === null ? always : membersOf(request.segment, caller, parts.policy, now)
    const query = allOf([processable(caller, parts.policy, now), segment, asked])
    const site = reading.plan.siteOf(place)
    const rows = await parts.store.page(query, after, request.first + 1, narrowed(site, caller))
    const shown = Math.min(rows.length, request.first)
    // Each customer is counted once in the report, however often edges were selected.
    let { report } = reading
    function* edges(): Iterator<CustomerEdge> {
      const counting = { ...reading, report }
      report = newReport(false)
      for (let at = 0; at < shown; at += atOnce)
        for (const node of parts.reads.many(counting, rows.slice(at, Math.min(at + atOnce, shown)), site))
          yield { node, cursor: () => parts.cursors.write(list, node.key) }
    }
    return {
      edges: { [Symbol.iterator]: edges },
      pageInfo: {
        hasNextPage: rows.length > shown,
        endCursor: () => {
          const last = rows.at(shown - 1)
          return shown === 0 || last === undefined ? null : parts.cursors.write(list, last._id)
        },
      },
      totalCount: async () => {
        const total = await parts.store.count(query, highestTotal + 1)
        return total > highestTotal ? null : total
      },
    }
  }
}

export type CustomerLists = ReturnType<typeof customerLists>
