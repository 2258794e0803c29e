import { afterAll, beforeAll, expect, test } from 'vitest'
import { pick } from '../support/browser.ts'
import { contradictions } from '../support/consistency.ts'
import { startProcesses, type Processes } from '../support/processes.ts'
import { redirectUri, type Answer } from '../support/shop.ts'

// What happens at the same instant on two processes, which share nothing but MongoDB and Redis.
let house: Processes
beforeAll(async () => {
  house = await startProcesses({ gateways: 2 })
}, 120_000)
afterAll(() => house[Symbol.asyncDispose]())

const complete = 'mutation ($input: CompleteLoginInput!) { completeLogin(input: $input) { accessToken refreshToken } }'
const refresh = 'mutation ($input: RefreshTokensInput!) { refreshTokens(input: $input) { accessToken refreshToken } }'
const decide = 'mutation ($decisions: [ConsentDecisionInput!]!, $key: String) { setConsents(decisions: $decisions, idempotencyKey: $key) { id } }'
const unlink = 'mutation ($id: ID!) { unlinkIdentity(id: $id) { identities { id } } }'

const code = (answer: Answer) => answer.errors?.[0]?.extensions.code
const idOf = async (token: string): Promise<string> => (await house.graphql('{ me { id } }', {}, token)).data.me.id
const times = <T>(n: number, work: (n: number) => Promise<T>): Promise<T[]> => Promise.all(Array.from({ length: n }, (_, i) => work(i)))
const at = (n: number): string => house.gateways[n % house.gateways.length]?.url ?? ''

/** Whatever was won and lost. */
const expectAgreement = async (): Promise<void> => expect(await contradictions(house.db)).toEqual([])

/** Signed in at the account centre, with the picker of another provider open in the browser: one press from being linked. */
async function aboutToLink(as: string, by: string, other: string) {
  const account = await house.signIn(by, { as, client: 'account' })
  const { data } = await house.graphql(`mutation { startLinking(provider: "${other}", redirectUri: "${redirectUri}") { url } }`, {}, account.accessToken)
  return { ...account, picker: await account.browser.open(data.startLinking.url) }
}

test('a code that is redeemed twenty times at once, at both doors of both processes, gives one set of tokens', async () => {
  const { page, verifier } = await house.walk('google', { as: 'person-1' })
  const input = { clientId: 'storefront', code: new URL(page.url).searchParams.get('code'), codeVerifier: verifier, redirectUri }
  const form = { grant_type: 'authorization_code', client_id: input.clientId, code: input.code ?? '', code_verifier: verifier, redirect_uri: redirectUri }
  const won = await times(20, async (n) => {
    if (n % 4 < 2) return (await house.graphql(complete, { input }, undefined, at(n))).errors === undefined
    return (await fetch(`${at(n)}/oidc/token`, { method: 'POST', body: new URLSearchParams(form) })).ok
  })
  expect(won.filter(Boolean)).toHaveLength(1)
})

test('a refresh token that is used twenty times at once has one successor at most', async () => {
  const person = await house.signIn('google', { as: 'person-2' })
  const input = { clientId: 'storefront', refreshToken: person.refreshToken }
  const answers = await times(20, (n) => house.graphql(refresh, { input }, undefined, at(n)))
  const won = answers.filter((answer) => answer.errors === undefined)
  expect(won).toHaveLength(1)
  expect(new Set(answers.filter((answer) => answer.errors !== undefined).map(code))).toEqual(new Set(['UNAUTHENTICATED']))

  // Whoever uses the old one once more ends what is left of the family.
  expect(code(await house.graphql(refresh, { input }))).toBe('UNAUTHENTICATED')
  const successor = won[0]?.data.refreshTokens
  expect(code(await house.graphql(refresh, { input: { ...input, refreshToken: successor.refreshToken } }))).toBe('UNAUTHENTICATED')
  expect(code(await house.graphql('{ me { id } }', {}, successor.accessToken))).toBe('UNAUTHENTICATED')
})

test('yes and no at the same instant, thirty times: both are in the ledger, and the last of them is in force', async () => {
  const { accessToken } = await house.signIn('google', { as: 'person-3' })
  const { data } = await house.graphql('{ purposes { id textVersion } }')
  const { textVersion } = data.purposes.find((one: { id: string }) => one.id === 'personalised_shop')
  const yes = [{ purpose: 'personalised_shop', granted: true, textVersion }]
  const no = [{ purpose: 'personalised_shop', granted: false }]
  for (let round = 0; round < 30; round++) {
    const answers = await Promise.all([yes, no].map((decisions, n) => house.graphql(decide, { decisions }, accessToken, at(round + n))))
    expect(answers.flatMap(({ errors }) => errors ?? [])).toEqual([])
  }
  expect(await house.db.collection('consent_ledger').countDocuments()).toBe(60)
  await expectAgreement()
})

test('the same call ten times at once, under one idempotency key, is one entry with one receipt', async () => {
  const { accessToken } = await house.signIn('google', { as: 'person-4' })
  const before = await house.db.collection('consent_ledger').countDocuments()
  const variables = { decisions: [{ purpose: 'personalised_shop', granted: false }], key: 'once' }
  const answers = await times(10, (n) => house.graphql(decide, variables, accessToken, at(n)))
  expect(answers.flatMap(({ errors }) => errors ?? [])).toEqual([])
  expect(new Set(answers.map(({ data }) => data.setConsents.id)).size).toBe(1)
  expect(await house.db.collection('consent_ledger').countDocuments()).toBe(before + 1)
})

test('B18 ten first logins of one person at the same instant are one customer', async () => {
  const before = await house.db.collection('customers').countDocuments()
  const logins = await times(10, (n) => house.signIn('google', { as: 'gmail-5', at: at(n) }))
  expect(new Set(await Promise.all(logins.map(({ accessToken }) => idOf(accessToken)))).size).toBe(1)
  expect(await house.db.collection('customers').countDocuments()).toBe(before + 1)
  await expectAgreement()
})

test('B19 first logins by two providers with the same proven address at the same instant: one owns it, the other is asked to link', async () => {
  for (const as of ['person-20', 'person-21', 'person-22', 'person-23', 'person-24', 'person-25']) {
    const before = await house.db.collection('customers').countDocuments()
    const ends = await Promise.all(['google', 'apple'].map(async (provider, n) => (await house.walk(provider, { as, at: at(n) })).page))
    expect(ends.map(({ url, text }) => (url.startsWith(redirectUri) ? 'in' : /LINK_REQUIRED/.exec(text)?.[0])).sort()).toEqual(['LINK_REQUIRED', 'in'])
    expect(await house.db.collection('customers').countDocuments()).toBe(before + 1)
  }
  await expectAgreement()
})

test('B23 two customers link the same login at the same instant: one has it, the other is told that it is taken', async () => {
  const askers = await Promise.all(['person-31', 'person-32'].map((as) => aboutToLink(as, 'google', 'facebook')))
  const ends = await Promise.all(askers.map(({ browser, picker }) => pick(browser, picker, 'person-33')))
  const outcomes = ends.map(({ url }) => new URL(url).searchParams)
  expect(outcomes.map((one) => one.get('error') ?? one.get('linked')).sort()).toEqual(['IDENTITY_TAKEN', 'facebook'])
  await expectAgreement()
})

test('B21 both ways in are removed at the same instant: one stays', async () => {
  for (const as of ['person-41', 'person-42', 'person-43', 'person-44']) {
    const asker = await aboutToLink(as, 'google', 'facebook')
    expect((await pick(asker.browser, asker.picker, as)).url).toBe(`${redirectUri}?linked=facebook`)
    const { data } = await house.graphql('{ me { identities { id } } }', {}, asker.accessToken)
    const answers: Answer[] = await Promise.all(
      data.me.identities.map(({ id }: { id: string }, n: number) => house.graphql(unlink, { id }, asker.accessToken, at(n))),
    )
    // The first to win ends all tokens, so the other is out of the door or told that this is the last one.
    const outcomes = answers.map((answer) => code(answer) ?? 'removed').sort()
    expect(outcomes).toContain('removed')
    expect(['LAST_IDENTITY', 'UNAUTHENTICATED']).toContain(outcomes.find((one) => one !== 'removed'))
  }
  await expectAgreement()
})

test('B22 a login is added while another is removed: never without a way in', async () => {
  for (const as of ['person-51', 'person-52', 'person-53', 'person-54', 'person-55', 'person-56']) {
    const asker = await aboutToLink(as, 'google', 'facebook')
    const { data } = await house.graphql('{ me { identities { id } } }', {}, asker.accessToken)
    const [linked, removed] = await Promise.all([
      pick(asker.browser, asker.picker, as),
      house.graphql(unlink, { id: data.me.identities[0].id }, asker.accessToken, at(0)),
    ])
    expect([undefined, 'LAST_IDENTITY']).toContain(code(removed))
    // To remove a login ends all sessions, and so what was begun in one of them.
    expect(['?linked=facebook', '?error=LOGIN_DENIED']).toContain(new URL(linked.url).search)
  }
  await expectAgreement()
})
