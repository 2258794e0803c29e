import { createHash, createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { newCustomer } from '../../src/linking/new-customer.ts'
import type { Caller } from '../../src/operation.ts'
import { segmentsDoor } from '../../src/personalization/segments-door.ts'
import { demoPolicy, openHouse } from '../support/house.ts'

// Numbers about people, asked for again and again by somebody who wants to know about one of them. The numbers are those of leaks.

describe('counts of people', () => {
  const everybody = 200
  const secret = 'WEEKLY'
  // Fixed, as all is that these numbers are drawn from.
  const firstDay = Date.UTC(2026, 0, 5)
  const trialKey = Buffer.alloc(32, 1)
  const trialBudget = { spend: () => Promise.resolve(true) }
  const keyOf = (n: number) => createHash('sha256').update(`person ${n}`).digest().subarray(0, 16).toString('base64url')
  /** Everybody can be told apart by what an operator may know anyway; what is after is a word of theirs. */
  async function crowd(house: Awaited<ReturnType<typeof openHouse>>): Promise<void> {
    await house.db.collection<{ _id: string }>('customers').insertMany(
      await Promise.all(
        Array.from({ length: everybody }, async (_, n) => ({
          ...newCustomer(keyOf(n), new Date(firstDay)),
          locale: `l${n}`,
          country: n % 2 === 0 ? 'DE' : 'FR',
          traits: { clothingSize: `size ${n % 8}`, favouriteColours: [`colour ${n % 12}`], newsletterRhythm: n % 3 === 0 ? secret : 'MONTHLY' },
          decisions: { email_marketing: { state: 'granted' as const, textVersion: '2026-01', at: new Date(firstDay) } },
          grants: ['email_marketing@2026-01'],
        })),
      ),
    )
  }

  const trait = (name: string, value: string) => ({ trait: { name, op: 'eq', value } })

  const locale = (n: number) => ({ profile: { field: 'locale', op: 'eq', value: `l${n}` } })

  async function trials(house: Awaited<ReturnType<typeof openHouse>>) {
    const clock = { day: 0 }
    const door = segmentsDoor({ customers: house.store, policy: demoPolicy, trialKey, trialBudget, now: () => firstDay + 86_400_000 * clock.day })
    const operator: Caller = {
      clientId: 'operator',
      sector: 'operator',
      customer: null,
      purposes: 0,
      scopes: new Set(['segments:read']),
      issuedAt: 0,
      authTime: null,
      grant: null,
    }
    const people = async (rule: object) => (await door.tryRule(operator, JSON.stringify(rule), 'email_marketing')).people
    return { clock, people }
  }

  /** Rules that hold for whoever has the word, and for others too, who have other colours than this person; every second one is said by its complement. */
  const groupsAround = (person: number): object[] =>
    Array.from({ length: 25 }, (_, i) => {
      const colours = Array.from({ length: 1 + (i % 5) }, (__, j) =>
        trait('favouriteColours', `colour ${(person + 1 + ((Math.trunc(i / 5) * 2 + j) % 11)) % 12}`),
      )
      const parts = [trait('newsletterRhythm', secret), ...colours]
      return i % 2 === 0 ? { any: parts } : { not: { all: parts.map((part) => ({ not: part })) } }
    })

  test('F6 rules that differ in one person recover nobody’s word, however they are padded or turned round', async () => {
    await using house = await openHouse()
    await crowd(house)
    const { clock, people } = await trials(house)
    const isCounted = (n: number) => (createHmac('sha256', trialKey).update(keyOf(n)).digest()[0] ?? 0) % 2 === 0
    const withWord = Array.from({ length: everybody }, (_, n) => n)
      .filter((n) => n % 3 === 0 && isCounted(n))
      .slice(0, 8)
    // A day of tries for each: what singles the person out, and changes nothing, takes them out of the count. Where the numbers fall, the word is theirs.
    const found: number[] = []
    for (const person of withWord) {
      clock.day++
      let fallen = 0
      for (const group of groupsAround(person)) {
        const singled = { any: [group, { all: [locale(person), { not: locale(person) }] }] }
        fallen += Number(await people(group)) - Number(await people(singled))
      }
      if (fallen > 0) found.push(person)
    }
    expect(withWord).toHaveLength(8)
    expect(found.length).toBeLessThan(7)
  }, 240_000)

  test('F6 the number says about how many all the same, the same all day, and of few nothing', async () => {
    await using house = await openHouse()
    await crowd(house)
    const { people } = await trials(house)
    const whole = { any: ['DE', 'FR'].map((value) => ({ profile: { field: 'country', op: 'eq', value } })) }
    const all = await people(whole)
    expect(Number(all)).toBeGreaterThan(120)
    expect(await people(whole)).toBe(all)
    for (const n of [7, 8]) expect(await people(locale(n))).toBeNull()
  })
})
