import { decodeProtectedHeader } from 'jose'
import { expect, vi } from 'vitest'
import { requestModules } from './request-modules.ts'
import { Browser } from '../support/browser.ts'
import type { Module } from './plan.ts'
import type { RelyingParty } from './relying-party.ts'

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

function withoutScopes(name: string, scopes: readonly string[]): Module<RelyingParty> {
  return {
    name: `oidcc-scope-${name}`,
    result: 'skipped',
    async run(rp) {
      expect(rp.metadata.scopes_supported.filter((one) => scopes.includes(one))).toEqual([])
      expect((await rp.authorize({ scope: `openid ${scopes.join(' ')}` })).parameters.get('error')).toBe('invalid_scope')
    },
  }
}

/** `oidcc-basic-certification-test-plan`, in its order; the form-post plan has the same modules. */
export const basicModules: readonly Module<RelyingParty>[] = [
  {
    name: 'oidcc-server',
    async run(rp) {
      const { response, tokens, idToken } = await rp.complete()
      expect(response.by).toBe(rp.mode)
      expect(Object.fromEntries(response.parameters)).toEqual({ code: expect.any(String), state: 's-of-the-suite', iss: rp.metadata.issuer })
      expect(tokens.body).toMatchObject({ token_type: 'Bearer', expires_in: expect.any(Number) })
      expect(idToken.aud).toBe(rp.client.id)
    },
  },
  {
    name: 'oidcc-response-type-missing',
    async run(rp) {
      expect((await rp.authorize({ response_type: undefined })).parameters.get('error')).toBe('invalid_request')
    },
  },
  {
    name: 'oidcc-idtoken-signature',
    async run(rp) {
      const { rawIdToken } = await rp.complete()
      expect(decodeProtectedHeader(rawIdToken)).toMatchObject({ alg: 'RS256', kid: expect.any(String) })
    },
  },
  {
    name: 'oidcc-idtoken-unsigned',
    result: 'skipped',
    async run(rp) {
      expect(rp.metadata['id_token_signing_alg_values_supported']).toEqual(['RS256'])
    },
  },
  {
    name: 'oidcc-userinfo-get',
    async run(rp) {
      const { accessToken, idToken } = await rp.complete()
      const answer = await rp.userinfo({ headers: bearer(accessToken) })
      expect([answer.status, await answer.json()]).toEqual([200, { sub: idToken.sub }])
    },
  },
  {
    name: 'oidcc-userinfo-post-header',
    async run(rp) {
      const { accessToken, idToken } = await rp.complete()
      const answer = await rp.userinfo({ method: 'POST', headers: bearer(accessToken) })
      expect([answer.status, await answer.json()]).toEqual([200, { sub: idToken.sub }])
    },
  },
  {
    name: 'oidcc-userinfo-post-body',
    result: 'warning',
    async run(rp) {
      const { accessToken } = await rp.complete()
      expect((await rp.userinfo({ method: 'POST', body: new URLSearchParams({ access_token: accessToken }) })).status).toBe(401)
    },
  },
  {
    name: 'oidcc-ensure-request-without-nonce-succeeds-for-code-flow',
    async run(rp) {
      expect((await rp.complete({ nonce: undefined })).idToken).not.toHaveProperty('nonce')
    },
  },
  ...['profile', 'email', 'address', 'phone'].map((scope) => withoutScopes(scope, [scope])),
  withoutScopes('all', ['profile', 'email', 'address', 'phone']),
  {
    name: 'oidcc-ensure-other-scope-order-succeeds',
    async run(rp) {
      const { accessToken } = await rp.complete({ scope: 'purpose:order_processing openid' })
      expect(await (await rp.userinfo({ headers: bearer(accessToken) })).json()).toMatchObject({ sub: expect.any(String), email: 'anna.demo@gmail.com' })
    },
  },
  ...['page', 'popup'].map((display): Module<RelyingParty> => ({
    name: `oidcc-display-${display}`,
    run: async (rp) => void (await rp.complete({ display })),
  })),
  {
    name: 'oidcc-prompt-login',
    async run(rp) {
      const { browser, idToken } = await rp.complete({ max_age: '1000' })
      vi.setSystemTime(Date.now() + 2_000)
      const again = await rp.complete({ prompt: 'login', max_age: '1000' }, browser)
      expect(again.idToken.sub).toBe(idToken.sub)
      expect(Number(again.idToken['auth_time'])).toBeGreaterThan(Number(idToken['auth_time']))
    },
  },
  {
    name: 'oidcc-prompt-none-not-logged-in',
    async run(rp) {
      expect((await rp.authorize({ prompt: 'none' })).parameters.get('error')).toBe('login_required')
    },
  },
  {
    name: 'oidcc-prompt-none-logged-in',
    async run(rp) {
      const { browser, idToken } = await rp.complete({ max_age: '1000' })
      const again = await rp.complete({ prompt: 'none', max_age: '1000' }, browser)
      expect([again.idToken.sub, again.idToken['auth_time']]).toEqual([idToken.sub, idToken['auth_time']])
    },
  },
  {
    name: 'oidcc-max-age-1',
    async run(rp) {
      const { browser, idToken } = await rp.complete()
      vi.setSystemTime(Date.now() + 2_000)
      expect((await rp.authorize({ max_age: '1', prompt: 'none' }, browser)).parameters.get('error')).toBe('login_required')
      const again = await rp.complete({ max_age: '1' }, browser)
      expect(again.idToken.sub).toBe(idToken.sub)
      expect(Math.abs(Number(again.idToken['auth_time']) - Date.now() / 1000)).toBeLessThan(2)
    },
  },
  {
    name: 'oidcc-max-age-10000',
    async run(rp) {
      const { browser, idToken } = await rp.complete({ max_age: '15000' })
      const again = await rp.complete({ max_age: '10000', prompt: 'none' }, browser)
      expect([again.idToken.sub, again.idToken['auth_time']]).toEqual([idToken.sub, idToken['auth_time']])
    },
  },
  ...requestModules,
  {
    name: 'oidcc-codereuse',
    async run(rp) {
      const { response } = await rp.complete()
      expect(await rp.redeem(response)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    },
  },
  {
    name: 'oidcc-codereuse-30seconds',
    async run(rp) {
      const { response, accessToken } = await rp.complete()
      vi.setSystemTime(Date.now() + 30_000)
      expect(await rp.redeem(response)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
      expect((await rp.userinfo({ headers: bearer(accessToken) })).status).toBe(401)
    },
  },
  {
    name: 'oidcc-ensure-registered-redirect-uri',
    async run(rp) {
      const { by, page } = await rp.authorize({ redirect_uri: `${rp.client.redirectUri}/unregistered` })
      expect([by, page.status]).toEqual(['page', 400])
    },
  },
  {
    name: 'oidcc-ensure-post-request-succeeds',
    async run(rp) {
      const response = await rp.authorize({}, new Browser(['https://']), 'POST')
      expect((await rp.redeem(response)).status).toBe(200)
    },
  },
  {
    name: 'oidcc-server-client-secret-post',
    async run(rp) {
      const { id: client_id, secret: client_secret } = rp.client
      expect((await rp.redeem(await rp.authorize(), { client_id, client_secret }, {})).status).toBe(200)
    },
  },
  {
    name: 'oidcc-refresh-token',
    async run(rp) {
      const { tokens, idToken } = await rp.complete({ scope: 'openid offline_access', prompt: 'consent' })
      const refreshed = await rp.askToken({ grant_type: 'refresh_token', refresh_token: String(tokens.body['refresh_token']) })
      expect(refreshed.status).toBe(200)
      const { sub, iss, aud } = await rp.checkIdToken(String(refreshed.body['id_token']), idToken['nonce'] as string)
      expect({ sub, iss, aud }).toEqual({ sub: idToken.sub, iss: idToken.iss, aud: idToken.aud })
      expect(refreshed.body['refresh_token']).not.toBe(tokens.body['refresh_token'])
    },
  },
  {
    name: 'oidcc-ensure-request-with-valid-pkce-succeeds',
    async run(rp) {
      const response = await rp.authorize()
      expect(await rp.redeem(response, { code_verifier: 'x'.repeat(43) })).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
      expect((await rp.complete()).tokens.status).toBe(200)
    },
  },
]
