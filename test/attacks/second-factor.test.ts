import { Secret, TOTP } from 'otpauth'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Authenticator } from '../support/authenticator.ts'
import type { Browser } from '../support/browser.ts'
import { memoryLog } from '../support/callback.ts'
import { redirectUri, startShop, type Answer, type Shop } from '../support/shop.ts'

const { log, lines } = memoryLog()
let shop: Shop
beforeAll(async () => {
  shop = await startShop({ gateways: 2, other: { log } })
})
afterAll(() => shop[Symbol.asyncDispose]())

const people = ['anna', 'ben', 'eva'] as const
const codeOf = ({ errors }: Answer): string | undefined => errors?.[0]?.extensions.code
const codeIn = (secret: string, steps = 0): string => new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: Date.now() + steps * 30_000 })
const wrongFor = (secret: string): string => {
  const right = new Set([-1, 0, 1, 2].map((steps) => codeIn(secret, steps)))
  return ['000000', '111111', '222222', '333333', '444444'].find((code) => !right.has(code)) ?? ''
}

const link = 'mutation ($uri: String!) { startLinking(provider: "apple", redirectUri: $uri) { url } }'
const complete = 'mutation ($action: ID!, $proof: StepUpProofInput!) { completeStepUp(action: $action, proof: $proof) }'

async function atAccount(as: string, provider = 'google', known?: Browser) {
  const { accessToken, browser } = await shop.signIn(provider, { as, client: 'account', ...(known && { browser: knownAgain(known) }) })
  const ask = (query: string, variables: Record<string, unknown> = {}, at = shop.url) => shop.graphql(query, variables, accessToken, at)
  return { ask, accessToken, browser }
}
type Person = Awaited<ReturnType<typeof atAccount>>

/** The same device without its session: a device that is not known is asked for the factor at the sign-in. */
function knownAgain(browser: Browser): Browser {
  const again = shop.newBrowser()
  const { host } = new URL(shop.url)
  again.setCookie(host, '__Host-entente-device', browser.cookie(host, '__Host-entente-device') ?? '')
  return again
}

/** Gives the person an app, by a code of the step before, so that two are left for the test. */
async function withTotp({ ask }: Person): Promise<string> {
  const { data } = await ask('mutation { startTotp { secret uri qr } }')
  const { secret } = data.startTotp as { secret: string }
  expect((await ask('mutation ($code: String!) { confirmTotp(code: $code) }', { code: codeIn(secret, -1) })).data).toEqual({ confirmTotp: true })
  return secret
}

describe('a customer with an authenticator app', () => {
  let anna: Person
  let secret: string
  let codes: readonly string[]
  beforeAll(async () => {
    anna = await atAccount(people[0])
    secret = await withTotp(anna)
    codes = (await anna.ask('mutation { newRecoveryCodes }')).data.newRecoveryCodes as string[]
  })

  test('B27 D13 D26 is asked for it by every door that guards the account, and told what is accepted and why', async () => {
    const { data } = await anna.ask('{ me { factors { id kind left } identities { id } } }')
    expect(data.me.factors).toMatchObject([{ kind: 'totp' }, { kind: 'recoveryCodes', left: 10 }])
    const ids = { factor: data.me.factors[0].id as string, identity: data.me.identities[0].id as string }
    const guarded: readonly (readonly [string, string, Record<string, unknown>])[] = [
      ['linkIdentity', link, { uri: redirectUri }],
      ['unlinkIdentity', 'mutation ($id: ID!) { unlinkIdentity(id: $id) { id } }', { id: ids.identity }],
      ['addFactor', 'mutation { startPasskey { handle } }', {}],
      ['addFactor', 'mutation { startTotp { secret } }', {}],
      ['newRecoveryCodes', 'mutation { newRecoveryCodes }', {}],
      ['removeFactor', 'mutation ($id: ID!) { removeFactor(id: $id) }', { id: ids.factor }],
      ['mergeCustomer', 'mutation { mergeCustomer(proof: "none") { id } }', {}],
    ]
    for (const [action, query, variables] of guarded) {
      const { errors } = await anna.ask(query, variables)
      const said = { code: 'STEP_UP_REQUIRED', action, accepted: ['totp', 'recoveryCode'], reasons: ['factorEnrolled'], acrValues: 'urn:entente:acr:2' }
      expect([action, errors?.[0]?.extensions]).toEqual([action, { ...said, maxAge: 600 }])
    }
    expect((await anna.ask('{ me { factors { kind } } }')).data.me.factors).toHaveLength(2)
  })

  test('D25 whoever asks for less is asked for the same', async () => {
    const { data } = await anna.ask('mutation { startStepUp(action: "linkIdentity") { accepted reasons passkeyOptions handle } }')
    expect(data.startStepUp).toEqual({ accepted: ['totp', 'recoveryCode'], reasons: ['factorEnrolled'], passkeyOptions: null, handle: null })
    expect(codeOf(await anna.ask('mutation { sendStepUpCode(action: "linkIdentity") }'))).toBe('BAD_USER_INPUT')
    expect(codeOf(await anna.ask(complete, { action: 'linkIdentity', proof: { mailCode: '12345678' } }))).toBe('BAD_USER_INPUT')
    for (const action of ['signIn', 'acr', 'nothing', ''])
      expect(codeOf(await anna.ask(complete, { action, proof: { totp: codeIn(secret) } }))).toBe('BAD_USER_INPUT')
    for (const proof of [{}, { totp: '1', mailCode: '2' }, { totp: null }])
      expect(codeOf(await anna.ask(complete, { action: 'eraseMe', proof }))).toBe('BAD_USER_INPUT')
    expect(codeOf(await anna.ask(link, { uri: redirectUri }))).toBe('STEP_UP_REQUIRED')
  })

  test('D10 a code is text: numbers, lists and spaced ones are none', async () => {
    for (const totp of [123_456, ['123456'], { code: '123456' }]) {
      expect(codeOf(await anna.ask(complete, { action: 'eraseMe', proof: { totp } }))).toBe('BAD_USER_INPUT')
    }
  })

  test('D28 proves it once, for what was meant, and may then do it', async () => {
    expect((await anna.ask(complete, { action: 'linkIdentity', proof: { totp: codeIn(secret) } })).data).toEqual({ completeStepUp: true })
    expect(codeOf(await anna.ask('mutation { startPasskey { handle } }'))).toBe('STEP_UP_REQUIRED')
    expect((await anna.ask(link, { uri: redirectUri }, shop.urls[1])).data.startLinking.url).toContain('/login/link/')
    expect(codeOf(await anna.ask(link, { uri: redirectUri }))).toBe('STEP_UP_REQUIRED')
  })

  test('D29 has proved nothing by signing in again', async () => {
    const again = await atAccount(people[0], 'google', anna.browser)
    expect(codeOf(await again.ask(link, { uri: redirectUri }))).toBe('STEP_UP_REQUIRED')
  })

  test('D11 secrets were shown once: no answer, no log and no collection has them afterwards', async () => {
    const everything = await anna.ask(
      '{ me { id factors { id kind name addedAt lastUsedAt left } sessions { id } accessLog { edges { node { __typename } } } } }',
    )
    const names = (await shop.db.listCollections().toArray()).map(({ name }) => name)
    const rows = await Promise.all(names.map((name) => shop.db.collection(name).find({}).toArray()))
    const all = JSON.stringify([everything.data, rows, lines])
    for (const told of [secret, ...codes, ...codes.map((code) => code.replaceAll('-', ''))]) expect(all).not.toContain(told)
  })

  test('D07 D28 a recovery code stands in for the app', async () => {
    expect((await anna.ask(complete, { action: 'addFactor', proof: { recoveryCode: codes[0] } })).data).toEqual({ completeStepUp: true })
    const { data } = await anna.ask('mutation { startPasskey { handle options } }')
    const { handle, options } = data.startPasskey as { handle: string; options: string }
    const key = new Authenticator(shop.url)
    const made = { handle, name: 'Phone', response: JSON.stringify(key.make({ handle, options: JSON.parse(options) as object }).response) }
    const add = 'mutation ($input: NewPasskeyInput!) { addPasskey(input: $input) }'
    for (const name of ['', ' ', 'x'.repeat(61), 'a\u0000b']) expect(codeOf(await anna.ask(add, { input: { ...made, name } }))).toBe('BAD_USER_INPUT')
    expect((await anna.ask(add, { input: made })).data).toEqual({ addPasskey: true })

    const asked = (await anna.ask('mutation { startStepUp(action: "linkIdentity") { accepted passkeyOptions handle } }')).data.startStepUp
    expect(asked.accepted).toEqual(['passkey', 'totp', 'recoveryCode'])
    const answer = key.answer({ handle: asked.handle as string, options: JSON.parse(asked.passkeyOptions as string) as object })
    const proof = { passkey: { handle: answer.handle, response: JSON.stringify(answer.response) } }
    for (const response of ['', 'no json', '5', '{}', `"${'x'.repeat(40_000)}"`])
      expect(codeOf(await anna.ask(complete, { action: 'linkIdentity', proof: { passkey: { handle: 'x', response } } }))).toBe('BAD_USER_INPUT')
    expect((await anna.ask(complete, { action: 'linkIdentity', proof })).data).toEqual({ completeStepUp: true })
    expect((await anna.ask(link, { uri: redirectUri })).data.startLinking.url).toContain('/login/link/')
  })
})

test("D29 a device's own dialog signs in who has no factor, and sends who has one to the browser", async () => {
  const login = 'mutation ($input: LoginWithIdTokenInput!) { loginWithIdToken(input: $input) { accessToken } }'
  const device = async (nonce: string) => {
    const idToken = await shop.providers.google.idToken('gusti', { audience: 'entente-demo.apps.example', nonce })
    return shop.graphql(login, { input: { clientId: 'storefront', provider: 'google', idToken, nonce } })
  }
  expect((await device('the first of this house')).data.loginWithIdToken.accessToken).toEqual(expect.any(String))
  await withTotp(await atAccount('gusti'))
  expect(codeOf(await device('the second of this house'))).toBe('STEP_UP_REQUIRED')
})

describe('guesses are counted one by one', () => {
  const aliases = (count: number, code: string) =>
    `mutation { ${Array.from({ length: count }, (_, n) => `g${n}: completeStepUp(action: "eraseMe", proof: { totp: "${code}" })`).join(' ')} }`

  test('D02 D03 D04 in aliases, in batches, and at two processes at once', async () => {
    const ben = await atAccount(people[1])
    const secret = await withTotp(ben)
    const wrong = wrongFor(secret)
    expect(codeOf(await ben.ask(aliases(500, wrong)))).toBe('QUERY_TOO_COSTLY')
    const batch = await fetch(`${shop.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${ben.accessToken}` },
      body: JSON.stringify(Array.from({ length: 100 }, () => ({ query: aliases(1, wrong) }))),
    })
    expect(batch.status).toBe(400)
    const answers = await Promise.all(Array.from({ length: 12 }, (_, n) => ben.ask(aliases(10, wrong), {}, shop.urls[n % 2])))
    // The first that is wrong ends its operation; whether the others were tried is seen by the counter.
    const outcomes = answers.flatMap(({ errors = [] }) => errors.map(({ extensions }) => extensions.code))
    const evaluated = outcomes.filter((code) => code === 'BAD_USER_INPUT').length
    expect(evaluated).toBeGreaterThan(0)
    // Of those at the same instant, the last may find the lock that it brings about itself.
    expect(evaluated).toBeLessThanOrEqual(5)
    expect(outcomes.filter((code) => code === 'RATE_LIMITED')).toHaveLength(outcomes.length - evaluated)
    const right = await ben.ask(complete, { action: 'eraseMe', proof: { totp: codeIn(secret) } })
    expect(right.errors?.[0]?.extensions).toMatchObject({ code: 'RATE_LIMITED', retryAfter: expect.any(Number) })
  })
})

describe('a customer without a second factor', () => {
  test('B28 acts at the account centre only: the token of a shop changes nothing', async () => {
    const { accessToken } = await shop.signIn('google', { as: people[2] })
    for (const query of [
      'mutation { startPasskey { handle } }',
      'mutation { startTotp { secret } }',
      'mutation { newRecoveryCodes }',
      'mutation { removeFactor(id: "x") }',
    ])
      expect(codeOf(await shop.graphql(query, {}, accessToken))).toBe('FORBIDDEN')
    expect(codeOf(await shop.graphql(link, { uri: redirectUri }, accessToken))).toBe('FORBIDDEN')
    expect(codeOf(await shop.graphql(complete, { action: 'linkIdentity', proof: { totp: '123456' } }, accessToken))).toBe('FORBIDDEN')
    const read = await shop.graphql('{ me { factors { kind } } }', {}, accessToken)
    expect([read.data.me.factors, read.extensions?.withheld?.map(({ field }) => field)]).toEqual([null, ['Customer.factors']])
  })

  test('B27 who has just signed in is asked for nothing; nobody without a token', async () => {
    const eva = await atAccount(people[2])
    expect((await eva.ask(link, { uri: redirectUri })).data.startLinking.url).toContain('/login/link/')
    expect((await eva.ask('mutation { startStepUp(action: "linkIdentity") { accepted reasons handle } }')).data.startStepUp).toEqual({
      accepted: [],
      reasons: [],
      handle: null,
    })
    expect(codeOf(await eva.ask('mutation { newRecoveryCodes }'))).toBe('BAD_USER_INPUT')
    expect(codeOf(await shop.graphql('mutation { startPasskey { handle } }'))).toBe('UNAUTHENTICATED')
  })
})
