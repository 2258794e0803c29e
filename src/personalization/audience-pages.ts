import type { Policy } from '../config/policy.ts'
import type { Site } from '../consent/site.ts'
import type { CustomerView } from '../consent/view.ts'
import { narrowing } from '../customers/narrow.ts'
import type { CustomerReads, Reading } from '../customers/reads.ts'
import type { Caller } from '../operation.ts'
import type { AudienceChangeStore, Gone } from '../storage/audience-changes.ts'
import type { CustomerStore, GatedRow } from '../storage/customers.ts'
import type { AudiencePlace } from './audience-cursor.ts'
import { reason } from './audience-marks.ts'

export interface PageParts {
  readonly store: Pick<CustomerStore, 'page' | 'readMany'>
  readonly changes: Pick<AudienceChangeStore, 'after'>
  readonly reads: Pick<CustomerReads, 'many'>
  readonly subjects: { outwardOne(sector: string, customer: string): string }
  readonly policy: Policy
  /** Milliseconds. */
  readonly now: () => number
}

/** What somebody takes out: the people of a segment, for one purpose and no other. */
export interface Audience {
  readonly name: string
  readonly purpose: string
  readonly caller: Caller
  /** The policy has it no more: whoever holds people of it is told to let go of them. */
  readonly isGone: boolean
}

/** Somebody whom the receiver may no longer act upon, by its own id of them. */
export interface Suppressed {
  readonly id: string
  readonly suppressed: Gone
}

export interface AudiencePage {
  readonly people: readonly CustomerView[]
  readonly suppressed: readonly Suppressed[]
  /** Where it goes on; when it is complete, what `since` is given next time. */
  readonly place: AudiencePlace
  readonly complete: boolean
}

/** Rows that were read and not yet shown: at most one page of them, and not for long. */
export interface Found {
  readonly from: AudiencePlace
  readonly to: AudiencePlace
  readonly complete: boolean
  readonly rows: readonly GatedRow[]
  readonly gone: readonly { readonly customer: string; readonly why: Gone }[]
}

/** A transaction commits up to a minute after its clock was read, and clocks differ: so much of what was told is told again. Milliseconds. */
const overlap = 120_000

export const changesFrom = (begun: number, policy: string): AudiencePlace => ({ among: 'changes', at: begun - overlap, after: '', begun, policy })

/** Pages of an audience: its members in the order of their keys, or what changed among them in the order of time. */
export function audiencePages({ store, changes, reads, subjects, policy, now }: PageParts) {
  const narrowed = narrowing(policy)

  async function members(audience: Audience, site: Site, from: AudiencePlace & { among: 'members' }, limit: number): Promise<Found> {
    // The permission is no part of the query: few members have lost it since it was written, and the gate finds them without MongoDB's help.
    const rows = await store.page({ memberships: audience.name }, from.after === '' ? null : from.after, limit + 1, narrowed(site, audience.caller))
    const shown = rows.slice(0, limit)
    const complete = rows.length <= limit
    const to = complete ? changesFrom(from.begun, policy.version) : { ...from, after: shown.at(-1)?._id ?? '' }
    return { from, to, complete, rows: shown, gone: [] }
  }

  async function changed(audience: Audience, site: Site, from: AudiencePlace & { among: 'changes' }, begun: number, limit: number): Promise<Found> {
    const found = await changes.after(audience.name, { at: new Date(from.at), customer: from.after }, limit)
    // Under another policy they may be shown more or less, or nothing any more: everybody is told of again.
    const again = from.policy !== policy.version && !audience.isGone
    const here = again || audience.isGone ? [] : found.filter(({ gone }) => gone === undefined).map(({ customer }) => customer)
    const rows = here.length === 0 ? [] : await store.readMany(here, { ...narrowed(site, audience.caller), memberships: 1 })
    const gone = found.flatMap(({ customer, gone: why }) => (why === undefined ? [] : [{ customer, why }]))
    const last = found.at(-1)
    if (found.length === limit && last !== undefined) {
      return { from, to: { ...from, at: last.at.getTime(), after: last.customer, begun }, complete: false, rows, gone }
    }
    if (again) return { from, to: { among: 'members', after: '', begun, policy: policy.version, again: true }, complete: false, rows, gone }
    return { from, to: changesFrom(begun, policy.version), complete: true, rows, gone }
  }

  return {
    /** `begun`: when this run of fetches began. */
    find: (audience: Audience, site: Site, from: AudiencePlace, begun: number, limit: number): Promise<Found> =>
      from.among === 'members' ? members(audience, site, from, limit) : changed(audience, site, from, begun, limit),

    /** The gate decides now, whenever the rows were found. */
    show(audience: Audience, site: Site, reading: Reading, found: Found): AudiencePage {
      const { caller, name, purpose } = audience
      const members = found.from.among === 'members' ? found.rows : found.rows.filter((row) => row.memberships?.includes(name))
      const people = reads.many({ ...reading, caller }, members, site)
      const seen = people.length === found.rows.length ? null : new Set(people.map(({ key }) => key))
      const isRepeated = found.from.among === 'changes' || found.from.again
      const lost =
        seen === null || !isRepeated
          ? []
          : found.rows.filter(({ _id }) => !seen.has(_id)).map((row) => ({ customer: row._id, why: reason(row, purpose, policy, now()) }))
      const suppressed = [...found.gone, ...lost].map(({ customer, why }) => ({ id: subjects.outwardOne(caller.sector, customer), suppressed: why }))
      return { people, suppressed, place: found.to, complete: found.complete }
    },
  }
}

export type AudiencePages = ReturnType<typeof audiencePages>
