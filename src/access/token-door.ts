import type { IncomingMessage, ServerResponse } from 'node:http'
import inject from 'light-my-request'
import { z } from 'zod'
import type { Client } from '../config/clients.ts'
import { EntenteError, catalogue, type ErrorCode } from '../errors.ts'
import { idTokenGrant } from './client-metadata.ts'
import type { Policy } from '../config/policy.ts'
import { allowedScopes } from './scopes.ts'

export interface StartLogin {
  readonly clientId: string
  readonly provider: string
  readonly redirectUri: string
  readonly codeChallenge: string
  readonly state?: string | undefined
  readonly nonce?: string | undefined
  readonly scope?: string | undefined
  readonly locale?: string | undefined
  readonly loginHint?: string | undefined
}

export interface CompleteLogin {
  readonly clientId: string
  readonly code: string
  readonly codeVerifier: string
  readonly redirectUri: string
  readonly clientSecret?: string | undefined
}

export interface LoginWithIdToken {
  readonly clientId: string
  readonly provider: string
  readonly idToken: string
  readonly nonce: string
  readonly scope?: string | undefined
}

export interface RefreshTokens {
  readonly clientId: string
  readonly refreshToken: string
  readonly scope?: string | undefined
  readonly clientSecret?: string | undefined
}

export interface LoginRedirect {
  readonly url: string
  readonly expiresAt: Date
}

export interface TokenSet {
  readonly accessToken: string
  readonly tokenType: string
  /** Seconds. */
  readonly expiresIn: number
  readonly scope: string
  readonly idToken: string | null
  readonly refreshToken: string | null
}

/** The login mutations of GraphQL: the endpoints under `/oidc`, called in this process. No rule is written twice. `from` is the address of who asks. */
export interface TokenDoor {
  /** A pushed authorization request (RFC 9126). BAD_USER_INPUT PROVIDER_UNKNOWN FORBIDDEN */
  startLogin(input: StartLogin): Promise<LoginRedirect>
  /** LOGIN_DENIED UNAUTHENTICATED (client) BAD_USER_INPUT */
  completeLogin(input: CompleteLogin, from?: string): Promise<TokenSet>
  /** FORBIDDEN LOGIN_DENIED LINK_REQUIRED PROVIDER_UNKNOWN PROVIDER_UNAVAILABLE UNAUTHENTICATED (client) BAD_USER_INPUT */
  loginWithIdToken(input: LoginWithIdToken): Promise<TokenSet>
  /** UNAUTHENTICATED BAD_USER_INPUT */
  refreshTokens(input: RefreshTokens, from?: string): Promise<TokenSet>
}

export interface DoorParts {
  readonly issuer: string
  readonly handler: (request: IncomingMessage, response: ServerResponse, address?: string) => void
  readonly policy: Policy
  readonly clients: { find(id: string): Client | undefined }
  readonly knowsProvider: (id: string) => boolean
  readonly now: () => Date
}

const pushed = z.object({ request_uri: z.string(), expires_in: z.number() })
const tokens = z.object({
  access_token: z.string(),
  token_type: z.string(),
  expires_in: z.number(),
  scope: z.string().default(''),
  id_token: z.string().nullable().default(null),
  refresh_token: z.string().nullable().default(null),
})
const refusal = z.object({ error: z.string(), error_description: z.string().default('') })

export function tokenDoor(parts: DoorParts): TokenDoor {
  /** `onInvalidGrant`: what a refused code, token or login means at this door. */
  async function post<T>(
    path: string,
    fields: Readonly<Record<string, string | undefined>>,
    answer: z.ZodType<T>,
    onInvalidGrant: ErrorCode,
    from?: string,
  ): Promise<T> {
    const form = new URLSearchParams()
    for (const [name, value] of Object.entries(fields)) if (value !== undefined) form.set(name, value)
    const response = await inject(parts.handler, {
      method: 'POST',
      url: `/oidc${path}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      payload: form.toString(),
      ...(from !== undefined && { remoteAddress: from }),
    })
    if (response.statusCode < 300) return answer.parse(response.json())
    if (response.statusCode === 429) throw new EntenteError('RATE_LIMITED', { rate: 'secret' }, { retryAfter: Number(response.headers['retry-after'] ?? 60) })
    throw refused(response.statusCode, response.payload, onInvalidGrant)
  }

  const tokenSet = async (fields: Readonly<Record<string, string | undefined>>, onInvalidGrant: ErrorCode, from?: string): Promise<TokenSet> => {
    const set = await post('/token', fields, tokens, onInvalidGrant, from)
    return {
      accessToken: set.access_token,
      tokenType: set.token_type,
      expiresIn: set.expires_in,
      scope: set.scope,
      idToken: set.id_token,
      refreshToken: set.refresh_token,
    }
  }

  return {
    async startLogin(input) {
      if (!parts.knowsProvider(input.provider)) throw new EntenteError('PROVIDER_UNKNOWN')
      const client = parts.clients.find(input.clientId)
      if (client === undefined) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'clientId' })
      // It pushes for itself, with its key; nobody here can sign for it.
      if (client.authentication === 'private_key_jwt') throw new EntenteError('FORBIDDEN', { client: client.id })
      const { request_uri: uri, expires_in: seconds } = await post('/request', requestOf(input, client, parts.policy), pushed, 'BAD_USER_INPUT')
      return {
        url: `${parts.issuer}/auth?${new URLSearchParams({ client_id: client.id, request_uri: uri })}`,
        expiresAt: new Date(parts.now().getTime() + seconds * 1000),
      }
    },

    completeLogin: (input, from) =>
      tokenSet(
        {
          grant_type: 'authorization_code',
          client_id: input.clientId,
          client_secret: input.clientSecret,
          code: input.code,
          code_verifier: input.codeVerifier,
          redirect_uri: input.redirectUri,
        },
        'LOGIN_DENIED',
        from,
      ),

    async loginWithIdToken(input) {
      if (!parts.knowsProvider(input.provider)) throw new EntenteError('PROVIDER_UNKNOWN')
      if (parts.clients.find(input.clientId)?.grants.includes('id_token') === false) throw new EntenteError('FORBIDDEN', { client: input.clientId })
      return tokenSet(
        { grant_type: idTokenGrant, client_id: input.clientId, provider: input.provider, id_token: input.idToken, nonce: input.nonce, scope: input.scope },
        'LOGIN_DENIED',
      )
    },

    refreshTokens: (input, from) =>
      tokenSet(
        { grant_type: 'refresh_token', client_id: input.clientId, client_secret: input.clientSecret, refresh_token: input.refreshToken, scope: input.scope },
        'UNAUTHENTICATED',
        from,
      ),
  }
}

/** A request proves nothing about who sends it (the token endpoint asks for that), so a confidential client's secret is filled in. */
function requestOf(input: StartLogin, client: Client, policy: Policy): Readonly<Record<string, string | undefined>> {
  return {
    client_id: client.id,
    client_secret: client.secret,
    response_type: 'code',
    redirect_uri: input.redirectUri,
    code_challenge: input.codeChallenge,
    code_challenge_method: 'S256',
    state: input.state,
    nonce: input.nonce,
    scope: input.scope || allowedScopes(client, policy, 'person').byDefault.join(' '),
    provider: input.provider,
    ui_locales: input.locale,
    login_hint: input.loginHint,
  }
}

const byError: Readonly<Record<string, ErrorCode>> = {
  invalid_client: 'UNAUTHENTICATED',
  unauthorized_client: 'FORBIDDEN',
  temporarily_unavailable: 'PROVIDER_UNAVAILABLE',
}

function refused(status: number, payload: string, onInvalidGrant: ErrorCode): EntenteError {
  if (status >= 500) return new EntenteError('INTERNAL_SERVER_ERROR', { status })
  const { error, error_description: description } = refusal.parse(JSON.parse(payload))
  if (error === 'invalid_grant') return new EntenteError(isErrorCode(description) ? description : onInvalidGrant, { error })
  return new EntenteError(byError[error] ?? 'BAD_USER_INPUT', { error, description })
}

const isErrorCode = (text: string): text is ErrorCode => Object.hasOwn(catalogue, text)
