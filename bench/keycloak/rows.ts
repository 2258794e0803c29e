import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startChild, type Child } from '../child.ts'
import type { Comparison } from '../comparisons.ts'
import { databasesCpu } from '../databases.ts'
import { connections, postForm, type Target } from '../load.ts'
import { logIn, rateAndCpu, rateOf, refresh, shop, type House } from '../login-client.ts'
import { gatewayHouse, inTurn } from '../logins.ts'
import { startOurs } from '../ours.ts'
import { rowOf, type Pair, type Row } from '../report.ts'
import { compare } from '../rounds.ts'
import { importRealm, startKeycloak } from './server.ts'
import { realm, toolSecret } from './realm.ts'

const protocol = `/realms/${realm}/protocol/openid-connect`
const seconds = 4
const loginsBeforeMemory = 1_000
/** Each takes minutes, and resident memory differs little. */
const mostRoundsOfMemory = 2

/** Both houses in front of the same external provider, which shares the server's core; each keeps what it keeps, over all rows. */
export interface Both extends AsyncDisposable {
  readonly startOurs: (uri: string) => Promise<Child>
  readonly startPeer: () => Promise<Child>
}

interface Houses {
  readonly ours: House
  readonly peer: House
}

/** Keycloak in that folder with a new database, and Haus running. */
export async function openBoth(home: string): Promise<Both> {
  await using stack = new AsyncDisposableStack()
  const haus = stack.use(await startChild('peers/haus.js', {}))
  const issuer = `http://127.0.0.1:${haus.port}`
  const folder = stack.adopt(await mkdtemp(join(tmpdir(), 'entente-bench-')), (one) => rm(one, { recursive: true }))
  const providersFile = join(folder, 'providers.yaml')
  await writeFile(providersFile, JSON.stringify([{ id: 'haus', name: 'Haus', issuer, clientId: 'entente', clientSecret: 'haus-demo-secret' }]))
  console.log('Giving Keycloak its realm …')
  await importRealm(home, folder, issuer)
  const running = stack.move()
  const redisUrl = process.env['REDIS_URL'] ?? ''
  return {
    startOurs: async (uri) => withDatabases(uri, redisUrl, await startOurs(uri, { TRUSTED_PROXIES: '127.0.0.1', PROVIDERS_FILE: providersFile })),
    startPeer: () => startKeycloak(home, folder),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** Keycloak has its database in its own process, so what ours use of the processor is counted with MongoDB and Redis. */
const withDatabases = (uri: string, redisUrl: string, gateway: Child): Child => ({
  ...gateway,
  usage: async () => {
    const { cpu, rss } = await gateway.usage()
    return { cpu: cpu + (await databasesCpu(uri, redisUrl)), rss }
  },
})

/** The rows beside Keycloak; none of them runs where there is none. */
export const keycloakComparisons = (both: Both | null): readonly Comparison[] => {
  const row = (name: string, toReach: string, measure: (arena: Arena) => Promise<Row>): Comparison => ({
    name,
    toReach,
    run: (uri, _tokens, rounds) => {
      if (both === null) throw new Error(`${name} needs --peer keycloak`)
      return measure({ name, rounds, startOurs: () => both.startOurs(uri), startPeer: both.startPeer })
    },
  })
  return [
    row('client-credentials/keycloak', '≥ 3', clientCredentials),
    row('refresh/keycloak', '≥ 3', refreshes),
    row('brokered-login/keycloak', '≥ 3', brokeredLogins),
    row('memory/keycloak', '≤ 0.2', memory),
    row('start/keycloak', '≤ 0.3', starts),
  ]
}

interface Arena {
  readonly name: string
  readonly rounds: number
  readonly startOurs: () => Promise<Child>
  readonly startPeer: () => Promise<Child>
}

async function withHouses<T>(arena: Arena, measure: (houses: Houses, children: { readonly ours: Child; readonly peer: Child }) => Promise<T>): Promise<T> {
  await using ours = await arena.startOurs()
  await using peer = await arena.startPeer()
  return await measure({ ours: oursAt(ours.port), peer: keycloakAt(peer.port) }, { ours, peer })
}

const personAt = (person: number): string => `person-${person}`
const oursAt = (port: number): House => gatewayHouse(port, 'haus', personAt, 'openid offline_access purpose:order_processing')

const keycloakAt = (port: number): House => ({
  origin: `http://localhost:${port}`,
  authorize: `${protocol}/auth`,
  token: `${protocol}/token`,
  redirectUri: shop,
  request: { client_id: 'storefront', scope: 'openid', kc_idp_hint: 'haus' },
  redeem: { client_id: 'storefront' },
  hint: personAt,
})

/** Tokens for a tool: no person, and nothing kept of them at either. */
const clientCredentials = (arena: Arena): Promise<Row> =>
  withHouses(arena, (_, { ours, peer }) => {
    const form = { grant_type: 'client_credentials', client_id: 'marketing', client_secret: toolSecret }
    const target = (port: number, path: string): Target => ({
      port,
      requests: Array.from({ length: 200 }, () => postForm(path, form)),
      check: (body) => {
        if (!/"access_token":"[\w-]+\.[\w-]+\.[\w-]+"/.test(body)) throw new Error(`no token: ${body.slice(0, 200)}`)
      },
    })
    return compare(
      { ...arena, unit: 'tokens/s', warmUps: 10 },
      { server: ours, target: target(ours.port, '/oidc/token') },
      { server: peer, target: target(peer.port, `${protocol}/token`) },
    )
  })

const cpuOf = (child: Child) => async (): Promise<number> => (await child.usage()).cpu

/** The rate has the browser and the external provider in it, which are the same for both; the processor time is the house's alone. */
const brokeredLogins = (arena: Arena): Promise<Row> =>
  withHouses(arena, async (houses, { ours, peer }) => {
    const sides = [
      { house: houses.ours, used: cpuOf(ours) },
      { house: houses.peer, used: cpuOf(peer) },
    ] as const
    const { rates, cpu } = await inTurn(arena.rounds, ...sides)
    return rowOf(arena.name, 'logins/s', rates, cpu)
  })

/** Each connection goes on with the refresh token of its last answer. Ours are single use and kept in MongoDB; Keycloak's are not, by default. */
const refreshes = (arena: Arena): Promise<Row> =>
  withHouses(arena, async (houses, children) => {
    const sideOf = async (house: House, child: Child) => {
      const tokens: string[] = []
      for (let n = 0; n < connections; n++) tokens.push((await logIn(house, n)).refreshToken ?? '')
      const next = async (_: number, connection: number): Promise<void> => {
        tokens[connection] = await refresh(house, tokens[connection] ?? '')
      }
      await rateOf(next, { deadline: performance.now() + 2 * seconds * 1000 })
      return () => rateAndCpu(next, { deadline: performance.now() + seconds * 1000 }, cpuOf(child))
    }
    const [ours, peer] = [await sideOf(houses.ours, children.ours), await sideOf(houses.peer, children.peer)]
    const [rates, cpu]: [Pair[], Pair[]] = [[], []]
    for (let round = 0; round < arena.rounds; round++) {
      const [a, b] = [await ours(), await peer()]
      rates.push({ ours: a.rate, peer: b.rate })
      cpu.push({ ours: a.cpu, peer: b.cpu })
    }
    return rowOf(arena.name, 'refreshes/s', rates, cpu)
  })

/** Resident megabytes of the server's process after its start and a thousand people's first logins, a fresh process each round. */
async function memory(arena: Arena): Promise<Row> {
  const pairs: Pair[] = []
  const residentAfter = async (house: House, child: Child): Promise<number> => {
    await rateOf((run) => logIn(house, run), { count: loginsBeforeMemory })
    return (await child.usage()).rss / 2 ** 20
  }
  for (let round = 0; round < Math.min(arena.rounds, mostRoundsOfMemory); round++)
    await withHouses(arena, async (houses, { ours, peer }) => {
      pairs.push({ ours: await residentAfter(houses.ours, ours), peer: await residentAfter(houses.peer, peer) })
    })
  return rowOf(arena.name, 'MiB', pairs)
}

/** Milliseconds from the start to the first answer, of programs and databases that were started before. */
async function starts(arena: Arena): Promise<Row> {
  const timeOf = async (start: () => Promise<Child>): Promise<number> => {
    const begun = performance.now()
    await using _child = await start()
    return performance.now() - begun
  }
  const pairs: Pair[] = []
  await timeOf(arena.startOurs)
  await timeOf(arena.startPeer)
  for (let round = 0; round < arena.rounds; round++) pairs.push({ ours: await timeOf(arena.startOurs), peer: await timeOf(arena.startPeer) })
  return rowOf(arena.name, 'ms', pairs)
}
