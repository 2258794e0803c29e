import { createHash } from 'node:crypto'
import * as oauth from 'openid-client'
import { z } from 'zod'
import { EntenteError } from '../errors.ts'
import { verifyIdToken, type IdTokenRules, type VerifiedIdToken } from './id-token.ts'
import type { Callback, LoginTransaction, ProviderId } from './provider.ts'
import type { ProviderHttp } from './provider-http.ts'

/** What every dialect is handed: its own way out, and the time in milliseconds. */
export interface DialectParts {
  readonly http: ProviderHttp
  readonly now: () => number
}

/** We, as a client of one provider, for one login. */
export interface CodeClient {
  readonly provider: ProviderId
  readonly metadata: oauth.ServerMetadata
  readonly clientId: string
  readonly authentication: oauth.ClientAuth
  readonly fetch: ProviderHttp['fetch']
}

/** The authorization request: code flow with state, nonce and PKCE S256 (RFC 9700 2.1.1), whether the provider announces them or not. */
export async function authorizationUrl(client: CodeClient, login: LoginTransaction, parameters: Readonly<Record<string, string>>): Promise<URL> {
  const url = oauth.buildAuthorizationUrl(configuration(client, client.fetch), {
    redirect_uri: login.redirectUri,
    state: login.state,
    nonce: login.nonce,
    code_challenge: createHash('sha256').update(login.codeVerifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...(login.loginHint !== undefined && { login_hint: login.loginHint }),
    ...parameters,
  })
  url.search = url.search.replaceAll('+', '%20') // Apple is said to take `+` literally
  return url
}

export interface Redeemed {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  readonly idToken: string | undefined
}

/**
 * Checks the callback (state, RFC 9207 `iss`, errors) and redeems its code, once. The ID token comes back unread: openid-client lets
 * foreign parties, further audiences and odd ages pass and knows one issuer spelling only, so `verifyIdToken` judges it instead.
 * LOGIN_DENIED PROVIDER_UNAVAILABLE
 */
export async function redeemCode(client: CodeClient, login: LoginTransaction, { parameters }: Callback): Promise<Redeemed> {
  const answer = withoutIdToken(client.fetch)
  const url = new URL(login.redirectUri)
  for (const name of ['code', 'state', 'iss', 'error']) {
    const value = parameters[name]
    if (value !== undefined) url.searchParams.set(name, value)
  }
  try {
    const tokens = await oauth.authorizationCodeGrant(configuration(client, answer.fetch), url, {
      expectedState: login.state,
      pkceCodeVerifier: login.codeVerifier,
    })
    return { accessToken: tokens.access_token, refreshToken: tokens.refresh_token, idToken: answer.idToken() }
  } catch (error) {
    throw refusal(client.provider, error, answer.asked())
  }
}

/** Redeems the code and verifies the ID token that belongs to it. */
export async function signInByCode(
  client: CodeClient,
  rules: IdTokenRules,
  login: LoginTransaction,
  callback: Callback,
): Promise<VerifiedIdToken & { readonly accessToken: string; readonly grant: string }> {
  const { accessToken, refreshToken = accessToken, idToken = '' } = await redeemCode(client, login, callback)
  const verified = await verifyIdToken(rules, idToken, { nonce: login.nonce, audiences: [client.clientId], since: login.startedAt, accessToken })
  return { ...verified, accessToken, grant: refreshToken }
}

/** Ends a grant at the provider by one of its tokens (RFC 7009); one that is unknown there has ended. PROVIDER_UNAVAILABLE */
export async function revokeToken(client: CodeClient, token: string): Promise<void> {
  try {
    await oauth.tokenRevocation(configuration(client, client.fetch), token)
  } catch (error) {
    if (error instanceof oauth.ResponseBodyError && error.status === 400) return
    throw refusal(client.provider, error, true)
  }
}

/** The profile at the userinfo endpoint; LOGIN_DENIED when it is another person's (Core 5.3.2). PROVIDER_UNAVAILABLE */
export async function userinfo(client: CodeClient, accessToken: string, subject: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await oauth.fetchUserInfo(configuration(client, client.fetch), accessToken, subject)
  } catch (error) {
    if (error instanceof oauth.ClientError && error.code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED') {
      throw new EntenteError('LOGIN_DENIED', { provider: client.provider, check: 'userinfo sub' })
    }
    throw refusal(client.provider, error, true)
  }
}

function configuration({ metadata, clientId, authentication }: CodeClient, fetch: ProviderHttp['fetch']): oauth.Configuration {
  const client = new oauth.Configuration(metadata, clientId, undefined, authentication)
  client[oauth.customFetch] = (url, request) => fetch(url, request)
  oauth.allowInsecureRequests(client) // ProviderHttp decides who may be asked without TLS
  return client
}

const tokenAnswer = z.looseObject({ id_token: z.string() })

function withoutIdToken(fetch: ProviderHttp['fetch']) {
  let asked = false
  let idToken: string | undefined
  return {
    asked: () => asked,
    idToken: () => idToken,
    fetch: async (url: string, request?: Partial<oauth.CustomFetchOptions>): Promise<Response> => {
      asked = true
      const response = await fetch(url, request)
      const text = await response.text()
      const body = tokenAnswer.safeParse(parsed(text))
      if (response.status !== 200 || !body.success) return new Response(text === '' ? null : text, response)
      const { id_token, ...others } = body.data
      idToken = id_token
      return Response.json(others)
    },
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

const passing = ['server_error', 'temporarily_unavailable']

/** An error of the protocol in our words; its own would carry codes and answers into the log. Before the provider was asked it can only be the callback that does not fit. */
function refusal(provider: ProviderId, error: unknown, asked: boolean): EntenteError {
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof EntenteError) return cause
  if (error instanceof oauth.AuthorizationResponseError) {
    return new EntenteError(passing.includes(error.error) ? 'PROVIDER_UNAVAILABLE' : 'LOGIN_DENIED', { provider, error: word(error.error) })
  }
  if (!asked) return new EntenteError('LOGIN_DENIED', { provider, check: 'callback' })
  if (error instanceof oauth.ResponseBodyError) {
    // Anything but a bad code is between us and the provider: a wrong secret, an unregistered redirect URI.
    return error.error === 'invalid_grant'
      ? new EntenteError('LOGIN_DENIED', { provider, error: error.error })
      : new EntenteError('PROVIDER_UNAVAILABLE', { provider, error: word(error.error), alert: 'configuration' })
  }
  const reason = error instanceof oauth.ClientError ? error.code : undefined
  return new EntenteError('PROVIDER_UNAVAILABLE', { provider, reason: reason ?? 'unexpected answer' })
}

const word = (error: string) => (/^[\w.-]{1,60}$/.test(error) ? error : 'other')
