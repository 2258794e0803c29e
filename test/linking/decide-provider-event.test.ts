import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decideEvent, eventKinds, type EventEffect, type EventKind, type IdentityStanding } from '../../src/linking/decide-provider-event.ts'
import type { IdentityState } from '../../src/storage/identities.ts'
import { rowsOf } from '../support/tables.ts'

const noon = new Date('2026-01-01T12:00:00Z')
const earlier = new Date('2026-01-01T11:00:00Z')
const said = (cell: string | undefined): string | undefined => (cell === '–' ? undefined : cell)

test.for(rowsOf('docs/provider-events.md').map((row) => [Object.values(row).join(' · '), row] as const))('%s', ([, row]) => {
  const reason = said(row['reason'])
  const event = { kind: row['event'] as EventKind, at: row['event is older'] === 'yes' ? earlier : noon, ...(reason !== undefined && { reason }) }
  const becomes = said(row['identity becomes']) as IdentityState | undefined
  const arrives = said(row['mail arrives'])
  const effect: EventEffect = {
    ...(becomes !== undefined && { state: becomes }),
    ...(row['sessions end'] === 'yes' && { endSessions: true }),
    ...(row['alert'] === 'yes' && { alert: true }),
    ...(arrives !== undefined && { deliverable: arrives === 'yes' }),
    ...(row['its data'] === 'deleted' && { forget: true }),
  }
  expect(decideEvent(event, { state: row['identity is'] as IdentityState, since: noon, addressSince: noon })).toEqual(effect)
})

const anyEvent = fc.record({
  kind: fc.constantFrom(...eventKinds),
  reason: fc.constantFrom('hijacking', 'bulk-account'),
  at: fc.integer({ min: 0, max: 5 }).map((n) => new Date(n * 1000)),
})

interface Heard {
  readonly kind: EventKind
  readonly reason: string
  readonly at: Date
}

/** What an identity and its address are after events came in this order, and what has happened on the way. */
function told(events: readonly Heard[]) {
  let standing: IdentityStanding = { state: 'active', since: null, addressSince: null }
  const so = { arrives: true, ended: false, alerted: false }
  for (const event of events) {
    const { state, deliverable, endSessions = false, alert = false } = decideEvent(event, standing)
    if (state !== undefined) standing = { ...standing, state, since: event.at }
    if (deliverable !== undefined) standing = { ...standing, addressSince: event.at }
    so.arrives = deliverable ?? so.arrives
    so.ended ||= endSessions
    so.alerted ||= alert
  }
  return { ...so, state: standing.state }
}
const after = (events: readonly Heard[]): IdentityState => told(events).state

test('a deleted account stays deleted, whatever comes later or came before', () => {
  fc.assert(
    fc.property(fc.array(anyEvent), fc.array(anyEvent), (before, later) => {
      expect(after([...before, { kind: 'accountDeleted', reason: '', at: noon }, ...later])).toBe('gone')
    }),
  )
})

test('F09 disabled and enabled end alike in either order of arrival', () => {
  const disabled = { kind: 'accountDisabled' as const, reason: 'hijacking', at: new Date(2000) }
  expect(after([disabled, { kind: 'accountEnabled', reason: '', at: new Date(1000) }])).toBe('blocked')
  expect(after([{ kind: 'accountEnabled', reason: '', at: new Date(1000) }, disabled])).toBe('blocked')
  expect(after([disabled, { kind: 'accountEnabled', reason: '', at: new Date(3000) }])).toBe('active')
})

test('F09 in whatever order notices arrive, the state of an account and of its address follows their own times, and what was to end has ended', () => {
  const switches = fc.constantFrom<EventKind>('accountDisabled', 'accountEnabled', 'addressDisabled', 'addressEnabled', 'sessionsRevoked')
  const notices = fc
    .array(fc.tuple(switches, fc.constantFrom('', 'hijacking')), { maxLength: 8 })
    .map((all) => all.map(([kind, reason], n) => ({ kind, reason, at: new Date(n) })))
  const inTwoOrders = notices.chain((inTime) => fc.tuple(fc.constant(inTime), fc.shuffledSubarray(inTime, { minLength: inTime.length })))
  fc.assert(
    fc.property(inTwoOrders, ([inTime, asArrived]) => {
      expect(told(asArrived)).toEqual(told(inTime))
    }),
  )
})
