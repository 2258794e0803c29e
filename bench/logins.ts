import { startChild } from './child.ts'
import { logIn, rateAndCpu, rateOf, shop, type House } from './login-client.ts'
import { startOurs } from './ours.ts'
import { rowOf, type Pair, type Row } from './report.ts'

const seconds = 4
/** Everybody logs in for the first time before the first round: measured is coming back. */
export const regulars = 200
const google = { clientId: 'entente-demo.apps.example', secret: 'google-demo-secret' }

/**
 * Whole logins at the gateway, which sends the browser to the simulated Google, against the same browser at that Google alone. Google
 * shares the server's core in both. Reported without a figure to reach: the gateway is an OpenID provider and a relying party on top.
 */
export async function logins(uri: string, rounds: number): Promise<Row> {
  await using provider = await startChild('peers/google.js', {})
  const origin = `http://127.0.0.1:${provider.port}`
  await using gateway = await startOurs(uri, {
    TRUSTED_PROXIES: '127.0.0.1',
    GOOGLE_CLIENT_ID: google.clientId,
    GOOGLE_CLIENT_SECRET: google.secret,
    GOOGLE_BASE_URL: origin,
  })
  const ours = gatewayHouse(gateway.port, 'google', (person) => `gmail-${person}`)
  const peer: House = {
    origin,
    authorize: '/o/oauth2/v2/auth',
    token: '/token',
    redirectUri: 'http://127.0.0.1:4998/login/google/callback',
    request: { client_id: google.clientId, scope: 'openid email profile', nonce: 'bench' },
    redeem: { client_id: google.clientId, client_secret: google.secret },
    hint: ours.hint,
  }
  const { rates } = await inTurn(rounds, { house: ours, used: nothing }, { house: peer, used: nothing })
  return rowOf('login/baseline', 'logins/s', rates)
}

/** The gateway as the measured shop sees it, with one way in. */
export const gatewayHouse = (port: number, provider: string, hint: House['hint'], scope = 'openid purpose:order_processing'): House => ({
  origin: `http://localhost:${port}`,
  authorize: '/oidc/auth',
  token: '/oidc/token',
  redirectUri: shop,
  request: { client_id: 'storefront', scope, provider },
  redeem: { client_id: 'storefront' },
  hint,
})

const nothing = () => Promise.resolve(0)

export interface LoginSide {
  readonly house: House
  /** Processor microseconds so far of all that makes up the house. */
  readonly used: () => Promise<number>
}

/** Logins a second at either house, and what each takes of the processor, turn by turn, of people who have been there before. */
export async function inTurn(rounds: number, ours: LoginSide, peer: LoginSide): Promise<{ readonly rates: Pair[]; readonly cpu: Pair[] }> {
  for (const { house } of [ours, peer]) await rateOf((run) => logIn(house, run), { count: regulars })
  const measure = ({ house, used }: LoginSide) => rateAndCpu((run) => logIn(house, run % regulars), { deadline: performance.now() + seconds * 1000 }, used)
  const [rates, cpu]: [Pair[], Pair[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    const [a, b] = [await measure(ours), await measure(peer)]
    rates.push({ ours: a.rate, peer: b.rate })
    cpu.push({ ours: a.cpu, peer: b.cpu })
  }
  return { rates, cpu }
}
