import { startChild } from './child.ts'
import { logIn, rateOf, shop, type House } from './login-client.ts'
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
  const pairs = await inTurn(rounds, ours, {
    origin,
    authorize: '/o/oauth2/v2/auth',
    token: '/token',
    redirectUri: 'http://127.0.0.1:4998/login/google/callback',
    request: { client_id: google.clientId, scope: 'openid email profile', nonce: 'bench' },
    redeem: { client_id: google.clientId, client_secret: google.secret },
    hint: ours.hint,
  })
  return rowOf('login/baseline', 'logins/s', pairs)
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

/** Logins a second at either house, turn by turn, of people who have been there before. */
export async function inTurn(rounds: number, ours: House, peer: House): Promise<Pair[]> {
  await rateOf((run) => logIn(ours, run), { count: regulars })
  await rateOf((run) => logIn(peer, run), { count: regulars })
  const measure = (house: House): Promise<number> => rateOf((run) => logIn(house, run % regulars), { deadline: performance.now() + seconds * 1000 })
  const pairs: Pair[] = []
  for (let round = 0; round < rounds; round++) pairs.push({ ours: await measure(ours), peer: await measure(peer) })
  return pairs
}
