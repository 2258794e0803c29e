import type { FieldNode } from 'graphql'
import { builtInPurposes, type Policy } from '../config/policy.ts'
import { mayOf, mayProcess } from '../consent/gate.ts'
import { tokenLives } from '../consent/live-token.ts'
import type { Plan } from '../consent/plan.ts'
import type { Report } from '../consent/report.ts'
import type { Site } from '../consent/site.ts'
import type { CustomerView, ViewOf } from '../consent/view.ts'
import { EntenteError } from '../errors.ts'
import { tokenOf, type Caller, type CustomerKey, type Mask } from '../operation.ts'
import type { GatedRow } from '../storage/customers.ts'
import { narrowing } from './narrow.ts'
import type { JoinedReads } from '../storage/joined-reads.ts'

/** The part of an operation that reading customers needs. */
export interface Reading {
  readonly caller: Caller | null
  readonly plan: Plan
  readonly report: Report
  /** Whose data the answer holds, where in the operation it was asked for, and which ids it holds nobody for: for the audit log. */
  readonly shown: { readonly customers: Set<CustomerKey>; readonly sites: Set<Site>; readonly missed: Set<string> }
}

/** Where a customer stands in an operation: `info.fieldNodes`. */
export type Place = readonly FieldNode[]

export interface ReadParts {
  readonly rows: JoinedReads
  readonly viewOf: ViewOf
  readonly subjects: {
    outward(sector: string, customers: readonly CustomerKey[]): string[]
    outwardOne(sector: string, customer: CustomerKey): string
    inward(sector: string, id: string): CustomerKey | null
  }
  readonly policy: Policy
  /** Milliseconds. */
  readonly now: () => number
}

export type CustomerReads = ReturnType<typeof customerReads>

/** Nothing but what says whether a token still counts. */
const tokenFields = { state: 1, tokensValidFrom: 1, endedGrants: 1 } as const

/** One customer, or a list that was found: rows become views here, and nothing else leaves. */
export function customerReads({ rows, viewOf, subjects, policy, now }: ReadParts) {
  const narrowed = narrowing(policy)

  function shownAs(reading: Reading, caller: Caller, row: GatedRow, site: Site, may?: Mask): CustomerView {
    reading.shown.customers.add(row._id)
    reading.shown.sites.add(site)
    return viewOf(row, site, caller, reading.report, may)
  }

  async function own(caller: Caller, customer: CustomerKey, projection: Site['projection']): Promise<GatedRow> {
    const row = await rows.read(customer, projection)
    if (row === null || !tokenLives(row, caller)) throw new EntenteError('UNAUTHENTICATED', { why: 'the token was ended' })
    return row
  }

  /**
   * The row of that key, or of whom that customer became part of: for those who could process the one merged away too, since others are
   * not told that the two are one person. Only active customers are merged, so there is no circle.
   */
  async function standing(caller: Caller, key: CustomerKey, projection: Site['projection']): Promise<GatedRow | null> {
    const row = await rows.read(key, projection)
    if (row?.state !== 'merged') return row
    if (!mayProcess(caller, { ...row, state: 'active' }, policy, now())) return null
    const survivor = (await rows.read(key, { mergedInto: 1 }))?.mergedInto
    return survivor === undefined ? null : standing(caller, survivor, projection)
  }

  async function me(reading: Reading, place: Place, ended: 'must live' | 'ended just now' = 'must live'): Promise<CustomerView | null> {
    const caller = tokenOf(reading.caller)
    if (caller.customer === null) return null
    const site = reading.plan.siteOf(place)
    const projection = narrowed(site, caller)
    const row = ended === 'must live' ? await own(caller, caller.customer, projection) : await rows.read(caller.customer, projection)
    if (row === null) return null
    const view = shownAs(reading, caller, row, site)
    view.id = subjects.outwardOne(caller.sector, row._id)
    return view
  }

  async function known(reading: Reading, id: string, place: Place): Promise<CustomerView | null> {
    const caller = tokenOf(reading.caller)
    const key = subjects.inward(caller.sector, id)
    if (caller.customer !== null) return key === caller.customer ? me(reading, place) : null
    if (key === null || (caller.purposes & ~builtInPurposes) === 0) return null
    const site = reading.plan.siteOf(place)
    const row = await standing(caller, key, narrowed(site, caller))
    if (row === null || !mayProcess(caller, row, policy, now())) return null
    const view = shownAs(reading, caller, row, site)
    view.id = row._id === key ? id : subjects.outwardOne(caller.sector, row._id)
    return view
  }

  return {
    /**
     * The signed-in customer; null for a tool. UNAUTHENTICATED, also when the token was ended meanwhile; `ended just now` is for the answer
     * of the very mutation that ended it.
     */
    me,

    /**
     * By the caller's own id; that of a merged customer leads to the one they are part of, who has an id of their own. Unknown, erased,
     * somebody else's and not processable are all null, after the same work. UNAUTHENTICATED
     */
    async one(reading: Reading, id: string, place: Place): Promise<CustomerView | null> {
      const view = await known(reading, id, place)
      if (view === null) reading.shown.missed.add(id)
      return view
    },

    /** Rows of a page as views; who is not processable by now is left out. */
    many(reading: Reading, found: readonly GatedRow[], site: Site): CustomerView[] {
      const caller = tokenOf(reading.caller)
      const at = now()
      const allowed = found.map((row) => ({ row, may: mayOf(caller, row, policy, at) })).filter(({ may }) => (may & ~builtInPurposes) !== 0)
      if (allowed.length === 0) return []
      const ids = subjects.outward(
        caller.sector,
        allowed.map(({ row }) => row._id),
      )
      return allowed.map(({ row, may }, i) => {
        const view = shownAs(reading, caller, row, site, may)
        view.id = ids[i] ?? ''
        return view
      })
    },

    /** The row behind the caller's own token, with these fields, for what decides on it beyond one view. UNAUTHENTICATED */
    own,

    /** What a write asks first: tokens of a customer end at once, so they are looked up; a tool's are not. UNAUTHENTICATED */
    async requireLive(caller: Caller): Promise<void> {
      if (caller.customer !== null) await own(caller, caller.customer, tokenFields)
    },
  }
}
