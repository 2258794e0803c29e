import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readPolicy } from '../../src/config/policy.ts'
import { interestsAt } from '../../src/personalization/affinities.ts'
import { computedValue } from '../../src/personalization/computed-traits.ts'
import { deriver, type DerivedState, type KeptEvent } from '../../src/personalization/derive.ts'
import { entriesIn, seriesIn, tallyOf } from '../../src/personalization/series.ts'
import { policyText } from './policy.ts'

const policy = readPolicy(policyText, 'policy.yaml')
const { apply, memberships } = deriver(policy)
const day = 86_400_000
const today = Date.UTC(2026, 10, 23, 12)

const names = ['Ski', 'Helmet', 'Tent', 'Boots']
const event = fc.record({
  id: fc.uuid(),
  name: fc.constantFrom('Product Viewed', 'Order Completed'),
  at: fc.integer({ min: today - 500 * day, max: today + 2 * day }).map((time) => new Date(time)),
  receivedAt: fc.integer({ min: today - 500 * day, max: today }).map((time) => new Date(time)),
  properties: fc.record(
    { category: fc.constantFrom(...names), total: fc.double({ min: -1000, max: 1000, noNaN: true }), gift: fc.boolean() },
    { requiredKeys: [] },
  ),
})
const events = fc
  .uniqueArray(event, { selector: ({ id }) => id, maxLength: 40 })
  .map((all): KeptEvent[] => all.map((one) => ({ ...one, properties: { ...one.properties } })))

const shop = 'personalised_shop'
const nothing: readonly string[] = []

describe('a state', () => {
  test('is the same made at once, one by one and in any order, with time passing between', () =>
    fc.assert(
      fc.property(
        events.chain((all) =>
          fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }), fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1 })),
        ),
        ([all, shuffled, pauses]) => {
          const atOnce = apply(undefined, shop, all, today, nothing)
          let state: DerivedState | undefined
          const times = pauses.map((pause) => today - pause * day).sort((a, b) => a - b)
          shuffled.forEach((one, i) => {
            const now = Math.max(times[Math.min(times.length - 1, Math.floor((i * times.length) / shuffled.length))] ?? today, 0)
            state = apply(state, shop, [one], now, nothing)
          })
          expect(apply(state, shop, [], today, nothing)).toEqual(atOnce)
        },
      ),
    ))

  test('says of counts, sums and different values what the events say', () =>
    fc.assert(
      fc.property(events, (all) => {
        const state = apply(undefined, shop, all, today, nothing)
        const within = (days: number) =>
          all.filter(({ at, receivedAt }) => Math.floor(Math.min(at.getTime(), receivedAt.getTime()) / day) > Math.floor(today / day) - days)
        const orders = within(365).filter(({ name }) => name === 'Order Completed')
        const value = (name: string) => {
          const trait = policy.computed.find((one) => one.name === name)
          return trait && computedValue(trait, state, today)
        }
        expect(value('orders')).toBe(orders.length)
        expect(value('spent')).toBeCloseTo(
          orders.reduce((sum, { properties }) => sum + (typeof properties['total'] === 'number' ? properties['total'] : 0), 0),
          1,
        )
        const viewed = within(365).filter(({ name }) => name === 'Product Viewed')
        expect(value('lastSeen') ?? undefined).toBe(
          viewed
            .filter(({ properties }) => properties['category'] !== undefined)
            .sort((a, b) => effectively(a) - effectively(b) || (a.id < b.id ? -1 : 1))
            .at(-1)?.properties['category'],
        )
      }),
    ))

  test('is bounded whatever is sent, and its bound hangs on no order', () => {
    const flood = Array.from({ length: 300 }, (_, i): KeptEvent => ({
      id: `e${i}`,
      name: 'Product Viewed',
      at: new Date(today - (i % 90) * day),
      receivedAt: new Date(today),
      properties: { category: `made up ${i}` },
    }))
    const state = apply(undefined, shop, flood, today, nothing)
    expect(entriesIn(state.interests['category'])).toHaveLength(50)
    expect(JSON.stringify(state).length).toBeLessThan(20_000)
    const backwards = flood.toReversed().reduce<DerivedState | undefined>((so, one) => apply(so, shop, [one], today, nothing), undefined)
    expect(backwards).toEqual(state)
  })

  test('holds nothing for a purpose that the events are not kept for', () => {
    const one: KeptEvent = { id: 'a', name: 'Product Viewed', at: new Date(today), receivedAt: new Date(today), properties: { category: 'Ski' } }
    expect(apply(undefined, 'personalised_ads', [one], today, nothing)).toEqual({ sums: {}, tallies: {}, marks: {}, interests: {}, happened: '' })
  })
})

const effectively = ({ at, receivedAt }: KeptEvent): number => Math.min(at.getTime(), receivedAt.getTime())

describe('an interest', () => {
  const kind = policy.affinities[0]
  if (!kind) throw new Error('no kind')
  const seen = (name: string, ago: number): KeptEvent => ({
    id: `${name}${ago}`,
    name: 'Product Viewed',
    at: new Date(today - ago * day),
    receivedAt: new Date(today),
    properties: { category: name },
  })
  const shown = (all: readonly KeptEvent[], now: number, off: readonly string[] = []) =>
    interestsAt(kind, apply(undefined, shop, all, today, off).interests['category'], now, new Set(off))

  test('counts half after its half-life, and a purchase more than a look', () => {
    const [ski] = shown([seen('Ski', 0)], today)
    const [later] = shown([seen('Ski', 0)], today + 30 * day)
    expect(ski?.score).toBeCloseTo(1, 2)
    expect(later?.score).toBeCloseTo(0.5, 2)
    expect(shown([seen('Tent', 60), { ...seen('Ski', 60), name: 'Order Completed' }], today).map(({ name }) => name)).toEqual(['Ski', 'Tent'])
  })

  test('is never stronger than what it was made from, and gone when that is', () =>
    fc.assert(
      fc.property(events, fc.integer({ min: 0, max: 800 }), (all, wait) => {
        const total = shown(all, today + wait * day).reduce((sum, { score }) => sum + score, 0)
        expect(total).toBeLessThanOrEqual(all.length * 5 * 1.01)
        if (wait > 366) expect(total).toBe(0)
      }),
    ))

  test('that was switched off is not made, and what was made is dropped', () => {
    const off = ['category:Ski']
    expect(shown([seen('Ski', 1), seen('Tent', 1)], today, off).map(({ name }) => name)).toEqual(['Tent'])
    const before = apply(undefined, shop, [seen('Ski', 1)], today, nothing)
    expect(apply(before, shop, [], today, off).interests).toEqual({})
  })
})

describe('memberships', () => {
  const decided = { state: 'granted', textVersion: '1', at: new Date(today - day) } as const
  const row = (derived: Record<string, DerivedState>, decisions = { personalised_shop: decided }) =>
    ({ _id: 'a', state: 'active', restricted: false, decisions, derived, country: 'DE' }) as const

  test('stand for purposes with a basis only, and stay as they are until they are due', () =>
    fc.assert(
      fc.property(events, fc.nat({ max: 1000 }), (all, part) => {
        const state = apply(undefined, shop, all, today, nothing)
        const both = row({ personalised_shop: state, email_marketing: state })
        const now = memberships(both, today)
        expect(now.memberships.every((one) => one.endsWith('@personalised_shop'))).toBe(true)
        const until = now.due === null ? today + 400 * day : now.due.getTime() - 1
        expect(memberships(both, Math.floor(today + ((until - today) * part) / 1000)).memberships).toEqual(now.memberships)
      }),
    ))

  test('end with a restriction, and where nothing is known there are none', () => {
    const state = apply(
      undefined,
      shop,
      [{ id: 'a', name: 'Order Completed', at: new Date(today), receivedAt: new Date(today), properties: {} }],
      today,
      nothing,
    )
    expect(memberships(row({ personalised_shop: state }), today).memberships).toContain('buyers@personalised_shop')
    expect(memberships({ ...row({ personalised_shop: state }), restricted: true }, today).memberships).toEqual([])
    expect(memberships({ ...row({}), country: 'AT' }, today).memberships).toEqual([])
  })
})

test('a tally gives back every series, by its name too, whatever the names are', () =>
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(fc.string({ unit: fc.constantFrom('"', '[', ']', ',', '\\', 'a', '1', 'ä', '\n') }), fc.integer(), fc.integer()), {
        selector: ([name]) => name,
      }),
      (entries) => {
        const tally = tallyOf(entries)
        // As a text, and as rows from before hold it.
        for (const kept of [tally, entries]) {
          expect(entriesIn(kept)).toEqual(entries)
          for (const [name, ...series] of entries) expect(seriesIn(kept, name)).toEqual(series)
        }
      },
    ),
  ))
