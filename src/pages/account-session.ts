import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import { EntenteError } from '../errors.ts'
import { codeNamed } from './ask.ts'
import { ownClient } from './own-client.ts'
import type { AccountParts } from './parts.ts'

const own = ownClient({ id: 'account', path: '/account', cookie: '__Host-entente-account', scope: 'openid purpose:data_subject_access', acr: null })

/** The account centre's own sign-in. */
export const { sessionOf, endSession, sendToSignIn, signInAgain } = own

/** Where linking comes back to: registered for the client `account` like the end of its logins. */
export const linkedUrl = own.callbackUrl

/** `/account/callback`: the end of the account centre's own login, and of linking another login. */
export function accountCallback(app: FastifyInstance, parts: AccountParts): void {
  app.get('/account/callback', async (request, reply) => {
    reply.headers({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
    const query = z.record(z.string(), z.unknown()).parse(request.query)
    if (query['code'] === undefined) return afterLinking(reply, query, sessionOf(parts, request) !== null)
    return own.finishSignIn(parts, request, reply)
  })
}

function afterLinking(reply: FastifyReply, { error, merge }: Readonly<Record<string, unknown>>, signedIn: boolean): FastifyReply {
  const code = codeNamed(error) ?? 'LOGIN_DENIED'
  if (!signedIn) throw new EntenteError(error === undefined ? 'LOGIN_EXPIRED' : code, { page: 'account callback' })
  if (code === 'IDENTITY_TAKEN' && typeof merge === 'string') return reply.redirect(`/account/merge?${new URLSearchParams({ proof: merge })}`, 303)
  return reply.redirect(error === undefined ? '/account?done=linking#logins' : `/account?problem=${code}`, 303)
}
