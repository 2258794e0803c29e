import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Authenticator, type Oddities } from '../support/authenticator.ts'
import { openFactorsStage, origin, outcome } from './factors-stage.ts'

let stage: Awaited<ReturnType<typeof openFactorsStage>>
beforeAll(async () => {
  stage = await openFactorsStage()
})
afterAll(() => stage[Symbol.asyncDispose]())

const browser = 'the browser'

/** Signs in without a name, as the page does. */
const signIn = async (authenticator: Authenticator, odd: Oddities = {}, asked = browser, answering = browser) => {
  const question = await stage.passkeys.optionsFor({ use: 'signIn', holder: asked, customer: null })
  const { handle, response } = authenticator.answer(question, odd)
  return stage.passkeys.signIn(response, handle, answering)
}

test('a passkey is made, listed by its name, and signs its customer in without being asked who they are', async () => {
  const anna = await stage.person()
  const key = await stage.withPasskey(anna)
  expect(await stage.enrolment.list(anna.customer)).toMatchObject([{ kind: 'passkey', name: 'My key' }])
  expect(await signIn(key)).toEqual({ customer: anna.customer, kind: 'passkey', amr: ['hwk', 'user', 'mfa'] })
  expect((await stage.enrolment.list(anna.customer))[0]?.lastUsedAt).toBeInstanceOf(Date)
  const synced = await stage.person()
  expect(await signIn(await stage.withPasskey(synced, new Authenticator(origin, { synced: true })))).toMatchObject({ amr: ['swk', 'user', 'mfa'] })
})

test('what the browser is asked names our host, exactly our algorithms, and the customer by a random value', async () => {
  const anna = await stage.person({ email: 'anna@example.test' })
  const question = await stage.passkeys.optionsFor({ use: 'register', holder: 'grant', customer: anna.customer })
  expect(question.options).toMatchObject({
    rp: { id: 'shop.example' },
    attestation: 'none',
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
    user: { name: 'anna@example.test' },
  })
  expect(JSON.stringify(question.options)).not.toContain(anna.customer)
})

describe('D14 D15 a challenge serves once, and nobody else', () => {
  test('D14 the same answer twice, and twenty times at once', async () => {
    const anna = await stage.person()
    const key = await stage.withPasskey(anna)
    const question = await stage.passkeys.optionsFor({ use: 'signIn', holder: browser, customer: null })
    const { handle, response } = key.answer(question)
    const all = await Promise.all(Array.from({ length: 20 }, () => outcome(stage.passkeys.signIn(response, handle, browser))))
    expect(all.filter((one) => one === 'done')).toHaveLength(1)
    expect(await outcome(stage.passkeys.signIn(response, handle, browser))).toBe('BAD_USER_INPUT')
  })

  test('D15 of another browser, grant, customer or use; expired; empty', async () => {
    const [anna, ben] = [await stage.person(), await stage.person()]
    const key = await stage.withPasskey(anna)
    expect(await outcome(signIn(key, {}, 'another browser'))).toBe('BAD_USER_INPUT')
    const stepUp = (holder: string, customer: string) => stage.passkeys.optionsFor({ use: 'stepUp', holder, customer })
    const proof = async (question: Awaited<ReturnType<typeof stepUp>>, holder = 'grant') =>
      outcome(stage.factors.check(anna.customer, { kind: 'passkey', ...key.answer(question) }, holder))
    expect(await proof(await stepUp('grant', anna.customer))).toBe('done')
    expect(await proof(await stepUp('another grant', anna.customer))).toBe('BAD_USER_INPUT')
    expect(await proof(await stepUp('grant', ben.customer))).toBe('BAD_USER_INPUT')
    expect(await proof(await stage.passkeys.optionsFor({ use: 'register', holder: 'grant', customer: anna.customer }))).toBe('BAD_USER_INPUT')
    expect(await proof(await stage.passkeys.optionsFor({ use: 'signIn', holder: 'grant', customer: null }))).toBe('BAD_USER_INPUT')
    for (const handle of ['', 'A'.repeat(43), randomBytes(32).toString('base64url')]) {
      expect(await proof({ handle, options: { challenge: randomBytes(32).toString('base64url'), rpId: 'shop.example' } })).toBe('BAD_USER_INPUT')
    }
    const late = await stepUp('grant', anna.customer)
    await stage.redis.del(`passkey:${late.handle}`)
    expect(await proof(late)).toBe('BAD_USER_INPUT')
  })

  test('D15 a challenge of their own, signed', async () => {
    const key = await stage.withPasskey(await stage.person())
    expect(await outcome(signIn(key, { challenge: randomBytes(32).toString('base64url') }))).toBe('BAD_USER_INPUT')
    expect(await outcome(signIn(key, { challenge: '' }))).toBe('BAD_USER_INPUT')
    expect(await outcome(signIn(key))).toBe('done')
  })
})

describe('an answer that is not for us', () => {
  const refused: readonly (readonly [string, Oddities])[] = [
    ['D16 the origin of a sibling', { origin: 'https://evil.shop.example' }],
    ['D16 plain http', { origin: 'http://shop.example' }],
    ['D16 another port', { origin: 'https://shop.example:8443' }],
    ['D16 no origin', { origin: 'null' }],
    ['D16 inside a foreign page', { clientData: { crossOrigin: true } }],
    ['D16 inside a foreign page that is named', { clientData: { crossOrigin: true, topOrigin: 'https://evil.example' } }],
    ['D16 made for a registration', { type: 'webauthn.create' }],
    ['D17 the RP id of another host', { rpId: 'evil.example' }],
    ['D18 the person not verified', { verified: false }],
    ['D18 nobody present', { present: false }],
    ['D20 another user handle', { userHandle: randomBytes(32).toString('base64url') }],
    ['D20 no user handle', { userHandle: null }],
    ['D21 an empty signature', { signature: Buffer.alloc(0) }],
    ['D21 a signature of something else', { signature: randomBytes(70) }],
    ['D21 client data that is no JSON object', { clientData: { topOrigin: 5 } }],
  ]
  let key: Authenticator
  beforeAll(async () => {
    key = await stage.withPasskey(await stage.person())
  })
  test.for(refused)('%s', async ([, odd]) => {
    expect(await outcome(signIn(key, odd))).toBe('BAD_USER_INPUT')
    expect(await outcome(signIn(key))).toBe('done')
  })
})

describe('a registration that is not for us', () => {
  const certificate = new Uint8Array([48, 3, 2, 1, 0])
  const refused: readonly (readonly [string, Oddities])[] = [
    ['D16 the origin of a sibling', { origin: 'https://evil.shop.example' }],
    ['D16 inside a foreign page', { clientData: { crossOrigin: true } }],
    ['D16 made for a sign-in', { type: 'webauthn.get' }],
    ['D17 the RP id of another host', { rpId: 'evil.example' }],
    ['D18 the person not verified', { verified: false }],
    ['D18 nobody present', { present: false }],
    ['D21 an algorithm that was not offered', { alg: -65_535 }],
    ['D21 an attestation of no known kind', { fmt: 'mine' }],
    ['D21 an attestation with contents it may not have', { attStmt: new Map([['sig', certificate]]) }],
  ]
  const register = async (odd: Oddities, change: (answer: ReturnType<Authenticator['make']>['response']) => unknown = (same) => same) => {
    const anna = await stage.person()
    const question = await stage.passkeys.optionsFor({ use: 'register', holder: anna.grant, customer: anna.customer })
    const { handle, response } = new Authenticator(origin).make(question, odd)
    const done = await outcome(
      stage.passkeys.add({ customer: anna.customer, holder: anna.grant, client: null }, { name: 'K', handle, response: change(response) }),
    )
    expect(await stage.enrolment.list(anna.customer)).toHaveLength(done === 'done' ? 1 : 0)
    return done
  }

  test.for(refused)('%s', async ([, odd]) => expect(await register(odd)).toBe('BAD_USER_INPUT'))
  test('D21 an attestation with certificates, before any of them is looked at: they name addresses to ask', async () => {
    const anna = await stage.person()
    for (const fmt of ['packed', 'tpm', 'apple', 'android-key', 'fido-u2f']) {
      const question = await stage.passkeys.optionsFor({ use: 'register', holder: 'grant', customer: anna.customer })
      const made = new Authenticator(origin).make(question, { fmt, attStmt: new Map([['x5c', [certificate]]]) })
      const added = stage.passkeys.add({ customer: anna.customer, holder: 'grant', client: null }, { name: 'K', ...made })
      await expect(added).rejects.toMatchObject({ code: 'BAD_USER_INPUT', detail: { why: 'passkey: an attestation that nobody asked for' } })
    }
  })
  test('D21 an attestation of a megabyte, before it is read', async () => {
    const anna = await stage.person()
    const question = await stage.passkeys.optionsFor({ use: 'register', holder: 'grant', customer: anna.customer })
    const { handle, response } = new Authenticator(origin).make(question)
    const long = { ...response, response: { ...response.response, attestationObject: 'A'.repeat(1_000_000) } }
    const added = stage.passkeys.add({ customer: anna.customer, holder: 'grant', client: null }, { name: 'K', handle, response: long })
    await expect(added).rejects.toMatchObject({ code: 'BAD_USER_INPUT', detail: { why: 'passkey: not an answer of ours' } })
  })
  test('the same, as it should be', async () => expect(await register({})).toBe('done'))
  test('D21 what the authenticator adds unasked is not read', async () => expect(await register({ extensions: true })).toBe('done'))
  test('D21 cut short, far too long, or nothing of the kind', async () => {
    const cut = (to: (text: string) => string) =>
      register({}, (answer) => ({ ...answer, response: { ...answer.response, attestationObject: to(answer.response.attestationObject) } }))
    const begun = performance.now()
    for (const length of [1, 10, 40, 100, 200]) expect(await cut((text) => text.slice(0, length))).toBe('BAD_USER_INPUT')
    expect(await cut(() => 'A'.repeat(1_000_000))).toBe('BAD_USER_INPUT')
    for (const nothing of [null, 1, 'text', [], {}, { id: 1 }, { response: null }]) expect(await register({}, () => nothing)).toBe('BAD_USER_INPUT')
    expect(performance.now() - begun).toBeLessThan(10_000)
  })
})

describe('D19 the counter', () => {
  test('goes up, or stays at nothing', async () => {
    const counting = await stage.withPasskey(await stage.person(), new Authenticator(origin, { counts: true }))
    for (let n = 0; n < 3; n++) expect(await outcome(signIn(counting))).toBe('done')
    const without = await stage.withPasskey(await stage.person())
    for (let n = 0; n < 3; n++) expect(await outcome(signIn(without))).toBe('done')
  })

  test('that comes back equal or lower is a copy of the key: refused, and told to the operator', async () => {
    const anna = await stage.person()
    const key = await stage.withPasskey(anna, new Authenticator(origin, { counts: true }))
    for (let n = 0; n < 5; n++) await signIn(key)
    for (const counter of [5, 3, 0]) expect(await outcome(signIn(key, { counter }))).toBe('BAD_USER_INPUT')
    expect((await stage.noted('passkey.copied')).filter(({ subjects }) => subjects.includes(anna.customer))).toHaveLength(3)
    expect(await outcome(signIn(key, { counter: 9 }))).toBe('done')
    expect(await outcome(signIn(key, { counter: 9 }))).toBe('BAD_USER_INPUT')
  })

  test('of a forged answer tells the operator nothing', async () => {
    const anna = await stage.person()
    const key = await stage.withPasskey(anna, new Authenticator(origin, { counts: true }))
    await signIn(key)
    expect(await outcome(signIn(key, { counter: 1, signature: randomBytes(70) }))).toBe('BAD_USER_INPUT')
    expect((await stage.noted('passkey.copied')).filter(({ subjects }) => subjects.includes(anna.customer))).toHaveLength(0)
  })

  test('two answers with one count at once: one of them', async () => {
    const key = await stage.withPasskey(await stage.person(), new Authenticator(origin, { counts: true }))
    const all = await Promise.all([1, 2, 3].map(() => outcome(signIn(key, { counter: 7 }))))
    expect(all.filter((one) => one === 'done')).toHaveLength(1)
  })
})

describe("D20 somebody else's passkey", () => {
  test('is no proof, and cannot be registered twice', async () => {
    const [anna, ben] = [await stage.person(), await stage.person()]
    const [hers, his] = [await stage.withPasskey(anna), await stage.withPasskey(ben)]
    const question = await stage.passkeys.optionsFor({ use: 'stepUp', holder: 'grant', customer: anna.customer })
    expect(await outcome(stage.factors.check(anna.customer, { kind: 'passkey', ...his.answer(question) }, 'grant'))).toBe('BAD_USER_INPUT')
    expect(await outcome(signIn(his, { credentialId: hers.id }))).toBe('BAD_USER_INPUT')
    const cleo = await stage.person()
    const asked = await stage.passkeys.optionsFor({ use: 'register', holder: 'grant', customer: cleo.customer })
    const taken = new Authenticator(origin).make(asked, { credentialId: hers.id })
    expect(await outcome(stage.passkeys.add({ customer: cleo.customer, holder: 'grant', client: null }, { name: 'K', ...taken }))).toBe('BAD_USER_INPUT')
    expect(await stage.enrolment.list(cleo.customer)).toEqual([])
    expect(await signIn(hers)).toMatchObject({ customer: anna.customer })
  })
})
