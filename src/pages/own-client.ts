import { createHash, randomBytes } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Acr } from '../access/session-marks.ts'
import { EntenteError } from '../errors.ts'
import type { FrameParts, OwnClientId, OwnClientParts } from './parts.ts'
import { dropCookie, keepSealed, readSealed } from './sealed-cookies.ts'

const session = z.object({ token: z.string(), since: z.number() })
const pendingLogin = z.object({ state: z.string(), verifier: z.string() })
const callbackQuery = z.object({ code: z.string(), state: z.string(), iss: z.string().optional() })

/** The access token of a page of ours, which only this browser's encrypted cookie holds; `since` in milliseconds. */
export type PageSession = z.infer<typeof session>

/** A page of ours that is an ordinary client of our own API. */
interface OwnClient {
  readonly id: OwnClientId
  /** Where it begins; its logins end at `callback` under it. */
  readonly path: '/account' | '/operator'
  readonly cookie: `__Host-${string}`
  readonly scope: string
  /** What it asks of the sign-in (RFC 9470); null: nothing in particular. */
  readonly acr: Acr | null
}

/** A token refused this soon after it was given might be refused again and again: then the person is asked, and no circle is run. Milliseconds. */
const tooSoon = 5_000

/** Signs in like any shop would: authorization code with PKCE at our own `/oidc/auth` (RFC 7636). */
export function ownClient({ id, path, cookie, scope, acr }: OwnClient) {
  const loginCookie = `${cookie}-login` as const
  const callbackUrl = ({ publicUrl }: Pick<FrameParts, 'publicUrl'>) => `${publicUrl}${path}/callback`

  /** `fresh` asks for a new proof of who it is. */
  function sendToSignIn(parts: FrameParts, reply: FastifyReply, fresh = false): FastifyReply {
    const pending = { state: randomBytes(16).toString('base64url'), verifier: randomBytes(32).toString('base64url') }
    keepSealed(parts, reply, loginCookie, pending, 600)
    const query = new URLSearchParams({
      client_id: id,
      response_type: 'code',
      redirect_uri: callbackUrl(parts),
      scope,
      state: pending.state,
      code_challenge: createHash('sha256').update(pending.verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...(acr !== null && { acr_values: acr }),
      ...(fresh && { prompt: 'login' }),
    })
    return reply.header('cache-control', 'no-store').redirect(`/oidc/auth?${query.toString()}`, 303)
  }

  return {
    callbackUrl,
    sendToSignIn,

    /** Null when there is none, or it has ended. */
    sessionOf: (parts: FrameParts, request: FastifyRequest): PageSession | null => readSealed(parts, request, cookie, session),

    endSession: (reply: FastifyReply): void => dropCookie(reply, cookie),

    /** After the API no longer took the token. */
    signInAgain(parts: FrameParts, reply: FastifyReply, { since }: PageSession): FastifyReply {
      dropCookie(reply, cookie)
      return sendToSignIn(parts, reply, parts.now().getTime() - since < tooSoon)
    },

    /** The end of a login of this browser: keeps its token and goes on to the page. LOGIN_EXPIRED */
    async finishSignIn(parts: OwnClientParts, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
      const pending = readSealed(parts, request, loginCookie, pendingLogin)
      dropCookie(reply, loginCookie)
      const answer = callbackQuery.safeParse(request.query).data
      if (!answer || answer.state !== pending?.state || (answer.iss !== undefined && answer.iss !== `${parts.publicUrl}/oidc`)) {
        throw new EntenteError('LOGIN_EXPIRED', { page: `${path}/callback` })
      }
      const grant = { clientId: id, code: answer.code, codeVerifier: pending.verifier, redirectUri: callbackUrl(parts) }
      const { accessToken, expiresIn } = await parts.completeLogin(grant)
      keepSealed(parts, reply, cookie, { token: accessToken, since: parts.now().getTime() } satisfies PageSession, expiresIn)
      return reply.redirect(path, 303)
    },
  }
}
