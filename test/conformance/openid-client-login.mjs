import { createInterface } from 'node:readline/promises'
import * as client from 'openid-client'

// A login as openid-client's own guide writes one: reads its registration and then the callback's address as lines, prints what it learnt as JSON.
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const line = async () => (await lines.next()).value
const say = (facts) => console.log(JSON.stringify(facts))

const { issuer, clientId, clientSecret, redirectUri, scope } = JSON.parse(await line())
const config = await client.discovery(new URL(issuer), clientId, clientSecret, undefined, { execute: [client.allowInsecureRequests] })
const codeVerifier = client.randomPKCECodeVerifier()
const [state, nonce] = [client.randomState(), client.randomNonce()]
const url = client.buildAuthorizationUrl(config, {
  redirect_uri: redirectUri,
  scope,
  state,
  nonce,
  code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
  code_challenge_method: 'S256',
})
say({ url: url.href })

const checks = { pkceCodeVerifier: codeVerifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
const tokens = await client.authorizationCodeGrant(config, new URL(await line()), checks)
const subject = tokens.claims().sub
const userinfo = await client.fetchUserInfo(config, tokens.access_token, subject)
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token)
say({ subject, userinfo, refreshed: refreshed.refresh_token !== tokens.refresh_token })
process.exit()
