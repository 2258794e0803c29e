import { describe, expect, test } from 'vitest'
import { consentTypes } from '../../src/config/policy-file.ts'
import type { Policy } from '../../src/config/policy.ts'
import { hearGpc } from '../../src/consent/gpc.ts'
import { consentSignals } from '../../src/consent/signals.ts'
import { isToBeAsked, leaveOpen, undecided } from '../../src/consent/undecided.ts'
import type { Caller } from '../../src/operation.ts'
import type { CustomerRow, Decision } from '../../src/storage/customers.ts'
import { caller, now } from './fixture.ts'
import { days, ended, house, me, person, policy, purposeOf, was } from './one-person.ts'

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
