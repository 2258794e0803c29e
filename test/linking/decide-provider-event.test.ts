import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decideEvent, eventKinds, type EventEffect, type EventKind } from '../../src/linking/decide-provider-event.ts'
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
  expect(decideEvent(event, { state: row['identity is'] as IdentityState, since: noon })).toEqual(effect)
})

const anyEvent = fc.record({
  kind: fc.constantFrom(...eventKinds),
  reason: fc.constantFrom('hijacking', 'bulk-account'),
  at: fc.integer({ min: 0, max: 5 }).map((n) => new Date(n * 1000)),
})

/** What an identity is after events came in this order. */
function after(events: readonly { kind: EventKind; reason: string; at: Date }[]): IdentityState {
  let standing: { state: IdentityState; since: Date | null } = { state: 'active', since: null }
  for (const event of events) {
    const { state } = decideEvent(event, standing)
    if (state !== undefined) standing = { state, since: event.at }
  }
  return standing.state
}

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
