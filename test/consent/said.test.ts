import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { consentTypes } from '../../src/config/policy-file.ts'
import { readPolicy, type Policy } from '../../src/config/policy.ts'
import { beforeLogin, comeAlong } from '../../src/consent/before-login.ts'
import { hearGpc } from '../../src/consent/gpc.ts'
import { setDecisions, type ConsentRequest } from '../../src/consent/set-decisions.ts'
import { consentSignals } from '../../src/consent/signals.ts'
import { isToBeAsked, leaveOpen, undecided } from '../../src/consent/undecided.ts'
import type { Caller } from '../../src/operation.ts'
import type { CustomerRow, Decision } from '../../src/storage/customers.ts'
import { caller, customer, now, policyText } from './fixture.ts'
import { oneRow } from './one-row.ts'

const policy = readPolicy(
  policyText.replace('    clients: [marketing]\n', '    clients: [marketing]\n    confirm: mail\n    askAgainAfter: P6M\n'),
  'policy.yaml',
)
const me = customer()._id
const days = (many: number) => new Date(now.getTime() + many * 86_400_000)
const person = (change: Partial<Caller> = {}) => caller(policy, ['data_subject_access'], { customer: me, ...change })
const was = (state: Decision['state'], at = days(-9), textVersion = '2026-01'): Decision => ({ state, textVersion, at })
const house = (change: Partial<CustomerRow> = {}, by: Policy = policy) => oneRow(by, { tokensValidFrom: days(-30), ...change }, () => now)
const purposeOf = (id: string) => {
  const purpose = policy.purpose(id)
  if (purpose === undefined) throw new Error(`no purpose ${id}`)
  return purpose
}
const ended = { endedGrants: ['g', 'i'].map((grant) => ({ grant, until: days(1) })) }

describe('what a person decides', () => {
  const decide = (at: ReturnType<typeof house>, request: Partial<ConsentRequest>, by: Caller | null = person()) =>
    setDecisions({ ...at.parts, signReceipt: async ({ jti }) => `signed ${jti}`, decisionsUrl: 'https://shop/decisions', subjectOf: () => 'sub' })(by, {
      decisions: [{ purpose: 'personalised_ads', granted: true, textVersion: '2026-01' }],
      idempotencyKey: null,
      locale: 'en',
      ...request,
    })
  const no = [{ purpose: 'personalised_ads', granted: false }]
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
    await decide(at, { decisions: no })
    expect(await decide(at, { idempotencyKey: 'k', decisions: both })).toEqual(first)
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

describe('Global Privacy Control', () => {
  const deaf: Policy = { ...policy, purposes: policy.purposes.map((one) => ({ ...one, onGpc: null })) }

  test('objects once to what the policy says, with its evidence; what is said after it stands', async () => {
    const at = house({ decisions: { personalised_ads: was('granted') } })
    const hear = hearGpc(at.parts)
    await hear(person())
    expect(at.entries).toMatchObject([{ surface: 'marketing', receipt: expect.stringMatching(/^[\w-]{22}$/), evidence: { by: 'Sec-GPC' } }])
    expect(at.entries[0]?.decisions.map(({ purpose, state, locale }) => [purpose, state, locale])).toEqual([['personalised_ads', 'objected', 'en']])
    expect([at.row().gpc, at.row().decisions['personalised_ads']?.state]).toEqual([['personalised_ads'], 'objected'])
    expect(at.events).toMatchObject([{ type: 'consent.changed', detail: { granted: 0, denied: 1, by: 'Sec-GPC' } }])
    at.change({ decisions: { personalised_ads: was('granted') } })
    await hear(person())
    await hearGpc(at.parts)(person())
    expect([at.entries.length, at.row().decisions['personalised_ads']?.state]).toEqual([1, 'granted'])
  })

  test('is looked up once for each person and process, and not at all where it does nothing', async () => {
    const at = house()
    const hear = hearGpc(at.parts)
    for (let i = 0; i < 3; i++) await hear(person())
    expect(at.asked()).toEqual({ reads: 1, writes: 1 })
    await hear(caller(policy, []))
    await hearGpc({ ...at.parts, policy: deaf })(person())
    expect(at.asked()).toEqual({ reads: 1, writes: 1 })
    await hear(person({ customer: 'B' }))
    expect([at.asked(), at.entries.length]).toEqual([{ reads: 2, writes: 1 }, 1])
  })

  test('a purpose that hears it since, and only that, is objected to then', async () => {
    const at = house({ gpc: ['personalised_ads'] })
    const purposes = policy.purposes.map((one) => (one.id === 'fraud_prevention' ? { ...one, onGpc: 'object' as const } : one))
    await hearGpc({ ...at.parts, policy: { ...policy, purposes } })(person())
    expect(at.entries.map(({ decisions }) => decisions.map(({ purpose }) => purpose))).toEqual([['fraud_prevention']])
    expect(at.row().gpc).toEqual(['personalised_ads', 'fraud_prevention'])
  })

  test('says nothing with a token that counts no more, and is heard with the next one', async () => {
    const at = house(ended)
    const hear = hearGpc(at.parts)
    await hear(person({ grant: 'g' }))
    expect(at.entries).toEqual([])
    await hear(person())
    expect(at.entries).toHaveLength(1)
  })

  test('of a person who is gone between two reads nothing is written, and of one whom another process heard nothing more', async () => {
    const at = house()
    const gone = { ...at.parts, customers: { ...at.parts.customers, read: async () => null } }
    await hearGpc(gone)(person())
    expect(at.entries).toEqual([])
    const heard = { ...at.parts, customers: { ...at.parts.customers, read: async () => ({ ...at.row(), gpc: ['personalised_ads'] }) } }
    const hear = hearGpc(heard)
    await hear(person())
    await hear(person())
    expect([at.entries.length, at.asked()]).toEqual([0, { reads: 2, writes: 2 }])
    // Known from the first read: nothing is begun.
    const known = house({ gpc: ['personalised_ads'] })
    await hearGpc(known.parts)(person())
    expect(known.asked()).toEqual({ reads: 1, writes: 0 })
  })
})

describe('what tags on a page are told', () => {
  const ads = { id: 'ads', purposes: policy.maskOf(['personalised_ads', 'data_subject_access']) }
  const ask = (at: ReturnType<typeof house>, by: Caller | null, clientId: string | null) =>
    consentSignals({ policy, customers: at.parts.customers, clients: () => [{ id: 'shop', purposes: 0 }, ads], now: () => now })(by, clientId)
  const granted = async (...asked: Parameters<typeof ask>) => (await ask(...asked)).filter(({ state }) => state === 'granted').map(({ type }) => type)
  const said = ['ad_storage', 'ad_user_data', 'ad_personalization']
  const yes = () => house({ decisions: { personalised_ads: was('granted') } })
  const tag = (purposes: string[]) => caller(policy, purposes, { clientId: 'ads', customer: me })

  test('is all of Google’s types, granted where a purpose of the asking client has a basis now', async () => {
    expect(await ask(house(), tag(['personalised_ads']), null)).toEqual(consentTypes.map((type) => ({ type, state: 'denied' })))
    for (const clientId of [null, 'ads']) {
      expect(await granted(yes(), tag(['personalised_ads']), clientId)).toEqual(said)
      expect(await granted(yes(), tag(['email_marketing']), clientId)).toEqual([])
    }
  })

  test('the person hears of any client, a client of itself alone', async () => {
    expect(await granted(yes(), person(), 'ads')).toEqual(said)
    expect([await granted(yes(), person(), 'shop'), await granted(yes(), person(), 'nobody'), await granted(yes(), person(), null)]).toEqual([[], [], []])
    await expect(ask(yes(), tag(['personalised_ads']), 'shop')).rejects.toMatchObject({ code: 'FORBIDDEN', detail: { why: 'another client' } })
  })

  test('takes a person, and a token that counts still', async () => {
    await expect(ask(yes(), null, null)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    await expect(ask(yes(), caller(policy, []), null)).rejects.toMatchObject({ code: 'FORBIDDEN' })
    const dead = { code: 'UNAUTHENTICATED', detail: { why: 'token no longer counts' } }
    await expect(ask(yes(), person({ customer: 'B' }), null)).rejects.toMatchObject(dead)
    await expect(ask(house({ tokensValidFrom: days(1) }), person(), null)).rejects.toMatchObject(dead)
  })
})

describe('what people are asked about at a sign-in', () => {
  const letters = purposeOf('email_marketing')
  const ads = purposeOf('personalised_ads')
  const asked = (state: Decision['state'] | undefined, at: Date, purpose = letters, leftOpen: CustomerRow['leftOpen'] = {}) =>
    isToBeAsked(purpose, { decisions: state === undefined ? {} : { [purpose.id]: was(state, at) }, leftOpen }, now.getTime())

  test('a no, within the pause that the policy sets never, and without one never again; a withdrawal never', () => {
    expect([asked('refused', days(-100)), asked('refused', days(-200)), asked('refused', days(-2000), ads)]).toEqual([false, true, false])
    for (const state of ['granted', 'withdrawn', 'objected', 'pending'] as const) expect(asked(state, days(-300))).toBe(false)
    expect([asked(undefined, now), isToBeAsked(letters, undefined, now.getTime()), asked('granted', days(-3000), ads)]).toEqual([true, true, true])
    expect(isToBeAsked(ads, { decisions: { personalised_ads: was('granted', days(-1), 'old') } }, now.getTime())).toBe(true)
  })

  test('a question that was left open, again after the pause, and at once when it is worded anew', () => {
    const left = (at: Date, textVersion = '2026-01') => ({ email_marketing: { textVersion, at }, personalised_ads: { textVersion, at } })
    expect([asked(undefined, now, letters, left(days(-100))), asked(undefined, now, letters, left(days(-200)))]).toEqual([false, true])
    expect([asked(undefined, now, letters, left(days(-1), 'old')), asked(undefined, now, ads, left(days(-1)))]).toEqual([true, true])
    expect(asked('withdrawn', now, letters, left(days(-200)))).toBe(false)
  })

  test('of what a client asks for, consents alone', async () => {
    const at = house({ decisions: { personalised_ads: was('refused') } })
    const ids = policy.purposes.map(({ id }) => id)
    const open = (wanted: readonly string[], key = me) => undecided(at.parts.customers, policy)(key, wanted)
    expect(await open(ids)).toEqual(['personalised_shop', 'email_marketing'])
    expect([await open(['email_marketing', 'no_such']), await open(['consent_record'])]).toEqual([['email_marketing'], []])
    expect(await open(['personalised_ads'], 'B')).toEqual(['personalised_ads'])
  })

  test('what was left open is remembered where there is a pause, and nothing is written otherwise', async () => {
    const at = house()
    await leaveOpen(at.parts)(me, ['email_marketing', 'personalised_ads', 'no_such'])
    expect(at.row().leftOpen).toEqual({ email_marketing: { textVersion: '2026-01', at: now } })
    const untouched = at.row()
    await leaveOpen(at.parts)(me, ['personalised_ads', 'no_such'])
    expect(at.row()).toBe(untouched)
  })
})
