import { afterAll, beforeAll, expect, test } from 'vitest'
import { startProcesses, type Processes } from '../support/processes.ts'
import { startRedisCluster } from '../support/redis-cluster.ts'
import { redirectUri } from '../support/shop.ts'

// Two processes behind one address, each request at the other one, and a Redis Cluster of three nodes.
const stack = new AsyncDisposableStack()
let cluster: Awaited<ReturnType<typeof startRedisCluster>>
let house: Processes
beforeAll(async () => {
  cluster = stack.use(await startRedisCluster())
  house = stack.use(await startProcesses({ gateways: 2, env: { REDIS_URL: cluster.url } }))
}, 120_000)
afterAll(() => stack.disposeAsync())

const decide = 'mutation ($decisions: [ConsentDecisionInput!]!) { setConsents(decisions: $decisions) { id } }'
const refresh = 'mutation ($input: RefreshTokensInput!) { refreshTokens(input: $input) { accessToken refreshToken } }'
const picture = '{ me { id pictureUrl } }'

async function textVersions(): Promise<Record<string, string>> {
  const { data } = await house.graphql('{ purposes { id textVersion } }')
  return Object.fromEntries(data.purposes.map((one: { id: string; textVersion: string }) => [one.id, one.textVersion]))
}

test.for(['google', 'apple', 'facebook', 'haus'].map((provider, n) => ({ provider, as: `person-${n + 1}` })))(
  'a login by $provider changes the process with every request',
  async ({ provider, as }) => {
    const person = await house.signIn(provider, { as })
    expect((await house.graphql('{ me { id } }', {}, person.accessToken)).data.me.id).toBeTruthy()
  },
)

test('from the login to the end of all sessions, nothing depends on the process that is asked', async () => {
  const anna = await house.signIn('google', { as: 'anna', scope: 'openid offline_access purpose:order_processing purpose:personalised_shop' })
  const { personalised_shop: textVersion } = await textVersions()
  const agreed = await house.graphql(decide, { decisions: [{ purpose: 'personalised_shop', granted: true, textVersion }] }, anna.accessToken)
  expect(agreed.errors).toBeUndefined()
  for (const { url } of house.gateways) expect((await house.graphql(picture, {}, anna.accessToken, url)).data.me.pictureUrl).toMatch(/^https:/)

  const renewed = (await house.graphql(refresh, { input: { clientId: 'storefront', refreshToken: anna.refreshToken } })).data.refreshTokens
  const second = await house.signIn('google', { as: 'anna', client: 'storefront-b', scope: 'openid purpose:order_processing', browser: anna.browser })
  expect(anna.browser.visited.filter((url) => url.includes('/o/oauth2/'))).toHaveLength(1)

  expect((await house.graphql('mutation { logout(everywhere: true) }', {}, renewed.accessToken)).data.logout).toBe(true)
  for (const token of [anna.accessToken, renewed.accessToken, second.accessToken]) {
    for (const { url } of house.gateways) {
      expect((await house.graphql(picture, {}, token, url)).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
    }
  }
  const dead = await house.graphql(refresh, { input: { clientId: 'storefront', refreshToken: renewed.refreshToken } })
  expect(dead.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
  const back = await house.walk('google', { as: 'anna', browser: anna.browser })
  expect(back.page.url.startsWith(redirectUri)).toBe(true)
})

test('both processes answered, and every node of the cluster was used', async () => {
  for (const { url } of house.gateways) {
    const metrics = await (await fetch(`${url}/metrics`)).text()
    expect(metrics).toMatch(/entente_http_request_duration_seconds_count\{method="POST",route="\/graphql",status="200"\} \d/)
  }
  // Logins under way, with random names: thirty leave one of three nodes empty once in sixty thousand runs.
  await Promise.all(Array.from({ length: 30 }, (_, n) => house.walk('google', { as: 'nobody', at: house.gateways[n % 2]?.url ?? '' })))
  expect(Math.min(...(await cluster.keys()))).toBeGreaterThan(0)
})

interface Span {
  readonly from: number
  readonly to: number
}
interface Decided extends Span {
  readonly granted: boolean
}
interface Seen extends Span {
  readonly path: string
  readonly value: boolean
}

/** What a read must have seen: undefined while a decision was under way during it. */
function owed(read: Span, decisions: readonly Decided[]): boolean | undefined {
  if (decisions.some(({ from, to }) => from < read.to && to > read.from)) return undefined
  return decisions.findLast(({ to }) => to <= read.from)?.granted ?? false
}

async function timed<T>(work: Promise<T>): Promise<Span & { readonly result: T }> {
  const from = performance.now()
  const result = await work
  return { from, to: performance.now(), result }
}

test('no read that began after the answer to a withdrawal, on whichever process, returns the value; none refuses after a grant', async () => {
  const versions = await textVersions()
  const marketing = await house.tool('marketing')
  const purposes = ['personalised_shop', 'email_marketing']

  async function history(as: string): Promise<void> {
    const { accessToken } = await house.signIn('google', { as })
    const decisions: Decided[] = []
    const reads: Seen[] = []
    const paths: Record<string, (at: string) => Promise<boolean>> = {
      me: async (at) => (await house.graphql(picture, {}, accessToken, at)).data.me.pictureUrl !== null,
      userinfo: async (at) => (await (await fetch(`${at}/oidc/me`, { headers: { authorization: `Bearer ${accessToken}` } })).text()).includes('"picture"'),
      customers: async (at) => {
        const { data } = await house.graphql('{ customers(first: 50) { edges { node { email } } } }', {}, marketing, at)
        return data.customers.edges.some(({ node }: { node: { email: string } }) => node.email === `${as}@people.example`)
      },
    }
    const readAll = () =>
      Promise.all(
        house.gateways.flatMap(({ url }) =>
          Object.entries(paths).map(async ([path, look]) => {
            const { from, to, result } = await timed(look(url))
            reads.push({ path: `${path} at ${url}`, value: result, from, to })
          }),
        ),
      )
    for (let n = 0; n < 10; n++) {
      const granted = n % 2 === 0
      const said = purposes.map((purpose) => ({ purpose, granted, ...(granted && { textVersion: versions[purpose] }) }))
      const writing = timed(house.graphql(decide, { decisions: said }, accessToken))
      const meanwhile = readAll()
      const { from, to, result } = await writing
      expect(result.errors).toBeUndefined()
      decisions.push({ granted, from, to })
      await readAll()
      await meanwhile
    }
    const wrong = reads.filter((read) => (owed(read, decisions) ?? read.value) !== read.value)
    expect(wrong).toEqual([])
    expect(reads.filter((read) => owed(read, decisions) !== undefined).length).toBeGreaterThan(reads.length / 3)
  }
  await Promise.all(['person-11', 'person-12', 'person-13', 'person-14', 'person-15'].map(history))
}, 90_000)
