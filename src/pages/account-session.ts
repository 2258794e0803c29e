import { createHash, randomBytes } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { catalogue, EntenteError, type ErrorCode } from '../errors.ts'
import type { AccountParts } from './parts.ts'
import { dropCookie, keepSealed, readSealed } from './sealed-cookies.ts'

const sessionCookie = '__Host-entente-account'
const loginCookie = '__Host-entente-account-login'
const session = z.object({ token: z.string(), since: z.number() })
const pendingLogin = z.object({ state: z.string(), verifier: z.string() })
const callbackQuery = z.object({ code: z.string(), state: z.string(), iss: z.string().optional() })

export type AccountSession = z.infer<typeof session>

/** The account centre's own access token, which only this browser's encrypted cookie holds; null when there is none or it has ended. */
export function sessionOf(parts: AccountParts, request: FastifyRequest): AccountSession | null {
  return readSealed(parts, request, sessionCookie, session)
}

export function endSession(reply: FastifyReply): void {
  dropCookie(reply, sessionCookie)
}

const callbackUrl = (parts: AccountParts) => `${parts.publicUrl}/account/callback`

/** Where linking comes back to: registered for the client `account` like the end of its logins. */
export const linkedUrl = callbackUrl

/** Signs in like any shop would: authorization code with PKCE at our own `/oidc/auth` (RFC 7636). `fresh` asks for a new proof of who it is. */
export function sendToSignIn(parts: AccountParts, reply: FastifyReply, fresh = false): FastifyReply {
  const pending = { state: randomBytes(16).toString('base64url'), verifier: randomBytes(32).toString('base64url') }
  keepSealed(parts, reply, loginCookie, pending, 600)
  const query = new URLSearchParams({
    client_id: 'account',
    response_type: 'code',
    redirect_uri: callbackUrl(parts),
    scope: 'openid purpose:data_subject_access',
    state: pending.state,
    code_challenge: createHash('sha256').update(pending.verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...(fresh && { prompt: 'login' }),
  })
  return reply.header('cache-control', 'no-store').redirect(`/oidc/auth?${query.toString()}`, 303)
}

/** `/account/callback`: the end of the account centre's own login, and of linking another login. */
export function accountCallback(app: FastifyInstance, parts: AccountParts): void {
  app.get('/account/callback', async (request, reply) => {
    reply.headers({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
    const query = z.record(z.string(), z.unknown()).parse(request.query)
    const pending = readSealed(parts, request, loginCookie, pendingLogin)
    if (query['code'] === undefined) return afterLinking(reply, query, sessionOf(parts, request) !== null)
    dropCookie(reply, loginCookie)
    const answer = callbackQuery.safeParse(query).data
    if (!answer || answer.state !== pending?.state || (answer.iss !== undefined && answer.iss !== `${parts.publicUrl}/oidc`)) {
      throw new EntenteError('LOGIN_EXPIRED', { page: 'account callback' })
    }
    const grant = { code: answer.code, codeVerifier: pending.verifier, redirectUri: callbackUrl(parts) }
    const { accessToken, expiresIn } = await parts.completeLogin(grant)
    keepSealed(parts, reply, sessionCookie, { token: accessToken, since: parts.now().getTime() } satisfies AccountSession, expiresIn)
    return reply.redirect('/account', 303)
  })
}

function afterLinking(reply: FastifyReply, { error, merge }: Readonly<Record<string, unknown>>, signedIn: boolean): FastifyReply {
  const code = codeNamed(error) ?? 'LOGIN_DENIED'
  if (!signedIn) throw new EntenteError(error === undefined ? 'LOGIN_EXPIRED' : code, { page: 'account callback' })
  if (code === 'IDENTITY_TAKEN' && typeof merge === 'string') return reply.redirect(`/account/merge?${new URLSearchParams({ proof: merge })}`, 303)
  return reply.redirect(error === undefined ? '/account?done=linking#logins' : `/account?problem=${code}`, 303)
}

/** One of our codes, if that is what it is: what comes by URL is never shown as it is. */
export function codeNamed(name: unknown): ErrorCode | null {
  const names = Object.keys(catalogue) as ErrorCode[]
  return names.find((code) => code === name) ?? null
}
