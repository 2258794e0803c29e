import { createLocalJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, expect } from 'vitest'
import { authorize, openStage, redeem, signedIn, type Stage } from '../access/stage.ts'
import { testPlan, type Module } from './plan.ts'

/** The OpenID provider alone, since no house calls an address on its own machine: what would be sent to `listening.example` is looked at. */
let stage: Stage
const callback = 'https://listening.example/callback'
beforeAll(async () => {
  stage = await openStage({
    clients: `  - { id: listening, name: Listening, authentication: none, redirectUris: ['${callback}'], postLogoutRedirectUris: ['https://listening.example/post_logout_redirect'], backchannelLogoutUri: 'https://listening.example/backchannel_logout', grants: [authorization_code] }\n`,
  })
})
afterAll(() => stage[Symbol.asyncDispose]())

const request = { client_id: 'listening', redirect_uri: callback, scope: 'openid' }
const metadata = async () => {
  const answer = await fetch(`${stage.url}/oidc/.well-known/openid-configuration`)
  return (await answer.json()) as { issuer: string; jwks_uri: string; end_session_endpoint: string }
}

const modules: readonly Module<Stage>[] = [
  {
    name: 'oidcc-backchannel-logout-discovery-endpoint-verification',
    run: async () => expect(await metadata()).toMatchObject({ backchannel_logout_supported: true, backchannel_logout_session_supported: true }),
  },
  {
    name: 'oidcc-backchannel-rp-initiated-logout',
    async run() {
      const { issuer, jwks_uri, end_session_endpoint } = await metadata()
      const { browser } = await signedIn(stage)
      const tokens = await redeem(stage, await authorize(stage, browser, request), { client_id: 'listening', redirect_uri: callback })
      const query = new URLSearchParams({
        id_token_hint: String(tokens.body['id_token']),
        post_logout_redirect_uri: 'https://listening.example/post_logout_redirect',
        state: 'bye',
      })
      const page = await browser.submit(await browser.open(`${end_session_endpoint}?${query}`), { logout: 'yes' })
      expect(page.url).toBe('https://listening.example/post_logout_redirect?state=bye')

      await stage.tellClients()
      expect(stage.behind.told.map(({ url }) => url)).toEqual(['https://listening.example/backchannel_logout'])
      const keys = createLocalJWKSet((await (await fetch(jwks_uri)).json()) as Parameters<typeof createLocalJWKSet>[0])
      const token = new URLSearchParams(stage.behind.told[0]?.body).get('logout_token') ?? ''
      const { payload } = await jwtVerify(token, keys, { issuer, audience: 'listening', requiredClaims: ['iat', 'jti', 'exp'] })
      expect(payload).toMatchObject({ sid: expect.any(String), events: { 'http://schemas.openid.net/event/backchannel-logout': {} } })
      expect(payload).not.toHaveProperty('nonce')
      expect((await authorize(stage, browser, { ...request, prompt: 'none' })).error).toBe('login_required')
    },
  },
]

testPlan('oidcc-backchannel-rp-initiated-logout-certification-test-plan', modules, () => stage)
