import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { beforeLogin, comeAlong } from '../../src/consent/before-login.ts'
import { setDecisions, type ConsentRequest, type SignedReceipt } from '../../src/consent/set-decisions.ts'
import type { Caller } from '../../src/operation.ts'
import type { Decision } from '../../src/storage/customers.ts'
import { now } from './fixture.ts'
import { days, ended, house, me, person, policy, purposeOf, was } from './one-person.ts'

describe('what a person decides', () => {
  const decide = (at: ReturnType<typeof house>, request: Partial<ConsentRequest>, by: Caller | null = person()) =>
    setDecisions({ ...at.parts, signReceipt: async ({ jti }) => `signed ${jti}`, decisionsUrl: 'https://shop/decisions', subjectOf: () => 'sub' })(by, {
      decisions: [{ purpose: 'personalised_ads', granted: true, textVersion: '2026-01' }],
      idempotencyKey: null,
      locale: 'en',
      ...request,
    })
  const no = [{ purpose: 'personalised_ads', granted: false }]
  const told = async (receipt: SignedReceipt) => ({ ...receipt, jwt: await receipt.jwt(), jsonld: receipt.jsonld() })
  const both = [{ purpose: 'email_marketing', granted: true, textVersion: '2026-01' }, ...no]

  test('is written once, and answered by a receipt of its own', async () => {
    const at = house()
    const receipt = await decide(at, {})
    expect([await receipt.jwt(), receipt.decidedAt]).toEqual([`signed ${receipt.id}`, now])
    expect(receipt.id).toMatch(/^[\w-]{22}$/)
    expect(JSON.parse(receipt.jsonld())).toBeTypeOf('object')
    expect((await decide(at, {})).id).not.toBe(receipt.id)
    expect(at.entries.map(({ surface, idempotencyKey, at: when }) => [surface, idempotencyKey, when])).toEqual([1, 2].map(() => ['marketing', undefined, now]))
  })

  test('said again under the same key it is the same receipt, and nothing is written', async () => {
    const at = house()
    await decide(at, {})
    const first = await decide(at, { idempotencyKey: 'k', decisions: both })
    expect(first.closed).toContainEqual({ clientId: 'personalised_ads', field: 'Customer.email', form: 'HASH' })
    await decide(at, { decisions: [{ purpose: 'personalised_shop', granted: true, textVersion: '2026-01' }] })
    expect(await told(await decide(at, { idempotencyKey: 'k', decisions: both }))).toEqual(await told(first))
    expect(at.entries).toHaveLength(3)
    expect(at.entries[1]?.idempotencyKey).toMatch(/^[\w-]{43}$/)
    // A key is the client's own.
    await decide(at, { idempotencyKey: 'k' }, person({ clientId: 'other' }))
    expect(at.entries).toHaveLength(4)
  })

  test('under that key, anything else is refused', async () => {
    const at = house()
    await decide(at, { idempotencyKey: 'k', decisions: both })
    const [yes] = both
    const other = [
      no,
      both.slice(0, 1),
      [...both, { purpose: 'fraud_prevention', granted: false }],
      both.toReversed(),
      [{ ...both[0], purpose: 'personalised_shop' }, ...no],
      [{ ...both[0], granted: false }, ...no],
      [{ ...both[0], textVersion: 'other' }, ...no],
      [yes, { purpose: 'personalised_ads', granted: true, textVersion: '2026-01' }],
    ]
    for (const decisions of other)
      await expect(decide(at, { idempotencyKey: 'k', decisions: decisions as ConsentRequest['decisions'] })).rejects.toMatchObject({
        code: 'BAD_USER_INPUT',
        detail: { why: 'other content' },
        hints: { field: 'idempotencyKey' },
      })
    // A no is a no, whichever text was shown.
    await decide(at, { idempotencyKey: 'k', decisions: [...both.slice(0, 1), { purpose: 'personalised_ads', granted: false, textVersion: 'other' }] })
    expect(at.entries).toHaveLength(1)
  })

  test('the first answer under a key stands by its text, also when the policy has another one by now', async () => {
    const at = house()
    const grant = { idempotencyKey: 'k' }
    await decide(at, grant)
    const purposes = policy.purposes.map((one) => ({ ...one, textVersion: 'newer', validVersions: new Set(['newer']) }))
    const reworded = { ...policy, purposes, purpose: (id: string) => purposes.find((one) => one.id === id) }
    const later = { ...at, parts: { ...at.parts, policy: reworded } }
    expect((await decide(later, grant)).consents).toContainEqual(expect.objectContaining({ purpose: 'personalised_ads', state: 'OUTDATED' }))
    await expect(decide(later, {})).rejects.toMatchObject({ code: 'CONSENT_TEXT_OUTDATED' })
  })

  test('a key is neither empty nor longer than a hundred characters', async () => {
    const at = house()
    for (const idempotencyKey of ['', 'k'.repeat(101)])
      await expect(decide(at, { idempotencyKey })).rejects.toMatchObject({ code: 'BAD_USER_INPUT', hints: { field: 'idempotencyKey' } })
    await decide(at, { idempotencyKey: 'k'.repeat(100) })
    expect(at.entries).toHaveLength(1)
  })

  test('takes a person, and a token that counts still', async () => {
    await expect(decide(house(), {}, null)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    await expect(decide(house(), {}, person({ customer: null }))).rejects.toMatchObject({ code: 'FORBIDDEN' })
    const dead = { code: 'UNAUTHENTICATED', detail: { why: 'token no longer counts' } }
    await expect(decide(house(), {}, person({ customer: 'B' }))).rejects.toMatchObject(dead)
    for (const change of [{ tokensValidFrom: days(1) }, { state: 'merged' as const }]) await expect(decide(house(change), {})).rejects.toMatchObject(dead)
    await expect(decide(house(ended), {}, person({ grant: 'g' }))).rejects.toMatchObject(dead)
    expect((await decide(house({ ...ended, tokensValidFrom: now }), {}, person({ grant: 'h' }))).decidedAt).toEqual(now)
  })
})

describe('what was said before and elsewhere', () => {
  const bring = (at: ReturnType<typeof house>, purpose: string, granted: boolean, saidAt = days(-1), textVersion = '2026-01') =>
    comeAlong(at.parts)(person(), me, { choices: [{ purpose: purposeOf(purpose), granted, textVersion }], at: saidAt, evidence: { by: 'TCF' } })
  const states = [undefined, 'granted', 'refused', 'withdrawn', 'objected', 'pending'] as const

  test('I8: the narrower wins, and what was decided since stands', () =>
    fc.assert(
      fc.asyncProperty(fc.constantFrom(...states), fc.boolean(), fc.integer({ min: -3, max: 1 }), async (state, granted, hours) => {
        const saidAt = days(-1)
        const decidedAt = new Date(saidAt.getTime() + hours)
        const at = house(state === undefined ? {} : { decisions: { personalised_ads: was(state, decidedAt) } })
        const since = state !== undefined && hours >= 0
        const heard = granted ? state === undefined : state === undefined || state === 'granted' || state === 'pending'
        expect((await bring(at, 'personalised_ads', granted, saidAt)) !== null).toBe(heard && !since)
        expect(at.entries).toHaveLength(heard && !since ? 1 : 0)
        if (at.entries.length > 0) expect(await bring(at, 'personalised_ads', granted, saidAt)).toBeNull()
      }),
    ))

  test('a yes to what has run out or was reworded counts, to another text or to no consent it does not', async () => {
    const grown = (decision: Decision) => house({ decisions: { personalised_ads: decision } })
    expect(await bring(grown({ ...was('granted'), expiresAt: days(-2) }), 'personalised_ads', true)).not.toBeNull()
    expect(await bring(grown(was('granted', days(-9), 'old')), 'personalised_ads', true)).not.toBeNull()
    expect(await bring(grown(was('granted', days(-9), 'old')), 'personalised_ads', false)).not.toBeNull()
    expect(await bring(house(), 'personalised_ads', true, days(-1), 'old')).toBeNull()
    expect(await bring(house(), 'fraud_prevention', true)).toBeNull()
    expect(await bring(house(), 'fraud_prevention', false)).not.toBeNull()
  })

  test('what is news alone is written, with how it is known', async () => {
    const at = house({ decisions: { personalised_ads: was('withdrawn') } })
    const choices = ['personalised_ads', 'personalised_shop'].map((id) => ({ purpose: purposeOf(id), granted: true, textVersion: '2026-01' }))
    await comeAlong(at.parts)(person(), me, { choices, at: days(-1), locale: 'de-CH', evidence: { by: 'before login', at: 'then' } })
    expect(at.entries).toMatchObject([
      { surface: 'marketing', at: now, evidence: { by: 'before login', at: 'then' }, receipt: expect.stringMatching(/^[\w-]{22}$/) },
    ])
    expect(at.entries[0]?.decisions.map(({ purpose, locale }) => [purpose, locale])).toEqual([['personalised_shop', 'de']])
  })

  test('nothing is taken over from a moment to come, or with a token that counts no more', async () => {
    await expect(bring(house(), 'personalised_ads', true, new Date(now.getTime() + 1))).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      detail: { why: 'from the future' },
    })
    expect(await bring(house(), 'personalised_ads', true, now)).not.toBeNull()
    await expect(bring(house({ tokensValidFrom: days(1) }), 'personalised_ads', true)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  test('a browser keeps between one and fifty decisions, the language that they were made in, and nothing beside them', () => {
    const decision = { purpose: 'personalised_ads', granted: true, textVersion: '2026-01' }
    const takes = (many: number, beside = {}, inside = {}) =>
      beforeLogin.safeParse({ at: 1, decisions: Array.from({ length: many }, () => ({ ...decision, ...inside })), ...beside }).success
    expect([takes(1, { locale: 'de' }), takes(1, { locale: 'x'.repeat(36) })]).toEqual([true, false])
    expect([takes(1), takes(50), takes(0), takes(51), takes(1, { more: 1 }), takes(1, {}, { more: 1 }), takes(1, { at: 'now' })]).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
      false,
    ])
  })
})
