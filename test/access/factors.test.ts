import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Authenticator } from '../support/authenticator.ts'
import { openFactorsStage, origin, outcome } from './factors-stage.ts'

let stage: Awaited<ReturnType<typeof openFactorsStage>>
beforeAll(async () => {
  stage = await openFactorsStage()
})
afterAll(() => stage[Symbol.asyncDispose]())

type Person = Awaited<ReturnType<typeof stage.person>>
const guess = (who: Person, code: string, through = stage.factors) => outcome(through.check(who.customer, { kind: 'totp', code }, 'grant'))
const recover = (who: Person, code: string) => outcome(stage.factors.check(who.customer, { kind: 'recoveryCode', code }, 'grant'))
const otherThan = (code: string): string => String((Number(code) + 1) % 1_000_000).padStart(6, '0')
const times = <T>(count: number, work: (n: number) => Promise<T>): Promise<T[]> => Promise.all(Array.from({ length: count }, (_, n) => work(n)))
const count = (all: readonly string[], wanted: string): number => all.filter((one) => one === wanted).length

describe('guessing at an authenticator app', () => {
  test('D01 D07 after five wrong codes none is looked at, each wait is longer, other factors go on, and the customer is told once', async () => {
    const anna = await stage.person()
    const secret = await stage.withTotp(anna)
    await stage.stepUp.enrolled(anna, anna.customer, 'totp')
    const [code = ''] = await stage.enrolment.newRecoveryCodes(anna)
    stage.letters.length = 0
    for (let n = 0; n < 5; n++) expect(await guess(anna, otherThan(stage.codeAt(secret)))).toBe('BAD_USER_INPUT')
    for (let n = 0; n < 20; n++) expect(await guess(anna, otherThan(stage.codeAt(secret)))).toBe('RATE_LIMITED')
    const right = stage.factors.check(anna.customer, { kind: 'totp', code: stage.codeAt(secret) }, 'grant')
    await expect(right).rejects.toMatchObject({ code: 'RATE_LIMITED', hints: { retryAfter: 60 } })
    expect(await recover(anna, code)).toBe('done')
    expect(stage.letters).toEqual(['factorLocked', 'recoveryCodeUsed'])
    expect(await stage.guesses.many(anna.customer, new Set(['totp']))).toBe(true)
    expect(await stage.guesses.many(anna.customer, new Set(['passkey']))).toBe(false)
    for (const wait of [60, 120, 240]) {
      stage.clock.at += wait * 1000
      expect(await guess(anna, otherThan(stage.codeAt(secret)))).toBe('BAD_USER_INPUT')
      await expect(stage.factors.check(anna.customer, { kind: 'totp', code: '000000' }, 'grant')).rejects.toMatchObject({ hints: { retryAfter: wait * 2 } })
    }
    stage.clock.at += 480_000
    expect(await guess(anna, stage.codeAt(secret))).toBe('done')
    expect(await stage.guesses.many(anna.customer, new Set(['totp']))).toBe(false)
  })

  test('D04 of a hundred wrong codes at once in two processes five are looked at', async () => {
    const anna = await stage.person()
    const wrong = otherThan(stage.codeAt(await stage.withTotp(anna)))
    const processes = [stage.factors, (await stage.another()).factors] as const
    const all = await times(100, (n) => guess(anna, wrong, processes[n % 2]))
    expect([count(all, 'BAD_USER_INPUT'), count(all, 'RATE_LIMITED')]).toEqual([5, 95])
  })

  test('D05 D06 one counter whatever the session, and neither a restart, another factor nor a new question takes it back', async () => {
    const anna = await stage.person()
    const key = await stage.withPasskey(anna)
    const question = await stage.stepUp.start(anna, 'addFactor')
    await stage.stepUp.complete(anna, 'addFactor', { kind: 'passkey', ...key.answer(question.passkey ?? { handle: '', options: {} }) })
    const secret = await stage.withTotp(anna)
    const wrong = otherThan(stage.codeAt(secret))
    for (let n = 0; n < 3; n++) expect(await guess(anna, wrong)).toBe('BAD_USER_INPUT')
    const again = await stage.stepUp.start({ ...anna, grant: 'another session' }, 'eraseMe')
    const proof = { kind: 'passkey', ...key.answer(again.passkey ?? { handle: '', options: {} }) } as const
    await stage.stepUp.complete({ ...anna, grant: 'another session' }, 'eraseMe', proof)
    const restarted = await stage.another()
    const elsewhere = { ...anna, grant: 'a third one' }
    for (let n = 0; n < 2; n++) expect(await outcome(restarted.stepUp.complete(elsewhere, 'eraseMe', { kind: 'totp', code: wrong }))).toBe('BAD_USER_INPUT')
    expect(await guess(anna, stage.codeAt(secret))).toBe('RATE_LIMITED')
  })

  test('D08 D09 a code serves once, in whatever session, and once of twenty at the same time', async () => {
    const anna = await stage.person()
    const secret = await stage.withTotp(anna)
    const code = stage.codeAt(secret)
    expect(await guess(anna, code)).toBe('done')
    expect(await guess(anna, code, (await stage.another()).factors)).toBe('BAD_USER_INPUT')
    stage.clock.at += 60_000
    const next = stage.codeAt(secret)
    expect(count(await times(20, () => guess(anna, next)), 'done')).toBe(1)
  })

  test('D08 a code older than one that was used is dead', async () => {
    const anna = await stage.person()
    const secret = await stage.withTotp(anna)
    expect(await guess(anna, stage.codeAt(secret, 1))).toBe('done')
    expect(await guess(anna, stage.codeAt(secret))).toBe('BAD_USER_INPUT')
  })

  test('D10 one step to either side, and exactly six ASCII digits', async () => {
    for (const [steps, wanted] of [
      [-2, 'BAD_USER_INPUT'],
      [2, 'BAD_USER_INPUT'],
      [-1, 'done'],
      [0, 'done'],
      [1, 'done'],
    ] as const) {
      const anna = await stage.person()
      expect([steps, await guess(anna, stage.codeAt(await stage.withTotp(anna), steps))]).toEqual([steps, wanted])
    }
    const anna = await stage.person()
    const secret = await stage.withTotp(anna)
    const code = stage.codeAt(secret)
    const wide = [...code].map((digit) => String.fromCodePoint(0xff10 + Number(digit))).join('')
    const odd = [` ${code}`, `${code.slice(0, 3)} ${code.slice(3)}`, wide, `${code}0`]
    for (const one of odd) expect([one, await guess(anna, one)]).toEqual([one, 'BAD_USER_INPUT'])
    expect(await guess(anna, code)).toBe('done')
  })
})

describe('recovery codes', () => {
  async function withCodes(): Promise<{ anna: Person; codes: readonly string[] }> {
    const anna = await stage.person()
    await stage.withPasskey(anna)
    return { anna, codes: await stage.enrolment.newRecoveryCodes(anna) }
  }

  test('D22 D24 ten of 80 bits, read as people write them, each for one time; the customer is told', async () => {
    const { anna, codes } = await withCodes()
    expect(new Set(codes).size).toBe(10)
    for (const code of codes) expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/)
    const [first = '', second = ''] = codes
    stage.letters.length = 0
    expect(await recover(anna, first)).toBe('done')
    expect(await recover(anna, first)).toBe('BAD_USER_INPUT')
    expect(stage.letters).toEqual(['recoveryCodeUsed'])
    expect(await recover(anna, ` ${second.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')} `)).toBe('done')
    expect((await stage.row(anna)).factors).toMatchObject([{ kind: 'passkey' }, { kind: 'recoveryCodes', left: 8 }])
  })

  test('D23 the same one twenty times at once', async () => {
    const { anna, codes } = await withCodes()
    const all = await times(20, () => recover(anna, codes[0] ?? ''))
    expect(count(all, 'done')).toBe(1)
    expect((await stage.row(anna)).factors?.[1]?.left).toBe(9)
  })

  test('D24 those of somebody else and of an earlier set are none, and guesses are counted', async () => {
    const { anna, codes } = await withCodes()
    const { anna: ben, codes: his } = await withCodes()
    expect(await recover(ben, codes[0] ?? '')).toBe('BAD_USER_INPUT')
    await stage.stepUp.enrolled(ben, ben.customer, 'passkey')
    const renewed = await stage.enrolment.newRecoveryCodes(ben)
    expect(await recover(ben, his[0] ?? '')).toBe('BAD_USER_INPUT')
    for (let n = 0; n < 3; n++) expect(await recover(ben, 'AAAA-AAAA-AAAA-AAAA')).toBe('BAD_USER_INPUT')
    expect(await recover(ben, renewed[0] ?? '')).toBe('RATE_LIMITED')
    expect(await recover(anna, codes[0] ?? '')).toBe('done')
  })

  test('D11 what is kept of a secret opens nothing: sealed, or hashed under a key', async () => {
    const anna = await stage.person()
    const secret = await stage.withTotp(anna)
    await stage.stepUp.enrolled(anna, anna.customer, 'totp')
    const codes = await stage.enrolment.newRecoveryCodes(anna)
    const collections = await stage.db.listCollections()
    const rows = await Promise.all(collections.map(({ name }) => stage.db.collection(name).find({}).toArray()))
    const all = JSON.stringify(rows)
    for (const told of [secret, ...codes, ...codes.map((code) => code.replaceAll('-', ''))]) expect(all).not.toContain(told)
  })
})

describe('enrolling and removing', () => {
  test('D12 an app whose first code never came, or was wrong, is no factor', async () => {
    const anna = await stage.person()
    const { secret, uri, qr } = await stage.enrolment.startTotp(anna)
    expect(uri).toContain(`secret=${secret}`)
    expect(qr).toContain('<svg')
    expect(await outcome(stage.enrolment.confirmTotp(anna, otherThan(stage.codeAt(secret))))).toBe('BAD_USER_INPUT')
    expect(await outcome(stage.enrolment.confirmTotp({ ...anna, grant: 'another session' }, stage.codeAt(secret)))).toBe('BAD_USER_INPUT')
    expect(await stage.enrolment.list(anna.customer)).toEqual([])
    expect(await guess(anna, stage.codeAt(secret))).toBe('BAD_USER_INPUT')
    expect(await outcome(stage.enrolment.confirmTotp(anna, stage.codeAt(secret)))).toBe('done')
    expect(await outcome(stage.enrolment.confirmTotp(anna, stage.codeAt(secret)))).toBe('BAD_USER_INPUT')
    expect(await stage.enrolment.list(anna.customer)).toMatchObject([{ kind: 'totp' }])
  })

  test('D13 who owes a factor neither adds, renews nor removes one; the fresh sign-in is not enough', async () => {
    const anna = await stage.person()
    const secret = await stage.withTotp(anna)
    const [factor] = await stage.enrolment.list(anna.customer)
    const thief = { ...anna, grant: 'a stolen session', authTime: stage.clock.at }
    for (const work of [
      () => stage.enrolment.startPasskey(thief),
      () => stage.enrolment.startTotp(thief),
      () => stage.enrolment.newRecoveryCodes(thief),
      () => stage.enrolment.remove(thief, factor?.id ?? ''),
    ])
      expect(await outcome(work())).toBe('STEP_UP_REQUIRED')
    await stage.stepUp.complete(anna, 'removeFactor', { kind: 'totp', code: stage.codeAt(secret) })
    expect(await outcome(stage.enrolment.remove(anna, factor?.id ?? ''))).toBe('done')
    expect(await stage.enrolment.list(anna.customer)).toEqual([])
    expect(stage.letters).toContain('factorRemoved')
  })

  test('D35 codes go with the last factor they stood in for; the last way in stays, also for two removals at once', async () => {
    const anna = await stage.person()
    await stage.withPasskey(anna)
    await stage.enrolment.newRecoveryCodes(anna)
    const [passkey] = await stage.enrolment.list(anna.customer)
    await stage.factors.remove(anna.customer, passkey?.id ?? '', 'account')
    expect(await stage.enrolment.list(anna.customer)).toEqual([])
    expect(await stage.db.collection('credentials').countDocuments({ customer: anna.customer })).toBe(0)

    const ben = await stage.person({ identities: [] })
    for (let n = 0; n < 2; n++) {
      const question = await stage.passkeys.optionsFor({ use: 'register', holder: 'grant', customer: ben.customer })
      await stage.passkeys.add({ customer: ben.customer, holder: 'grant', client: null }, { name: `${n}`, ...new Authenticator(origin).make(question) })
    }
    const both = await stage.enrolment.list(ben.customer)
    const processes = [stage, await stage.another()]
    const removed = await Promise.all(both.map(({ id }, n) => outcome(processes[n]?.factors.remove(ben.customer, id, 'account') ?? Promise.resolve())))
    expect(removed.toSorted()).toEqual(['LAST_IDENTITY', 'done'])
    expect(await stage.enrolment.list(ben.customer)).toHaveLength(1)
  })
})

describe('proofs of a step-up', () => {
  test('D28 a proof counts for its action, session, customer and client, once, for ten minutes', async () => {
    const anna = await stage.person()
    const secret = await stage.withTotp(anna)
    const prove = async () => {
      stage.clock.at += 60_000
      await stage.stepUp.complete(anna, 'unlinkIdentity', { kind: 'totp', code: stage.codeAt(secret) })
    }
    const ask = (change: object, action: 'unlinkIdentity' | 'eraseMe' = 'unlinkIdentity') => outcome(stage.stepUp.require({ ...anna, ...change }, action))
    await prove()
    expect(await ask({}, 'eraseMe')).toBe('STEP_UP_REQUIRED')
    expect(await ask({ grant: 'another session' })).toBe('STEP_UP_REQUIRED')
    expect(await ask({ clientId: 'another client' })).toBe('STEP_UP_REQUIRED')
    const ben = await stage.person()
    await stage.withTotp(ben)
    expect(await ask({ customer: ben.customer })).toBe('STEP_UP_REQUIRED')
    await prove()
    const all = await times(20, () => ask({}))
    expect(count(all, 'done')).toBe(1)
    await prove()
    stage.clock.at += 601_000
    expect(await ask({})).toBe('STEP_UP_REQUIRED')
  })

  test('D25 a code from the mailbox is no way around a factor, and is one for who has none', async () => {
    const anna = await stage.person({ email: 'anna@example.test', emailProof: 'verified' })
    const late = { ...anna, authTime: stage.clock.at - 3_600_000 }
    stage.mailed.owner = anna.customer
    await expect(stage.stepUp.require(late, 'requestExport')).rejects.toMatchObject({
      hints: { accepted: ['mailCode', 'signIn'], reasons: ['signedInLongAgo'], action: 'requestExport', acrValues: 'urn:entente:acr:2', maxAge: 600 },
    })
    expect(await outcome(stage.stepUp.sendCode(late, 'requestExport', { ip: '127.0.0.1', locale: null, userAgent: null }))).toBe('done')
    expect(await outcome(stage.stepUp.complete(late, 'requestExport', { kind: 'mailCode', code: '87654321' }))).toBe('BAD_USER_INPUT')
    await stage.stepUp.complete(late, 'requestExport', { kind: 'mailCode', code: '12345678' })
    expect(await outcome(stage.stepUp.require(late, 'requestExport'))).toBe('done')
    await stage.withTotp(anna)
    await stage.stepUp.complete(late, 'requestExport', { kind: 'mailCode', code: '12345678' })
    expect(await outcome(stage.stepUp.sendCode(late, 'requestExport', { ip: '127.0.0.1', locale: null, userAgent: null }))).toBe('BAD_USER_INPUT')
    await expect(stage.stepUp.require(late, 'requestExport')).rejects.toMatchObject({ hints: { accepted: ['totp'], reasons: ['factorEnrolled'] } })
    const asked = (await stage.noted('step_up.asked')).filter(({ subjects }) => subjects.includes(anna.customer))
    expect(asked.at(-1)?.detail).toEqual({ action: 'requestExport', reasons: 'factorEnrolled' })
  })

  test('B47 D29 a way in does not open past the factor where the sign-in is doubtful; a code from the mailbox never does', async () => {
    const anna = await stage.person({ email: 'anna@example.test', emailProof: 'verified' })
    const at = (risks: readonly ('mailWayIn' | 'newDevice' | 'notMe')[], proved: Parameters<typeof stage.stepUp.atSignIn>[3] = null) =>
      stage.stepUp.atSignIn(anna.customer, 'signIn', risks, proved)
    expect(await at(['mailWayIn'])).toEqual({ do: 'allow' })
    await stage.withTotp(anna)
    expect(await at([])).toEqual({ do: 'allow' })
    expect(await at(['newDevice'])).toEqual({ do: 'ask', accepted: ['totp'], reasons: ['newDevice'] })
    expect(await at(['mailWayIn'], { kind: 'mailCode', amr: ['otp'] })).toEqual({ do: 'ask', accepted: ['totp'], reasons: ['mailWayIn'] })
    expect(await at(['mailWayIn', 'notMe'], { kind: 'totp', amr: ['otp', 'mfa'] })).toEqual({ do: 'allow' })
  })

  test("B28 a shop's token proves and asks for nothing", async () => {
    const shop = { ...(await stage.person()), clientId: 'storefront', purposes: 4 }
    expect(await outcome(stage.stepUp.require(shop, 'linkIdentity'))).toBe('FORBIDDEN')
    expect(await outcome(stage.stepUp.start(shop, 'linkIdentity'))).toBe('FORBIDDEN')
    expect(await outcome(stage.stepUp.complete(shop, 'linkIdentity', { kind: 'totp', code: '123456' }))).toBe('FORBIDDEN')
  })
})
