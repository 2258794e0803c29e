import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decideStepUp, hasFactor, proofLife, type ProofKind, type StepUpDecision, type StepUpFacts } from '../../src/access/decide-step-up.ts'
import { risks, stepUpActions, stepUpPolicy, type Risk, type StepUpAction } from '../../src/config/step-up.ts'
import type { FactorKind } from '../../src/storage/customers.ts'
import { rowsOf } from '../support/tables.ts'

const rules = stepUpPolicy({ actions: {}, signIn: { risks: [...risks] } })
const listed = (cell = '–'): string[] => (cell === '–' ? [] : cell.split(', '))
const minute = 60_000

function proofIn(cell = '–'): StepUpFacts['proof'] {
  if (cell === '–') return null
  const [kind, ago] = cell.split(' ')
  return { kind: kind as ProofKind, ago: Number(ago) * minute }
}

const words = (decision: StepUpDecision): string =>
  decision.do === 'allow' ? 'allow' : `ask for ${decision.accepted.join(', ') || 'nothing'}: ${decision.reasons.join(', ')}`

test.for(rowsOf('docs/step-up.md').map((row) => [Object.values(row).join(' · '), row] as const))('%s', ([, row]) => {
  const action = row['action'] as StepUpAction
  const facts: StepUpFacts = {
    action,
    factors: new Set(listed(row['enrolled']) as FactorKind[]),
    mailCode: row['mail'] === 'yes',
    signedInAgo: row['signed in'] === 'never' ? null : Number(row['signed in']) * minute,
    proof: proofIn(row['proved']),
    risks: listed(row['risks']) as Risk[],
    rule: rules[action],
  }
  expect(words(decideStepUp(facts))).toBe(row['decision'])
})

const anyFacts: fc.Arbitrary<StepUpFacts> = fc
  .record({
    action: fc.constantFrom<StepUpAction>(...stepUpActions, 'signIn', 'acr'),
    factors: fc.subarray<FactorKind>(['passkey', 'totp', 'recoveryCodes']).map((kinds) => new Set(kinds)),
    mailCode: fc.boolean(),
    signedInAgo: fc.option(fc.nat(30 * minute), { nil: null }),
    proof: fc.option(fc.record({ kind: fc.constantFrom<ProofKind>('passkey', 'totp', 'recoveryCode', 'mailCode'), ago: fc.nat(2 * proofLife) }), { nil: null }),
    risks: fc.subarray<Risk>([...risks, 'mailWayIn']),
  })
  .map((facts) => ({ ...facts, rule: rules[facts.action] }))

test('D25 who has a factor never changes what guards the account without one of their own factors', () => {
  fc.assert(
    fc.property(anyFacts, (facts) => {
      if (!hasFactor(facts.factors) || facts.action === 'signIn') return true
      const decision = decideStepUp(facts)
      if (decision.do === 'ask') return !decision.accepted.includes('mailCode') && !decision.accepted.includes('signIn')
      return facts.proof !== null && facts.proof.ago <= proofLife && facts.proof.kind !== 'mailCode'
    }),
  )
})

test('an ordinary sign-in asks for nothing further', () => {
  fc.assert(fc.property(anyFacts, (facts) => decideStepUp({ ...facts, action: 'signIn', rule: rules.signIn, risks: [] }).do === 'allow'))
})

test('one more risk never asks for less, and nobody is asked for what they cannot show', () => {
  fc.assert(
    fc.property(anyFacts, fc.constantFrom<Risk>(...risks), (facts, risk) => {
      const before = decideStepUp(facts)
      const after = decideStepUp({ ...facts, risks: [...facts.risks, risk] })
      if (before.do === 'ask' && after.do === 'allow') return false
      const can = new Set(facts.factors)
      return (
        after.do === 'allow' ||
        after.accepted.every((way) => {
          if (way === 'mailCode') return facts.mailCode
          if (way === 'signIn') return true
          return can.has(way === 'recoveryCode' ? 'recoveryCodes' : way)
        })
      )
    }),
  )
})
