import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decideLink, type LinkDecision, type LinkFacts } from '../../src/linking/decide-link.ts'
import { rowsOf } from '../support/tables.ts'

const somebody = (cell: string | undefined): string | null => (cell === '–' ? null : (cell ?? null))

const words = (decision: LinkDecision): string => {
  if (decision.do === 'create') return 'create'
  if (decision.do === 'refuse') return decision.code
  if (decision.do === 'signIn') return `sign in ${decision.customer}`
  const why = { asked: 'asked', bothProveAddress: 'both prove the address', provedKnownWay: 'proved the known way' }[decision.why]
  return `link to ${decision.customer}, ${why}`
}

test.for(rowsOf('docs/linking.md').map((row) => [Object.values(row).join(' · '), row] as const))('%s', ([, row]) => {
  const facts: LinkFacts = {
    asking: somebody(row['asking']),
    identityOwner: somebody(row['login of']),
    identityShut: row['shut'] === 'yes',
    addressOwner: somebody(row['address of']),
    proof: row['provider vouches'] as LinkFacts['proof'],
    ownerProof: somebody(row['owner proved it']) as LinkFacts['ownerProof'],
    ownerIsAnotherHere: row['owner has another login here'] === 'yes',
    provedOwner: somebody(row['just signed in']?.slice(0, 1)),
    provedByMail: row['just signed in']?.endsWith('by mail') ?? false,
  }
  expect(words(decideLink(facts))).toBe(row['decision'])
})

const customer = fc.constantFrom('A', 'B', 'C')
const anyone = fc.option(customer, { nil: null })
const anyFacts: fc.Arbitrary<LinkFacts> = fc.record({
  asking: anyone,
  identityOwner: anyone,
  identityShut: fc.boolean(),
  addressOwner: anyone,
  proof: fc.constantFrom('authoritative', 'verified', 'none'),
  ownerProof: fc.constantFrom('authoritative', 'verified', null),
  ownerIsAnotherHere: fc.boolean(),
  provedOwner: anyone,
  provedByMail: fc.boolean(),
})

test('an address alone opens no account', () => {
  fc.assert(
    fc.property(anyFacts, (facts) => {
      const decision = decideLink(facts)
      if (decision.do !== 'link' || decision.why === 'asked') return true
      if (decision.why === 'provedKnownWay') return facts.provedOwner === facts.addressOwner && !(facts.provedByMail && facts.ownerIsAnotherHere)
      return facts.proof === 'authoritative' && facts.ownerProof === 'authoritative' && !facts.ownerIsAnotherHere
    }),
  )
})

test('a login that belongs to somebody never opens or joins another account', () => {
  fc.assert(
    fc.property(anyFacts, (facts) => {
      const decision = decideLink(facts)
      if (facts.identityOwner === null) return true
      return decision.do === 'refuse' || (decision.do === 'signIn' && decision.customer === facts.identityOwner)
    }),
  )
})

test('an address that nobody vouches for changes nothing', () => {
  fc.assert(
    fc.property(anyFacts, (facts) => {
      const unvouched = { ...facts, proof: 'none' as const }
      expect(decideLink(unvouched)).toEqual(decideLink({ ...unvouched, addressOwner: null, ownerProof: null }))
    }),
  )
})
