import { readFileSync } from 'node:fs'
import { readPolicy } from '../src/config/policy.ts'
import { derivedFields, openParts } from '../src/consent/derived.ts'
import { capturing, type FitEvent } from '../src/personalization/capture.ts'
import { deriver, type DerivedState } from '../src/personalization/derive.ts'
import { derivedReader } from '../src/personalization/read-derived.ts'
import type { CustomerRow } from '../src/storage/customers.ts'
import { actsFrom } from './behaviour.ts'

/** Of everybody. */
export const eventsOfEach = 20
/** Working a history out takes longer than writing it, so each is that of many. */
const different = 10_000
const visitsOfEach = 10
const day = 86_400_000
const shop = 'personalised_shop'
const letters = 'email_marketing'

const policy = readPolicy(readFileSync('bench/policy.yaml', 'utf8'), 'bench/policy.yaml')
const { apply, memberships } = deriver(policy)
const read = derivedReader(policy)
const capture = capturing(policy)
const shown = openParts([...new Set([...derivedFields(policy).values()].flat())], policy.maskOf([shop]), policy)
const titles = new Map(policy.segments.map(({ id, titles: byLocale }) => [id, byLocale.get('en') ?? id]))

interface History {
  readonly events: readonly FitEvent[]
  /** For the shop alone, and with letters. */
  readonly derived: Readonly<Record<'less' | 'more', Record<string, DerivedState>>>
  /** By the grants that somebody gave. */
  readonly memberships: Map<string, ReturnType<typeof memberships>>
}

/** What people did in the weeks before a moment, the same at every run, and what the gateway's own rules make of it. */
export function historiesUntil(until: number) {
  const made: History[] = []
  const historyOf = (n: number): History => (made[n % different] ??= worked(n % different, until))
  const has = (row: CustomerRow, purpose: string): boolean => row.decisions[purpose]?.state === 'granted'
  return {
    eventsOf: (n: number) => historyOf(n).events,
    purposesOf: (event: FitEvent, row: CustomerRow): readonly string[] =>
      capture.purposesOf(event, policy.maskOf(has(row, letters) ? [shop, letters] : [shop])),
    /** The row of somebody with that history: with what is derived, and the segments. */
    behaving(row: CustomerRow, n: number): CustomerRow {
      const history = historyOf(n)
      const derived = history.derived[has(row, letters) ? 'more' : 'less']
      const key = row.grants.join()
      const known = history.memberships.get(key) ?? memberships({ ...row, derived }, until)
      history.memberships.set(key, known)
      const { memberships: segments, due } = known
      return { ...row, derived, memberships: segments, ...(due !== null && { membershipsDue: due }) }
    },
    /** What a read in the shop shows of it at a moment. */
    shownAt(n: number, row: CustomerRow, now: number) {
      const { traits, affinities, segments } = read({ ...row, derived: historyOf(n).derived.less }, shown, now)
      return { traits, affinities, segments: segments.map((id) => ({ id, title: titles.get(id) ?? id })) }
    },
  }
}

export type Histories = ReturnType<typeof historiesUntil>

function worked(n: number, until: number): History {
  const events = actsFrom(n * visitsOfEach, eventsOfEach).map(({ event: name, properties: written }, i) => {
    // Every second one is after the same thing, so that there is an audience worth taking out.
    const properties = n % 2 === 0 && 'category' in written ? { ...written, category: 'Winter sports' } : written
    const receivedAt = new Date(until - Math.floor(i / 6) * 9 * day - (i % 6) * 60_000)
    const fit = capture.fitting(receivedAt)({ messageId: `${n}/${i}`, name, at: receivedAt.getTime(), properties, refused: 0, agreed: 0 })
    if (typeof fit === 'string') throw new Error(`${name} is not in the catalogue: ${fit}`)
    return fit
  })
  const derivedFor = (purpose: string): DerivedState => {
    const kept = events.filter((event) => capture.purposesOf(event, policy.maskOf([purpose])).length > 0)
    const own = kept.map(({ messageId: id, name, at, receivedAt, properties }) => ({ id, name, at, receivedAt, properties }))
    return apply(undefined, purpose, own, until, [])
  }
  const less = { [shop]: derivedFor(shop) }
  return { events, derived: { less, more: { ...less, [letters]: derivedFor(letters) } }, memberships: new Map() }
}
