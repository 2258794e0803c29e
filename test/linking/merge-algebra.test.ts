import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readPolicy } from '../../src/config/policy.ts'
import { basisOf } from '../../src/consent/gate.ts'
import { merged, narrower, type Person } from '../../src/linking/merge-algebra.ts'
import { parted, type Joint } from '../../src/linking/undo-algebra.ts'
import type { LedgerDecision } from '../../src/storage/consent-ledger.ts'
import type { CustomerRow, Decision, DecisionState, Source } from '../../src/storage/customers.ts'
import { anyDecisions, anyPurposes, policyFileOf, purposeIds } from '../consent/arbitrary.ts'
import { rowsOf } from '../support/tables.ts'

const day = (n: number): Date => new Date(Date.UTC(2026, 0, n))

/** `yes to v1 until day 9`, `withdrawn`, `–`. */
function decisionIn(cell: string | undefined): Decision | undefined {
  if (cell === undefined || cell === '–') return undefined
  const [, version = 'v1', end] = /^yes to (v\d)(?: until day (\d+))?$/.exec(cell) ?? []
  if (!cell.startsWith('yes')) return { state: cell as DecisionState, textVersion: 'v1', at: day(1) }
  return { state: 'granted', textVersion: version, at: day(1), ...(end !== undefined && { expiresAt: day(Number(end)) }) }
}

test.for(rowsOf('docs/merge.md').map((row) => [Object.values(row).join(' · '), row] as const))('%s', ([, row]) => {
  const [one, other, together] = [row['one says'], row['the other says'], row['together']].map(decisionIn)
  expect(narrower(one, other)).toEqual(together)
  expect(narrower(other, one)).toEqual(together)
})

const providers = ['google', 'apple', 'haus']
const source: fc.Arbitrary<Source> = fc.record({ from: fc.constantFrom('customer', ...providers), at: fc.integer({ min: 1, max: 5 }).map(day) })
const saidTo = <T>(value: fc.Arbitrary<T>) => fc.option(fc.record({ source, value: fc.option(value, { nil: undefined }) }), { nil: undefined })
const values = fc.record({
  email: saidTo(fc.constantFrom('a@one.example', 'b@two.example')),
  givenName: saidTo(fc.constantFrom('Ada', 'Bea')),
  birthYear: saidTo(fc.constantFrom(1980, 1990)),
  'traits:clothingSize': saidTo(fc.constantFrom('M', 'L')),
})

const person: fc.Arbitrary<Person> = fc
  .record({
    said: values,
    decisions: anyDecisions,
    restricted: fc.boolean(),
    created: fc.integer({ min: 1, max: 9 }),
    proof: fc.constantFrom('none', 'verified'),
  })
  .map(({ said, decisions, restricted, created, proof }) => {
    const row: Record<string, unknown> & { traits: Record<string, unknown>; sources: Record<string, Source> } = { traits: {}, sources: {} }
    for (const [path, one] of Object.entries(said)) {
      if (one === undefined) continue
      row.sources[path] = one.source
      if (one.value === undefined) continue
      if (path.startsWith('traits:')) row.traits[path.slice(7)] = one.value
      else row[path] = one.value
    }
    if (row['email'] !== undefined) row['emailProof'] = proof
    return { ...row, decisions, restricted, createdAt: day(created) } as Person
  })

test('the order of two merges, and a merge done twice, make no difference', () => {
  fc.assert(
    fc.property(person, person, person, (a, b, c) => {
      expect(merged(a, b)).toEqual(merged(b, a))
      expect(merged(a, merged(b, c))).toEqual(merged(merged(a, b), c))
      expect(merged(a, a)).toEqual(a)
      expect(merged(merged(a, b), b)).toEqual(merged(a, b))
    }),
  )
})

const permission = (who: Person) => ({ _id: 'x', state: 'active' as const, decisions: who.decisions, restricted: who.restricted })

test('B33 whatever the purposes stand on, and whenever one looks, no purpose has a basis that it lacked in either', () => {
  fc.assert(
    fc.property(anyPurposes, person, person, fc.date({ min: day(1), max: new Date('2027-06-01') }), (purposes, a, b, at) => {
      const policy = readPolicy(policyFileOf(purposes), 'policy.yaml')
      const basis = (who: Person) => basisOf(permission(who), policy, at.getTime())
      expect(basis(merged(a, b)) & ~(basis(a) & basis(b))).toBe(0)
    }),
  )
})

test('what the customer wrote stands before what a provider says, and the newer word before the older', () => {
  fc.assert(
    fc.property(person, person, (a, b) => {
      const both = merged(a, b)
      for (const [path, { from, at }] of Object.entries(both.sources)) {
        for (const other of [a.sources[path], b.sources[path]]) {
          if (other === undefined) continue
          if (other.from === 'customer') expect(from).toBe('customer')
          if (other.from === from) expect(at.getTime()).toBeGreaterThanOrEqual(other.at.getTime())
        }
      }
    }),
  )
})

const anyPolicy = anyPurposes.map((purposes) => readPolicy(policyFileOf(purposes), 'policy.yaml'))
const all = new Set(providers)
const jointOf = (a: Person, b: Person, now: Person, since: Joint['since']): Joint => ({
  survivor: { before: a, providersBefore: all, providersAfter: all },
  absorbed: { before: b, providersBefore: all, providersAfter: all },
  now,
  since,
})

test('undone at once, each has exactly what it had', () => {
  fc.assert(
    fc.property(anyPolicy, person, person, (policy, a, b) => {
      expect(parted(jointOf(a, b, merged(a, b), []), policy)).toEqual({ survivor: a, absorbed: b })
    }),
  )
})

const refusal: fc.Arbitrary<LedgerDecision> = fc.record({
  purpose: fc.constantFrom(...purposeIds),
  state: fc.constantFrom('refused', 'withdrawn', 'objected'),
  textVersion: fc.constant('v1'),
  textHash: fc.constant(''),
  locale: fc.constant('en'),
})

test('a no that was said since holds for both; a yes that was said since widens nothing for the other', () => {
  fc.assert(
    fc.property(anyPolicy, person, person, fc.array(refusal, { minLength: 1, maxLength: 4 }), (policy, a, b, said) => {
      const after = parted(jointOf(a, b, merged(a, b), [{ decisions: said, at: day(20) }]), policy)
      for (const { purpose } of said) {
        expect(after.survivor.decisions[purpose]?.state).not.toBe('granted')
        expect(after.absorbed.decisions[purpose]?.state).not.toBe('granted')
      }
      const yes = said.map((one) => ({ ...one, state: 'granted' as const }))
      const granted = parted(jointOf(a, b, merged(a, b), [{ decisions: yes, at: day(20) }]), policy)
      expect(granted.absorbed).toEqual(b)
    }),
  )
})

test('what the customer wrote since stays with the survivor; what a login said that goes back goes with it', () => {
  const bare: CustomerRow['sources'] = {}
  const blank = { createdAt: day(1), decisions: {}, restricted: false, traits: {}, sources: bare }
  const by = (from: string, givenName: string, at: number): Person => ({ ...blank, givenName, sources: { givenName: { from, at: day(at) } } })
  const joint = (now: Person): Joint => ({
    survivor: { before: by('google', 'Ada', 1), providersBefore: new Set(['google']), providersAfter: new Set(['google']) },
    absorbed: { before: by('apple', 'Bea', 2), providersBefore: new Set(['apple']), providersAfter: new Set(['apple']) },
    now,
    since: [],
  })
  const policy = readPolicy(readFileSync('demo/policy.yaml', 'utf8'), 'demo/policy.yaml')
  expect(parted(joint(by('customer', 'Cleo', 3)), policy).survivor.givenName).toBe('Cleo')
  expect(parted(joint(by('apple', 'Beatrice', 3)), policy).survivor.givenName).toBe('Ada')
  expect(parted(joint(by('customer', 'Cleo', 3)), policy).absorbed.givenName).toBe('Bea')
})
