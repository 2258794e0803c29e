import * as oidc from 'openid-client'
import type { Handler } from '../app.ts'
import type { SessionStore } from './sessions.ts'

/** What a login is for: the purposes that are needed now and no more. */
export const orders = 'openid purpose:order_processing'
export const personal = `${orders} purpose:personalised_shop`

interface SignInParts {
  /** Base URL of Entente. */
  readonly gateway: string
  readonly clientId: string
  readonly sessions: SessionStore
}

/** Code flow with PKCE, by `openid-client`. */
export function signIn({ gateway, clientId, sessions }: SignInParts) {
  let known: oidc.Configuration | undefined
  // Asked for at the first login, not at the start: the shop opens whether or not Entente is up.
  const entente = async () =>
    (known ??= await oidc.discovery(new URL(`${gateway}/oidc`), clientId, undefined, oidc.None(), { execute: [oidc.allowInsecureRequests] }))

  const signInFor =
    (scope: string, prompt?: 'none'): Handler =>
    async (url, request) => {
      const login = { state: oidc.randomState(), verifier: oidc.randomPKCECodeVerifier(), scope }
      const to = oidc.buildAuthorizationUrl(await entente(), {
        scope,
        ...(prompt && { prompt }),
        state: login.state,
        redirect_uri: `${url.origin}/callback`,
        code_challenge: await oidc.calculatePKCECodeChallenge(login.verifier),
        code_challenge_method: 'S256',
      })
      return { to: to.href, cookie: sessions.replace(request, { ...sessions.of(request), login }) }
    }

  const callback: Handler = async (url, request) => {
    const { login, ...before } = sessions.of(request)
    if (!login || url.searchParams.has('error')) return { to: before.tokens ? '/' : '/?notice=not-signed-in', cookie: sessions.replace(request, before) }
    const granted = await oidc.authorizationCodeGrant(await entente(), url, {
      expectedState: login.state,
      pkceCodeVerifier: login.verifier,
      idTokenExpected: true,
    })
    const until = Date.now() + (granted.expiresIn() ?? 0) * 1000
    const tokens = { access: granted.access_token, id: granted.id_token ?? '', subject: granted.claims()?.sub ?? '', until }
    // Who has agreed already, here or in another shop of the house, gets the personal shop at once; all others are not asked on this way.
    return { to: login.scope === orders ? '/known' : '/', cookie: sessions.replace(request, { tokens }) }
  }

  const signOut: Handler = async (url, request) => {
    const { tokens } = sessions.of(request)
    const cookie = sessions.replace(request, {})
    if (!tokens) return { to: '/', cookie }
    const to = oidc.buildEndSessionUrl(await entente(), { id_token_hint: tokens.id, post_logout_redirect_uri: `${url.origin}/` })
    return { to: to.href, cookie }
  }

  return { signInFor, callback, signOut }
}
