import type { AuditLog } from '../audit/log.ts'
import { builtInPurposes, consentRecord, type Policy } from '../config/policy.ts'
import type { Site } from '../consent/site.ts'
import type { Reading } from '../customers/reads.ts'
import { EntenteError } from '../errors.ts'
import { tokenOf, type Caller } from '../operation.ts'
import type { AudienceReceiverStore } from '../storage/audience-receivers.ts'
import { membershipEntry } from '../storage/customers.ts'
import { cursorsLast, type AudienceCursors, type AudiencePlace, type CursorOf } from './audience-cursor.ts'
import { changesFrom, type Audience, type AudiencePage, type AudiencePages, type Found } from './audience-pages.ts'

export interface AudienceParts {
  readonly pages: AudiencePages
  readonly cursors: AudienceCursors
  readonly receivers: Pick<AudienceReceiverStore, 'read' | 'owes' | 'calledBack'>
  readonly note: AuditLog['note']
  /** Counts a run through all of an audience. RATE_LIMITED */
  readonly admitSnapshot: (of: { readonly clientId: string; readonly audience: string }) => void
  readonly policy: Policy
  /** Milliseconds. */
  readonly now: () => number
}

export interface AudienceRequest {
  readonly segment: string
  readonly purpose: string
  /** Paths of the fields that are asked for, sorted: a cursor belongs to them. */
  readonly fields: readonly string[]
  /** A cursor to go on from. */
  readonly after: string | null
  /** The cursor of a run that was complete: only what has changed since. */
  readonly since: string | null
}

/** A run through an audience that may begin, or go on. */
export interface AudienceRun {
  readonly audience: Audience
  readonly request: AudienceRequest
  readonly place: AudiencePlace
  readonly begun: number
}

/** A page with the cursor for what comes behind it. */
export type CursorPage = AudiencePage & { readonly cursor: string }

/** Each page is an operation of its own, and what was decided for it is counted. */
export interface PageReading {
  readonly readingOf: () => Reading
  readonly told: (reading: Reading) => void
}

/** What was read longer ago is read again before it is shown. Milliseconds. */
const freshFor = 1_000

/**
 * The people of a segment for a purpose, in the fields and forms that it covers, for tools: all of them, or what changed since. Who was
 * handed people and does not fetch in time who is gone gets nobody new. UNAUTHENTICATED FORBIDDEN BAD_USER_INPUT RATE_LIMITED
 */
export function audiences({ pages, cursors, receivers, note, admitSnapshot, policy, now }: AudienceParts) {
  const cursorOf = ({ audience, request }: Pick<AudienceRun, 'audience' | 'request'>): CursorOf => ({
    clientId: audience.caller.clientId,
    audience: audience.name,
    fields: request.fields,
  })

  async function begin(given: Caller | null, request: AudienceRequest): Promise<AudienceRun> {
    const audience = audienceOf(given, request, policy)
    if (request.after !== null && request.since !== null) throw new EntenteError('BAD_USER_INPUT', { why: 'after and since' }, { field: 'since' })
    if (audience.isGone && request.after === null && request.since === null)
      throw new EntenteError('BAD_USER_INPUT', { why: 'no such segment for this purpose' }, { field: 'segment' })
    const of = cursorOf({ audience, request })
    const run = (place: AudiencePlace, begun: number): AudienceRun => ({ audience, request, place, begun })
    if (request.since !== null) {
      const known = cursors.read(of, request.since, 'since')
      const from = known.among === 'changes' ? known : changesFrom(known.begun, known.policy)
      return run(from, from.after === '' ? now() : from.begun)
    }
    const place = request.after === null ? null : cursors.read(of, request.after, 'after')
    if (place?.among === 'members' && audience.isGone) return run(changesFrom(place.begun, place.policy), now())
    if (place?.among === 'changes') return run(place, place.begun)
    if (place !== null && place.policy !== policy.version) throw new EntenteError('BAD_USER_INPUT', { why: 'another policy' }, { field: 'after' })
    if (place?.again) return run(place, place.begun)
    await refuseBehind(of)
    if (place !== null) return run(place, place.begun)
    admitSnapshot(of)
    const begun = Math.min(now(), (await receivers.owes(of.clientId, of.audience, new Date(now()))).getTime())
    return run({ among: 'members', after: '', begun, policy: policy.version, again: false }, begun)
  }

  /** FORBIDDEN, with the cursor for `since` from which the receiver catches up; too late for that, with one for `after` to begin anew. */
  async function refuseBehind(of: CursorOf): Promise<void> {
    const calledBackTo = (await receivers.read(of.clientId, of.audience))?.calledBackTo.getTime() ?? now()
    if (calledBackTo + policy.audiences.suppressionsWithin >= now()) return
    // Under which policy it was told what it holds is not known here, so everybody is told of again.
    const why = 'fetches nothing of who is gone'
    if (calledBackTo + cursorsLast >= now())
      throw new EntenteError('FORBIDDEN', { why }, { field: 'since', since: cursors.write(of, changesFrom(calledBackTo, '')) })
    // Who went that long ago is told nowhere any more: it goes on as a receiver that has let go of everybody, and this is how it says so.
    const after = cursors.write(of, { among: 'members', after: '', begun: now(), policy: policy.version, again: true })
    throw new EntenteError('FORBIDDEN', { why }, { field: 'after', after })
  }

  const find = (run: AudienceRun, site: Site, from: AudiencePlace, limit: number): Promise<Found> => pages.find(run.audience, site, from, run.begun, limit)

  function show(run: AudienceRun, site: Site, reading: Reading, found: Found): CursorPage {
    const page = pages.show(run.audience, site, reading, found)
    return { ...page, cursor: cursors.write(cursorOf(run), page.place) }
  }

  /** What changed up to the beginning of this run has been fetched. */
  async function settle({ audience, begun }: AudienceRun, { complete }: AudiencePage, from: AudiencePlace): Promise<void> {
    if (complete && (from.among === 'changes' || from.again)) await receivers.calledBack(audience.caller.clientId, audience.name, new Date(begun))
  }

  /** In the log before it is given: to whom, what and for what. */
  async function noted({ audience, request }: AudienceRun, site: Site, { people }: AudiencePage): Promise<void> {
    if (people.length === 0) return
    const categories = [...new Set(site.fields.map(({ category }) => category))].sort()
    const subjects = people.map(({ key }) => key)
    const detail = { segment: request.segment }
    await note({ type: 'data.read', client: audience.caller.clientId, actor: 'client', subjects, purposes: [audience.purpose], categories, detail })
  }

  return {
    begin,

    async page(reading: Reading, site: Site, request: AudienceRequest, first: number): Promise<CursorPage> {
      const run = await begin(reading.caller, request)
      const page = show(run, site, { ...reading, shown: noneShown() }, await find(run, site, run.place, first))
      await noted(run, site, page)
      await settle(run, page, run.place)
      return page
    },

    /** Page after page to the end; what is given is in the audit log before. The next page is read while this one is written and taken. */
    async *pages(run: AudienceRun, site: Site, { readingOf, told }: PageReading, limit: number): AsyncGenerator<CursorPage> {
      for (let found = await find(run, site, run.place, limit); ;) {
        const reading = readingOf()
        const page = show(run, site, reading, found)
        told(reading)
        const ahead = page.complete ? null : { at: now(), found: find(run, site, page.place, limit) }
        ahead?.found.catch(() => undefined)
        await noted(run, site, page)
        await settle(run, page, found.from)
        yield page
        if (ahead === null) return
        found = await (now() - ahead.at > freshFor ? find(run, site, page.place, limit) : ahead.found)
      }
    },
  }
}

/** What an operation shows is noted by it; what is shown here is noted here. */
export const noneShown = (): Reading['shown'] => ({ customers: new Set(), sites: new Set(), missed: new Set() })

export type Audiences = ReturnType<typeof audiences>

/** For the one purpose: what the token may do beside it shows nothing here. Who may not ask and what is not there look alike per kind. */
function audienceOf(given: Caller | null, { segment, purpose: id }: AudienceRequest, policy: Policy): Audience {
  const caller = tokenOf(given)
  if (caller.customer !== null) throw new EntenteError('FORBIDDEN', { why: 'audiences are for tools' })
  const mask = policy.maskOf([id]) & caller.purposes & ~builtInPurposes
  if (mask === 0) throw new EntenteError('FORBIDDEN', { why: 'not a purpose of this token' }, { field: 'purpose' })
  const isGone = !policy.segments.some((one) => one.id === segment && (one.mask & mask) !== 0)
  return { name: membershipEntry(segment, id), purpose: id, caller: { ...caller, purposes: mask | consentRecord }, isGone }
}
