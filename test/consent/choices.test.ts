import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readPolicy, type Purpose } from '../../src/config/policy.ts'
import { choicesOf, inForce, recorded, replayed, requireCurrentTexts, type Choice } from '../../src/consent/choices.ts'
import { consentsOf, grantEntry, searchable, stateOf } from '../../src/consent/decisions.ts'
import { basisOf } from '../../src/consent/gate.ts'
import type { CustomerRow, Decision } from '../../src/storage/customers.ts'
import { customer, now, policyText } from './fixture.ts'

/** The newsletter takes a letter that confirms it, and the shop's consent has no end. */
const policy = readPolicy(
  policyText.replace('    clients: [marketing]\n', '    clients: [marketing]\n    confirm: mail\n').replace('    validity: P2Y\n', ''),
  'policy.yaml',
)
const purposeOf = (id: string): Purpose => {
  const purpose = policy.purpose(id)
  if (purpose === undefined) throw new Error(`no purpose ${id}`)
  return purpose
}
const shop = purposeOf('personalised_shop')
const letters = purposeOf('email_marketing')
const ads = purposeOf('personalised_ads')
const fraud = purposeOf('fraud_prevention')
const say = (purpose: Purpose, granted: boolean, more: Partial<Choice> = {}): Choice => ({ purpose, granted, textVersion: purpose.textVersion, ...more })
const was = (state: Decision['state'], at = new Date('2026-03-01'), textVersion = '2026-01'): Decision => ({ state, textVersion, at })

describe('what may be decided', () => {
  const input = (purpose: string, granted = true, textVersion: string | null = '2026-01') => ({ purpose, granted, textVersion })
  const refused = (inputs: ReturnType<typeof input>[], field: string) =>
    expect(() => choicesOf(inputs, policy)).toThrow(expect.objectContaining({ code: 'BAD_USER_INPUT', hints: { field } }))

  test('consents and objections, each once, all or none', () => {
    const choices = choicesOf([input('personalised_ads'), { purpose: 'fraud_prevention', granted: false }], policy)
    expect(choices).toEqual([say(ads, true), say(fraud, false, { textVersion: null })])
    refused([], 'decisions')
    refused([input('personalised_ads'), input('no_such')], 'decisions.1.purpose')
    refused([input('personalised_ads'), input('personalised_ads', false)], 'decisions.1.purpose')
  })

  test('no contract, no duty, and nothing that is built in', () => {
    for (const id of ['order_processing', 'data_subject_access', 'consent_record']) refused([input('personalised_ads'), input(id)], 'decisions.1.purpose')
    expect(choicesOf([input('personalised_ads')], policy)).toHaveLength(1)
  })

  test('a list that is too long is refused before it is looked at', () => {
    const many = (length: number) => Array.from({ length }, () => input('personalised_ads'))
    refused(many(50), 'decisions.1.purpose')
    refused(many(51), 'decisions')
  })

  test('a yes names the text in use; a no needs none', () => {
    const fine = [say(shop, true), say(ads, false, { textVersion: null }), say(fraud, false, { textVersion: 'old' })]
    expect(() => requireCurrentTexts(fine)).not.toThrow()
    for (const textVersion of [null, 'old'])
      expect(() => requireCurrentTexts([...fine, say(letters, true, { textVersion })])).toThrow(
        expect.objectContaining({ code: 'CONSENT_TEXT_OUTDATED', hints: { field: 'decisions.3.textVersion' } }),
      )
    expect(() => requireCurrentTexts([say(letters, true, { textVersion: 'old' })])).toThrow(
      expect.objectContaining({ hints: { field: 'decisions.0.textVersion' } }),
    )
  })
})

describe('what the ledger says of an answer', () => {
  const state = (purpose: Purpose, granted: boolean, before?: Decision) => recorded(say(purpose, granted), before, 'en', now).state

  test('a yes is a grant, unless a letter is to confirm it first', () => {
    expect([state(ads, true), state(fraud, true), state(ads, true, was('objected'))]).toEqual(['granted', 'granted', 'granted'])
    expect([state(letters, true), state(letters, true, was('pending')), state(letters, true, was('withdrawn'))]).toEqual(['pending', 'pending', 'pending'])
    expect(state(letters, true, was('granted'))).toBe('granted')
    expect(state(letters, true, was('granted', now, 'of another text'))).toBe('pending')
  })

  test('a no takes back what was agreed to, refuses what was not, and stays an objection where it was one', () => {
    const answers = [undefined, was('granted'), was('withdrawn'), was('refused'), was('pending'), was('objected')].map((before) => state(ads, false, before))
    expect(answers).toEqual(['refused', 'withdrawn', 'withdrawn', 'refused', 'refused', 'objected'])
    expect([undefined, was('granted'), was('withdrawn')].map((before) => state(fraud, false, before))).toEqual(['objected', 'objected', 'objected'])
  })

  test('a browser’s signal objects and a followed link confirms, whatever was before', () => {
    expect(recorded(say(ads, false, { state: 'objected' }), was('granted'), 'en', now).state).toBe('objected')
    expect(recorded(say(letters, true, { state: 'granted' }), was('pending'), 'en', now).state).toBe('granted')
  })

  test('only a consent that counts has an end, and only where the policy sets one', () => {
    expect(recorded(say(ads, true), undefined, 'de', now)).toEqual({
      purpose: 'personalised_ads',
      state: 'granted',
      textVersion: '2026-01',
      textHash: ads.texts.get('de')?.hash,
      locale: 'de',
      expiresAt: new Date('2027-07-01T12:00:00Z'),
    })
    const endless = [recorded(say(shop, true), undefined, 'en', now), recorded(say(fraud, true), undefined, 'en', now)]
    const unsaid = [recorded(say(ads, false), was('granted'), 'en', now), recorded(say(letters, true), undefined, 'en', now)]
    for (const entry of [...endless, ...unsaid]) expect(entry).not.toHaveProperty('expiresAt')
    expect(recorded(say({ ...fraud, validity: 'P1Y' }, true), undefined, 'en', now)).not.toHaveProperty('expiresAt')
    expect(recorded(say(ads, true), undefined, 'tlh', now).textHash).toBe('')
  })
})

describe('what is in force', () => {
  const after = (before: CustomerRow['decisions'], choice: Choice, at: Date) =>
    inForce(before, [recorded(choice, before[choice.purpose.id], 'en', at)], at, policy)
  const days = (many: number) => new Date(now.getTime() + many * 86_400_000)

  test('to lift an objection leaves no decision; an objection to a consent that is lifted is a consent', () => {
    expect(after({ fraud_prevention: was('objected') }, say(fraud, true), now)).toEqual({})
    const expiresAt = new Date('2027-07-01T12:00:00Z')
    expect(after({ personalised_ads: was('objected') }, say(ads, true), now)).toEqual({ personalised_ads: { ...was('granted', now), expiresAt } })
    expect(after({ fraud_prevention: was('granted') }, say(fraud, false), now)).toEqual({ fraud_prevention: was('objected', now) })
  })

  test('asked for once more while a letter is on its way, the first one is waited for; then, or of another text, a new one is', () => {
    const waiting = after({}, say(letters, true), now)
    expect(waiting).toEqual({ email_marketing: was('pending', now) })
    expect(after(waiting, say(letters, true), new Date(days(7).getTime() - 1))).toEqual(waiting)
    expect(after(waiting, say(letters, true), days(7))).toEqual({ email_marketing: was('pending', days(7)) })
    const reworded = { email_marketing: was('pending', now, 'old') }
    expect(after(reworded, say(letters, true), days(1))).toEqual({ email_marketing: was('pending', days(1)) })
    expect(after({ email_marketing: was('refused', now) }, say(letters, true), days(1))).toEqual({ email_marketing: was('pending', days(1)) })
    expect(after(waiting, say(letters, false), days(1))).toEqual({ email_marketing: was('refused', days(1)) })
  })

  const said = fc.array(fc.tuple(fc.constantFrom(shop, letters, ads, fraud), fc.boolean(), fc.nat(20)), { maxLength: 12 })
  const told = (all: readonly (readonly [Purpose, boolean, number])[]) => {
    let [decisions, at]: [CustomerRow['decisions'], Date] = [{}, now]
    const entries = all.map(([purpose, granted, later]) => {
      at = new Date(at.getTime() + later * 86_400_000)
      const entry = { at, decisions: [recorded(say(purpose, granted), decisions[purpose.id], 'en', at)] }
      decisions = inForce(decisions, entry.decisions, at, policy)
      return entry
    })
    return { decisions, entries, at }
  }

  test('is what the last answer about each purpose says, and what the ledger gives when it is read again', () =>
    fc.assert(
      fc.property(said, (all) => {
        const { decisions, entries, at } = told(all)
        expect(replayed(entries, policy)).toEqual(decisions)
        const basis = basisOf(customer({ decisions }), policy, at.getTime())
        for (const purpose of [shop, letters, ads, fraud]) {
          const last = all.findLast(([about]) => about === purpose)?.[1]
          const holds = last === undefined ? purpose === fraud : last && purpose !== letters
          expect([purpose.id, (basis & purpose.mask) !== 0]).toEqual([purpose.id, holds])
        }
      }),
    ))

  test('an answer changes what it is about, and never the decisions that it came after', () =>
    fc.assert(
      fc.property(said, fc.constantFrom(shop, letters, ads, fraud), fc.boolean(), (all, purpose, granted) => {
        const { decisions: before, at } = told(all)
        const kept = structuredClone(before)
        const { [purpose.id]: _, ...others } = after(before, say(purpose, granted), at)
        const { [purpose.id]: __, ...othersBefore } = before
        expect([before, others]).toEqual([kept, othersBefore])
      }),
    ))

  test('where two records became one, what was agreed on there holds', () => {
    const { entries } = told([[ads, true, 0]])
    const turn = { what: 'absorbed' as const, other: 'B', head: '', inForce: { personalised_shop: was('withdrawn') } }
    expect(replayed([...entries, { at: now, decisions: [], turn }], policy)).toEqual({ personalised_shop: was('withdrawn') })
  })

  test('a decision about a purpose that is gone is kept as it was said', () => {
    const gone = { purpose: 'gone', state: 'granted' as const, textVersion: '1', textHash: '', locale: 'en' }
    expect(inForce({}, [gone], now, policy)).toEqual({ gone: { state: 'granted', textVersion: '1', at: now } })
  })
})

describe('how decisions are told', () => {
  const told = (decision: Decision | undefined, purpose = ads, when = now) => stateOf(purpose, decision, when.getTime())

  test('in their own words, and a yes as far as it counts still', () => {
    expect(told(undefined)).toBe('NOT_ASKED')
    for (const state of ['refused', 'withdrawn', 'objected', 'pending'] as const) expect(told(was(state))).toBe(state.toUpperCase())
    expect([told(was('granted')), told(was('granted', now, 'old')), told({ ...was('granted'), expiresAt: now })]).toEqual(['GRANTED', 'OUTDATED', 'EXPIRED'])
    // An interest of the shop is no consent: it does not run out, and no text of it is agreed to.
    expect(told({ ...was('granted', now, 'old'), expiresAt: now }, fraud)).toBe('GRANTED')
  })

  test('one by one in the order of the policy, built-in purposes left out', () => {
    const decisions = { personalised_ads: { ...was('granted'), expiresAt: new Date('2027-01-01') }, fraud_prevention: was('objected') }
    const all = consentsOf(decisions, policy, ~0, now.getTime())
    expect(all.map(({ purpose, state }) => `${purpose} ${state}`)).toEqual([
      'order_processing NOT_ASKED',
      'personalised_shop NOT_ASKED',
      'email_marketing NOT_ASKED',
      'personalised_ads GRANTED',
      'fraud_prevention OBJECTED',
    ])
    expect(all[0]).toEqual({ purpose: 'order_processing', state: 'NOT_ASKED', legalBasis: 'CONTRACT', textVersion: null, decidedAt: null, expiresAt: null })
    expect(consentsOf(decisions, policy, ads.mask, now.getTime())).toEqual([
      {
        purpose: 'personalised_ads',
        state: 'GRANTED',
        legalBasis: 'CONSENT',
        textVersion: '2026-01',
        decidedAt: new Date('2026-03-01'),
        expiresAt: new Date('2027-01-01'),
      },
    ])
  })

  test('lists search for grants by the text agreed to, and leave out whoever said anything else', () => {
    const decisions = { personalised_shop: was('granted', now, 'old'), personalised_ads: was('withdrawn'), fraud_prevention: was('objected') }
    expect(searchable(decisions)).toEqual({ grants: [grantEntry('personalised_shop', 'old')], objections: ['personalised_ads', 'fraud_prevention'] })
    expect(grantEntry('a', '1')).toBe('a@1')
  })
})
