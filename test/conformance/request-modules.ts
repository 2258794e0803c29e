import { decodeJwt, UnsecuredJWT } from 'jose'
import { expect } from 'vitest'
import type { Module } from './plan.ts'
import type { RelyingParty } from './relying-party.ts'

/** Parameters of the authorization request: those that may be passed over, and those that must not be half understood. */
export const requestModules: readonly Module<RelyingParty>[] = [
  ...(
    [
      ['oidcc-ensure-request-with-unknown-parameter-succeeds', { extra: 'foobar' }],
      ['oidcc-login-hint', { login_hint: 'anna' }],
      ['oidcc-ui-locales', { ui_locales: 'se' }],
      ['oidcc-claims-locales', { claims_locales: 'se' }],
      ['oidcc-ensure-request-with-acr-values-succeeds', { acr_values: '1 2' }],
    ] as const
  ).map(([name, change]): Module<RelyingParty> => ({
    name,
    run: async (rp) => void (await rp.complete(change)),
  })),
  {
    name: 'oidcc-id-token-hint',
    async run(rp) {
      const { browser, rawIdToken, idToken } = await rp.complete()
      const again = await rp.complete({ prompt: 'none', id_token_hint: rawIdToken }, browser)
      expect(again.idToken.sub).toBe(idToken.sub)
    },
  },
  {
    name: 'oidcc-claims-essential',
    result: 'warning',
    async run(rp) {
      const { rawIdToken, accessToken } = await rp.complete({ claims: JSON.stringify({ userinfo: { name: { essential: true } } }) })
      expect(decodeJwt(rawIdToken)).not.toHaveProperty('name')
      expect(await (await rp.userinfo({ headers: { authorization: `Bearer ${accessToken}` } })).json()).not.toHaveProperty('name')
    },
  },
  {
    name: 'oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported',
    async run(rp) {
      expect(rp.metadata['request_uri_parameter_supported']).toBe(false)
      const { page, parameters } = await rp.authorize({ request_uri: 'https://rp.example/request.jwt' })
      expect(parameters.get('error') ?? page.status).toSatisfy((outcome) => outcome === 'request_uri_not_supported' || outcome === 400)
    },
  },
  {
    name: 'oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported',
    async run(rp) {
      expect((await rp.authorize({ request: requestObject(rp, {}) })).parameters.get('error')).toBe('request_not_supported')
    },
  },
  {
    name: 'oidcc-ensure-request-object-with-redirect-uri',
    result: 'skipped',
    async run(rp) {
      expect(rp.metadata['request_parameter_supported'] ?? false).toBe(false)
      const request = requestObject(rp, { redirect_uri: 'https://evil.example/callback' })
      expect((await rp.authorize({ request })).page.url).not.toContain('evil.example')
    },
  },
]

const requestObject = (rp: RelyingParty, claims: object): string =>
  new UnsecuredJWT({ client_id: rp.client.id, redirect_uri: rp.client.redirectUri, response_type: 'code', scope: 'openid', ...claims }).encode()
