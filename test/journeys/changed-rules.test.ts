import { mkdtemp, readFile, rename, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { start, type Running } from '../../src/main.ts'
import { merge, merging, undo } from '../support/merging.ts'
import { clientSide, openSurroundings } from '../support/shop.ts'

const soon = { timeout: 20_000, interval: 100 }

/** Two gateways by the same files, which may be written anew, and what the first of them logs. */
async function openHouses() {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'entente-rules-'))
  const files = { policy: join(folder, 'policy.yaml'), clients: join(folder, 'clients.yaml') }
  const original = { policy: await readFile('demo/policy.yaml', 'utf8'), clients: await readFile('demo/clients.yaml', 'utf8') }
  await writeFile(files.policy, original.policy)
  await writeFile(files.clients, original.clients)
  const around = stack.use(await openSurroundings({ POLICY_FILE: files.policy, CLIENTS_FILE: files.clients }))
  const lines: { msg: string; problems?: string[] }[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const first = stack.use(await start(around.env, { log }))
  const second = stack.use(await start({ ...around.env, PUBLIC_URL: first.url }))
  const running = stack.move()
  const write = async (file: keyof typeof files, change: (text: string) => string): Promise<void> => {
    const changed = change(original[file])
    expect(changed).not.toBe(original[file])
    await writeFile(`${files[file]}.new`, changed)
    await rename(`${files[file]}.new`, files[file])
  }
  const back = async (): Promise<void> => {
    for (const file of ['policy', 'clients'] as const) await writeFile(files[file], original[file])
    await first.reload()
    await second.reload()
  }
  return { ...around, ...clientSide(first.url), first, second, files, lines, write, back, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

/** The newsletter may have nothing of the address any more. */
const withoutAddress = (policy: string): string =>
  policy.replace(/(- id: email_marketing[\s\S]*?covers:\n)\s+- \{ category: user\.contact\.email, form: FULL \}\n/, '$1')
/** The newsletter may have the postcode too. */
const withPostcode = (policy: string): string =>
  policy.replace(/(- id: email_marketing[\s\S]*?covers:\n)/, '$1      - { category: user.contact.address.postal_code, form: FULL }\n')

/** The newsletter goes to whoever did not object. */
const withoutConsent = (policy: string): string => policy.replace(/(- id: email_marketing\n\s+legalBasis: )CONSENT/, '$1LEGITIMATE_INTEREST')
const withReason = (policy: string): string =>
  withoutConsent(policy).replace(/(- id: email_marketing\n)/, '$1    formerBases: [{ legalBasis: CONSENT, reason: letters about what was bought }]\n')
/** A purpose that nobody has heard of. */
const withStudies = (policy: string): string =>
  policy.replace(
    /(?= {2}- id: fraud_prevention)/,
    `  - id: studies
    legalBasis: CONSENT
    covers: [{ category: user.name, form: FULL }]
    clients: [marketing]
    retention: P1Y
    texts: [{ version: "1", date: 2026-02-01, en: { title: Studies, text: We learn from it. }, de: { title: Studien, text: Wir lernen daraus. } }]

`,
  )

describe('rules that change while the house is open', () => {
  const stack = new AsyncDisposableStack()
  let house: Awaited<ReturnType<typeof openHouses>>
  let at: (which: Running) => string
  beforeAll(async () => {
    house = stack.use(await openHouses())
    at = ({ address }) => address
    const { accessToken } = await house.signIn('google', { as: 'anna', client: 'account' })
    const yes = 'mutation { setConsents(decisions: [{ purpose: "email_marketing", granted: true, textVersion: "2026-01" }]) { id } }'
    await house.graphql(yes, {}, accessToken)
  }, 120_000)
  afterAll(() => stack.disposeAsync())

  const read = async (which: Running) => {
    const marketing = await house.tool('marketing')
    return house.graphql('{ customers(first: 10) { edges { node { email givenName } } } }', {}, marketing, at(which))
  }

  test('hold for the next read, on each process', async () => {
    expect((await read(house.first)).data.customers.edges).toMatchObject([{ node: { email: 'anna.demo@gmail.com' } }])
    await house.write('policy', withoutAddress)
    await house.first.reload()
    const after = await read(house.first)
    expect(after.data.customers.edges).toMatchObject([{ node: { email: null } }])
    expect(after.extensions?.withheld).toMatchObject([{ field: 'Customer.email', reason: 'PURPOSE_NOT_GRANTED' }])
    // Nobody told the second one: it looks for itself.
    await vi.waitFor(async () => expect((await read(house.second)).data.customers.edges).toMatchObject([{ node: { email: null } }]), soon)
    await house.back()
    expect((await read(house.second)).data.customers.edges).toMatchObject([{ node: { email: 'anna.demo@gmail.com' } }])
  }, 60_000)

  test('that ask for more make the consent of before an outdated one, until it is given again', async () => {
    await house.write('policy', withPostcode)
    await house.first.reload()
    expect((await read(house.first)).data.customers.edges).toEqual([])
    const { accessToken } = await house.signIn('google', { as: 'anna', client: 'account' })
    const { data } = await house.graphql('{ me { consents { purpose state } } }', {}, accessToken)
    expect(data.me.consents).toContainEqual({ purpose: 'email_marketing', state: 'OUTDATED' })
    await house.back()
    expect((await read(house.first)).data.customers.edges).toHaveLength(1)
  }, 60_000)

  test('and cannot be used are refused whole: the log says where, an alert stands, those of before stay', async () => {
    await house.write('policy', (text) => withoutAddress(text).replace('legalBasis: CONTRACT', 'legalBasis: WISH'))
    await house.first.reload()
    await house.first.reload()
    expect((await read(house.first)).data.customers.edges).toMatchObject([{ node: { email: 'anna.demo@gmail.com' } }])
    const refusal = house.lines.findLast(({ msg }) => msg.startsWith('rules refused'))
    expect(refusal?.problems?.[0]).toMatch(/policy\.yaml:\d+:\d+ purposes\.0\.legalBasis/)
    const operator = await house.tool('operator', 'audit:read')
    const open = '{ alerts(open: true) { edges { node { rule subject } } } }'
    await vi.waitFor(
      async () => expect((await house.graphql(open, {}, operator)).data.alerts.edges).toEqual([{ node: { rule: 'rulesRefused', subject: 'house' } }]),
      soon,
    )
    const changes = '{ auditEvents(filter: { types: ["policy.changed", "rules.refused"] }) { edges { node { type } } } }'
    const types = (await house.graphql(changes, {}, operator)).data.auditEvents.edges.map(({ node }: { node: { type: string } }) => node.type)
    expect(types).toContain('rules.refused')
    await house.back()
  }, 60_000)

  test('I11 on another basis without a reason are refused; with one, who said no stays out', async () => {
    const ben = await house.signIn('google', { as: 'ben', client: 'account' })
    await house.signIn('google', { as: 'gmail-9401', client: 'account' })
    const no = 'mutation { setConsents(decisions: [{ purpose: "email_marketing", granted: false }]) { id } }'
    await house.graphql(no, {}, ben.accessToken)
    const names = async () => (await read(house.first)).data.customers.edges.map(({ node }: { node: { email: string } }) => node.email).toSorted()
    expect(await names()).toEqual(['anna.demo@gmail.com'])
    await house.write('policy', withoutConsent)
    await house.first.reload()
    expect(await names()).toEqual(['anna.demo@gmail.com'])
    const refusal = house.lines.findLast(({ msg }) => msg.startsWith('rules refused'))
    expect(refusal?.problems).toEqual(['purposes: email_marketing has stood on CONSENT here; why that changed belongs under formerBases'])
    await house.write('policy', withReason)
    await house.first.reload()
    expect(await names()).toEqual(['anna.demo@gmail.com', 'gmail.person.9401@gmail.com'])
    await house.back()
    expect(await names()).toEqual(['anna.demo@gmail.com'])
  }, 60_000)

  test('I6 that set an age are kept by every question and every yes; a year that is put right takes a yes back', async () => {
    await house.write('policy', (text) => text.replace('  - id: personalised_shop\n', '  - id: personalised_shop\n    minimumAge: 16\n'))
    await house.first.reload()
    const year = new Date().getUTCFullYear()
    const { accessToken, browser } = await house.signIn('google', { as: 'gmail-9402', client: 'account' })
    const say = async () => {
      const { errors } = await house.graphql(
        'mutation { setConsents(decisions: [{ purpose: "personalised_shop", granted: true, textVersion: "2026-01" }]) { id } }',
        {},
        accessToken,
      )
      return errors?.map(({ extensions }) => [extensions.code, extensions['field']])
    }
    const born = (birthYear: number | null) =>
      house.graphql('mutation ($i: UpdateProfileInput!) { updateProfile(input: $i) { id } }', { i: { birthYear } }, accessToken)
    const isAsked = async () => {
      const before = browser.visited.length
      await house.walk('google', { as: 'gmail-9402', browser })
      return browser.visited.slice(before).some((url) => new URL(url).pathname === '/consent')
    }
    const state = async () => {
      const { data } = await house.graphql('{ me { consents { purpose state } } }', {}, accessToken)
      return data.me.consents.find(({ purpose }: { purpose: string }) => purpose === 'personalised_shop').state
    }
    const refused = [['BAD_USER_INPUT', 'decisions.0.granted']]
    expect([await say(), await isAsked()]).toEqual([refused, false])
    await born(year - 16)
    expect([await say(), await isAsked()]).toEqual([refused, false])
    await born(year - 17)
    expect(await isAsked()).toBe(true)
    expect([await say(), await state()]).toEqual([undefined, 'GRANTED'])
    await born(year - 12)
    expect([await state(), await say()]).toEqual(['WITHDRAWN', refused])
    await born(year - 30)
    expect([await state(), await say(), await state()]).toEqual(['WITHDRAWN', undefined, 'GRANTED'])
    await born(null)
    expect(await state()).toBe('WITHDRAWN')
    const page = async () => (await browser.open(`${house.first.url}/account`)).text
    expect(await page()).toContain('from the age of 16. We do not know your year of birth')
    await born(year - 30)
    await say()
    expect(await page()).not.toContain('from the age of 16')
    await house.write('policy', (text) => text.replace('  - id: personalised_shop\n', '  - id: personalised_shop\n    minimumAge: 40\n'))
    await house.first.reload()
    await vi.waitFor(async () => expect(await state()).toBe('WITHDRAWN'), soon)
    expect(await page()).toContain('from the age of 40. By the year of birth that we have of you')
    expect(await say()).toEqual(refused)
    await house.back()
  }, 120_000)

  test('I6 that set an age are kept when two become one and two again: who alone is too young keeps no yes of both', async () => {
    await house.write('policy', (text) => text.replace('  - id: personalised_shop\n', '  - id: personalised_shop\n    minimumAge: 16\n'))
    await house.first.reload()
    const person = merging(house)
    const born = (token: string, age: number) =>
      house.graphql('mutation ($i: UpdateProfileInput!) { updateProfile(input: $i) { id } }', { i: { birthYear: new Date().getUTCFullYear() - age } }, token)
    await born((await person.account('google', 'person-9403')).accessToken, 12)
    await born((await person.account('facebook', 'person-9404')).accessToken, 30)
    const { accessToken, proof } = await person.shown('person-9403', 'person-9404')
    expect((await house.graphql(merge, { proof }, accessToken)).errors).toBeUndefined()
    const both = await person.account('google', 'person-9403')
    await person.yes(both.accessToken, 'personalised_shop', 'email_marketing')
    const { data } = await house.graphql('{ me { merges { id } } }', {}, both.accessToken)
    expect((await house.graphql(undo, { id: data.me.merges[0].id }, both.accessToken)).errors).toBeUndefined()
    const apart = [await person.account('google', 'person-9403'), await person.account('facebook', 'person-9404')]
    expect(await Promise.all(apart.map(({ accessToken: token }) => person.consentsOf(token)))).toMatchObject([
      { personalised_shop: 'WITHDRAWN', email_marketing: 'GRANTED' },
      { personalised_shop: 'NOT_ASKED', email_marketing: 'NOT_ASKED' },
    ])
    await person.expectAgreement()
    await house.back()
  }, 60_000)

  test('I2 with a purpose more have nobody’s yes to it', async () => {
    await house.write('policy', withStudies)
    await house.write('clients', (text) => text.replace('purposes: [email_marketing]', 'purposes: [email_marketing, studies]'))
    await house.first.reload()
    const { accessToken } = await house.signIn('google', { as: 'anna', client: 'account' })
    const { data } = await house.graphql('{ me { consents { purpose state decidedAt } } }', {}, accessToken)
    expect(data.me.consents).toContainEqual({ purpose: 'studies', state: 'NOT_ASKED', decidedAt: null })
    const forStudies = await house.tool('marketing', 'purpose:studies')
    const listed = await house.graphql('{ customers(first: 10) { edges { node { id } } } }', {}, forStudies, at(house.first))
    expect(listed.data.customers).toMatchObject({ edges: [] })
    const known = await house.graphql('{ customers(first: 1) { edges { node { id } } } }', {}, await house.tool('marketing'), at(house.first))
    const [{ node }] = known.data.customers.edges
    const one = await house.graphql('query ($id: ID!) { customer(id: $id) { givenName } }', node, forStudies, at(house.first))
    expect(one.data).toEqual({ customer: null })
    await house.back()
  }, 60_000)

  test('let in a client that was added, and end the tokens of one that was taken out', async () => {
    const ads = await house.tool('ads')
    const added = '\n  - { id: letters, name: Letters, authentication: secret, secret: letters-demo-secret, grants: [client_credentials], purposes: [] }\n'
    await house.write('clients', (text) => `${text.replace(/ {2}- id: ads[\s\S]*?\n\n/, '').trimEnd()}${added}`)
    await house.first.reload()
    await expect(house.tool('letters')).resolves.toMatch(/^ey/)
    await expect(house.tool('ads')).rejects.toThrow('invalid_client')
    expect((await house.graphql('{ __typename }', {}, ads, at(house.first))).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
    await house.back()
  }, 60_000)

  test('fail no request: what began under the old ones is answered to its end', async () => {
    const tokens = [await house.tool('marketing'), await house.tool('operator')]
    const closing = new AbortController()
    const shopping = Array.from({ length: 8 }, async (_, n) => {
      const seen: number[] = []
      while (!closing.signal.aborted)
        seen.push((await house.graphql('{ customers(first: 10) { edges { node { givenName } } } }', {}, tokens[n % 2], at(house.first))).status)
      return seen
    })
    for (const change of [withoutAddress, withPostcode, withoutAddress]) {
      await house.write('policy', change)
      await house.first.reload()
    }
    closing.abort()
    const statuses = (await Promise.all(shopping)).flat()
    expect(statuses.length).toBeGreaterThan(8)
    expect(new Set(statuses)).toEqual(new Set([200]))
    await house.back()
  }, 60_000)
})
