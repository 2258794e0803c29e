import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addDuration } from '../../src/config/duration.ts'
import { readPolicy, type Policy } from '../../src/config/policy.ts'
import { classify, type ClassifiedField } from '../../src/consent/classification.ts'
import { basisOf, gate, isExpired, masksOf, mayOf, mayProcess, purposeAskedFor, reasonOf, runsOutAt, tokenFor } from '../../src/consent/gate.ts'
import type { CustomerRow } from '../../src/storage/customers.ts'
import { naiveAnswer } from '../support/naive-gate.ts'
import { rowsOf } from '../support/tables.ts'
import { anyCustomer, anyPurposes, anyToken, policyFileOf, purposeIds } from './arbitrary.ts'
import { caller, customer, demoPolicy, now, schema } from './fixture.ts'

function answer(field: ClassifiedField, policy: Policy, token: readonly string[], row: CustomerRow, toThePerson = false): string {
  const asking = caller(policy, token)
  const decided = gate(field.masks, mayOf(asking, row, policy, now.getTime()))
  if (decided !== 'withheld') return decided.matchable ? `${decided.form} matchable` : decided.form
  return reasonOf(purposeAskedFor(field.masks, tokenFor(asking, row), policy), row, toThePerson)
}

const fieldsOf = (policy: Policy): ClassifiedField[] => [...classify(schema, policy).values()].filter(({ category }) => category !== 'user.privacy_preferences')

/** How much an answer shows; refusals show nothing. */
const width = (said: string): number => ['PRESENCE', 'REGION', 'BAND', 'HASH', 'HASH matchable', 'FULL'].indexOf(said) + 1

describe('the table of docs/gate.md', () => {
  const purpose = (legalBasis: string) => ({
    id: 'shop',
    legalBasis,
    covers: [{ category: 'user', form: 'FULL' }],
    validity: 'P1Y',
    texts: [
      { version: 'old', date: '2024-01-01', en: { title: 'a', text: 'a' } },
      { version: 'misspelt', date: '2025-01-01', en: { title: 'b', text: 'b' } },
      { version: 'new', date: '2026-01-01', correctsSpellingOf: 'misspelt', en: { title: 'b', text: 'b' } },
    ],
  })
  const at = new Date('2026-02-01')
  const stored: Record<string, unknown> = {
    none: undefined,
    granted: { state: 'granted', textVersion: 'new', at },
    'granted, older text': { state: 'granted', textVersion: 'old', at },
    'granted, spelling': { state: 'granted', textVersion: 'misspelt', at },
    'granted, expired': { state: 'granted', textVersion: 'new', at, expiresAt: now },
    'granted, past period': { state: 'granted', textVersion: 'new', at: new Date('2025-05-31') },
    refused: { state: 'refused', textVersion: 'new', at },
    withdrawn: { state: 'withdrawn', textVersion: 'new', at },
    objected: { state: 'objected', textVersion: 'new', at },
    pending: { state: 'pending', textVersion: 'new', at },
    unknown: { state: 'agreed', textVersion: 'new', at },
  }

  test.for(rowsOf('docs/gate.md'))('$legal basis, $decision stored, $customer', (cells) => {
    const foreign = cells['legal basis'] === 'not in the token'
    const policy = readPolicy(policyFileOf([purpose(foreign ? 'CONSENT' : (cells['legal basis'] ?? ''))]), 'table')
    const [email] = fieldsOf(policy)
    const decision = stored[cells['decision stored'] ?? '']
    const row = { ...customer({ restricted: cells['customer'] === 'restricted' }), decisions: JSON.parse('{}') as CustomerRow['decisions'] }
    if (decision !== undefined) Object.assign(row.decisions, { shop: decision })
    const said = (toThePerson: boolean) => (email ? answer(email, policy, foreign ? [] : ['shop'], row, toThePerson).replace('FULL', 'shown') : '')
    expect([said(false), said(true)]).toEqual([cells['answer'], cells['answer to the person']])
  })
})

describe('over generated policies and customers', () => {
  const world = fc.record({ purposes: anyPurposes, row: anyCustomer, token: anyToken, other: fc.constantFrom(...purposeIds) })
  type World = typeof world extends fc.Arbitrary<infer T> ? T : never
  const always = (holds: (world: World, policy: Policy) => void) =>
    fc.assert(
      fc.property(world, (one) => holds(one, readPolicy(policyFileOf(one.purposes), 'generated'))),
      { numRuns: 300 },
    )

  test('a second, naive gate says the same', () => {
    always(({ purposes, row, token }, policy) => {
      for (const field of fieldsOf(policy))
        expect([field.coordinate, answer(field, policy, token, row)]).toEqual([field.coordinate, naiveAnswer(purposes, field, token, row, now)])
    })
  })

  test('a withdrawal never shows more', () => {
    always(({ row, token, other }, policy) => {
      const before = row.decisions[other]
      const withdrawn = { ...row, decisions: { ...row.decisions, [other]: { state: 'withdrawn' as const, textVersion: before?.textVersion ?? 'v1', at: now } } }
      for (const field of fieldsOf(policy)) expect(width(answer(field, policy, token, withdrawn))).toBeLessThanOrEqual(width(answer(field, policy, token, row)))
    })
  })

  test('one purpose fewer never shows more, and no purpose shows nothing', () => {
    always(({ row, token, other }, policy) => {
      for (const field of fieldsOf(policy)) {
        expect(
          width(
            answer(
              field,
              policy,
              token.filter((id) => id !== other),
              row,
            ),
          ),
        ).toBeLessThanOrEqual(width(answer(field, policy, token, row)))
        expect(answer(field, policy, [], row)).toBe('PURPOSE_NOT_GRANTED')
      }
    })
  })

  test('C2: a decision about a purpose that is neither in the token nor required by one changes nothing', () => {
    always(({ purposes, row, token, other }, policy) => {
      if (token.includes(other) || purposes.some(({ requires }) => requires?.includes(other))) return
      const { [other]: _, ...decisions } = row.decisions
      for (const field of fieldsOf(policy)) expect(answer(field, policy, token, { ...row, decisions })).toBe(answer(field, policy, token, row))
    })
  })

  test('I1, I3: what is missing, unknown or unreadable gives no consent', () => {
    const junk = fc.oneof(
      fc.constant(undefined),
      fc.anything(),
      fc.record({ state: fc.anything(), textVersion: fc.constant('v1'), at: fc.date(), expiresAt: fc.anything() }),
    )
    fc.assert(
      fc.property(anyPurposes, junk, anyToken, (purposes, decision, token) => {
        const policy = readPolicy(policyFileOf(purposes), 'generated')
        const isGrant = typeof decision === 'object' && decision !== null && 'state' in decision && decision.state === 'granted'
        fc.pre(!isGrant)
        // Who said nothing objected to nothing.
        const unasked = ['CONTRACT', 'LEGAL_OBLIGATION', ...(decision === undefined ? ['LEGITIMATE_INTEREST'] : [])]
        const row = customer()
        for (const id of purposeIds) Object.assign(row.decisions, { [id]: decision })
        const basis = policy.namesOf(basisOf(row, policy, now.getTime()) & policy.maskOf(token))
        expect(basis.filter((id) => !unasked.includes(policy.purpose(id)?.legalBasis ?? ''))).toEqual([])
      }),
    )
  })
})

describe('a consent that ends by itself', () => {
  const ads = demoPolicy.purpose('personalised_ads')
  if (ads === undefined) throw new Error('no such purpose')
  const moment = fc.date({ min: new Date('2024-01-01'), max: new Date('2028-01-01'), noInvalidDate: true })

  test('counts until it runs out, and from that moment on no more; what it said of its end comes before what the policy says', () =>
    fc.assert(
      fc.property(moment, fc.option(moment, { nil: undefined }), fc.constantFrom(null, 'P1M', 'P13M'), (at, expiresAt, validity) => {
        const decision = { state: 'granted' as const, textVersion: '2026-01', at, ...(expiresAt && { expiresAt }) }
        const end = runsOutAt({ ...ads, validity }, decision)
        const isOut = (when: number) => isExpired({ ...ads, validity }, decision, when)
        if (end === null) expect([expiresAt, validity, isOut(Date.UTC(2100, 0))]).toEqual([undefined, null, false])
        else {
          expect(end).toEqual(expiresAt ?? addDuration(at, validity ?? ''))
          expect([isOut(end.getTime() - 1), isOut(end.getTime())]).toEqual([false, true])
        }
      }),
    ))

  test('is a consent: nothing else runs out, nor does what nobody decided', () => {
    const decision = { state: 'granted' as const, textVersion: '2026-01', at: now, expiresAt: now }
    expect([runsOutAt({ ...ads, legalBasis: 'LEGITIMATE_INTEREST' }, decision), runsOutAt(ads, undefined)]).toEqual([null, null])
  })

  test('is at its end where that cannot be read', () => {
    const broken = (change: object) => isExpired(ads, { state: 'granted', textVersion: '2026-01', at: now, ...change }, now.getTime())
    expect([broken({ expiresAt: null }), broken({ expiresAt: '2030-01-01' }), broken({ at: '2026-05-01' }), broken({})]).toEqual([true, true, true, false])
  })
})

describe('what a refusal speaks about', () => {
  test('is the first purpose in the order of the policy that is in the token and covers the field, and no built-in one', () => {
    const email = masksOf({ category: 'user.contact.email', type: 'String', list: false }, demoPolicy)
    const spoken = (...token: string[]) => purposeAskedFor(email, demoPolicy.maskOf(token), demoPolicy)?.id ?? null
    expect([spoken('data_subject_access'), spoken('personalised_shop'), spoken('personalised_ads', 'email_marketing')]).toEqual([null, null, 'email_marketing'])
    expect(spoken('data_subject_access', 'fraud_prevention')).toBe('fraud_prevention')
  })
})

describe('built-in purposes', () => {
  const oneText = [{ version: '1', date: '2026-01-01', en: { title: 'a', text: 'a' } }]
  const everything = demoPolicy.maskOf(['data_subject_access'])

  test('data_subject_access reads oneself, and nobody else', () => {
    const me = caller(demoPolicy, ['data_subject_access'], { customer: customer()._id })
    expect(mayOf(me, customer(), demoPolicy, now.getTime()) & everything).toBe(everything)
    expect(mayOf(me, customer({ _id: 'BBBBBBBBBBBBBBBBBBBBBB' }), demoPolicy, now.getTime()) & everything).toBe(0)
  })

  test('a restriction leaves the person their own data and their decisions, and hides them from everybody else', () => {
    const restricted = customer({ restricted: true })
    const me = caller(demoPolicy, ['data_subject_access', 'order_processing'], { customer: restricted._id })
    expect(demoPolicy.namesOf(mayOf(me, restricted, demoPolicy, now.getTime()))).toEqual(['data_subject_access', 'consent_record'])
    expect(mayProcess(caller(demoPolicy, ['order_processing']), restricted, demoPolicy, now.getTime())).toBe(false)
  })

  test('they make nobody appear in lists', () => {
    expect(mayProcess(caller(demoPolicy, ['email_marketing']), customer(), demoPolicy, now.getTime())).toBe(false)
    expect(mayProcess(caller(demoPolicy, ['fraud_prevention']), customer(), demoPolicy, now.getTime())).toBe(true)
    expect(mayProcess(caller(demoPolicy, ['fraud_prevention']), customer({ state: 'erased' }), demoPolicy, now.getTime())).toBe(false)
  })

  test('A19: what other clients see is told to the person only, whatever a purpose covers', () => {
    const policy = readPolicy(
      policyFileOf([
        {
          id: 'all',
          legalBasis: 'CONTRACT',
          covers: [{ category: 'user', form: 'FULL' }],
          texts: oneText,
        },
      ]),
      'all',
    )
    const seenBy = classify(schema, policy).get('Customer.seenBy')
    expect(seenBy && gate(seenBy.masks, policy.maskOf(['all', 'consent_record']))).toBe('withheld')
    expect(seenBy && gate(seenBy.masks, everything)).toMatchObject({ form: 'FULL' })
  })
})
