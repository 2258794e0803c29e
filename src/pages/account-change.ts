import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { EntenteError } from '../errors.ts'
import { sendConfirm } from './account-confirm.ts'
import { sendToSignIn, sessionOf } from './account-session.ts'
import { readForm } from './forms.ts'
import type { AccountParts } from './parts.ts'

/** One form of the account centre: checked, and carried out with the person's own token. A refusal goes back to the page, or asks for a proof. */
export async function change<T extends Readonly<Record<string, string>>>(
  parts: AccountParts,
  request: FastifyRequest,
  reply: FastifyReply,
  shape: z.ZodType<T>,
  work: (form: T, token: string) => Promise<FastifyReply>,
): Promise<FastifyReply> {
  const form = readForm(parts, request, shape)
  const session = sessionOf(parts, request)
  if (!session) return sendToSignIn(parts, reply)
  try {
    return await work(form, session.token)
  } catch (error) {
    if (!(error instanceof EntenteError)) throw error
    request.log.warn({ code: error.code, ...error.detail }, 'refused')
    if (error.code === 'UNAUTHENTICATED') return sendToSignIn(parts, reply)
    const { action } = error.hints
    if (error.code === 'STEP_UP_REQUIRED' && action !== undefined) {
      return sendConfirm(parts, request, reply, session, { action, to: request.url, fields: form })
    }
    return reply.redirect(`/account?problem=${error.code}`, 303)
  }
}

/** A page of the account centre that only shows something, with the person's own token; who is not signed in any more signs in. */
export async function look(
  parts: AccountParts,
  request: FastifyRequest,
  reply: FastifyReply,
  work: (token: string) => Promise<FastifyReply>,
): Promise<FastifyReply> {
  const session = sessionOf(parts, request)
  if (!session) return sendToSignIn(parts, reply)
  try {
    return await work(session.token)
  } catch (error) {
    if (error instanceof EntenteError && error.code === 'UNAUTHENTICATED') return sendToSignIn(parts, reply)
    throw error
  }
}
