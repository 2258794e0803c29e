import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { acrs } from '../access/session-marks.ts'
import { operatorRoles } from '../config/operators.ts'
import { EntenteError } from '../errors.ts'
import { ask } from './ask.ts'
import { readForm } from './forms.ts'
import { html, type Fragment } from './html.ts'
import { sendPage, viewFor, type View } from './layout.ts'
import { operatorQueries, type AtWork } from './operator-data.ts'
import { operatorWords, type OperatorWords } from './operator-words.ts'
import { ownClient } from './own-client.ts'
import type { OperatorParts } from './parts.ts'

const scope = `openid ${operatorRoles.join(' ')}`
const own = ownClient({ id: 'operators', path: '/operator', cookie: '__Host-entente-operator', scope, acr: acrs.factor })
export const { sendToSignIn, endSession } = own

/** `/operator/callback`: the end of an operator's sign-in. Who has no second factor to prove is told where to get one (RFC 9470, 5). */
export function operatorCallback(app: FastifyInstance, parts: OperatorParts): void {
  app.get('/operator/callback', async (request, reply) => {
    reply.headers({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
    const { error } = z.object({ error: z.string().optional() }).safeParse(request.query).data ?? { error: 'invalid_request' }
    if (error === 'unmet_authentication_requirements') return sendPlain(parts, request, reply, ({ lacking }) => ({ ...lacking, factor: null }))
    if (error !== undefined) throw new EntenteError('LOGIN_DENIED', { page: 'operator callback' })
    return own.finishSignIn(parts, request, reply)
  })
}

const roleList = z.object({ myRoles: z.array(z.enum(operatorRoles)) })

/** Shows something to an operator. Everybody else is told that they are none, and nothing further. */
export async function asOperator(
  parts: OperatorParts,
  request: FastifyRequest,
  reply: FastifyReply,
  work: (at: AtWork) => Promise<FastifyReply>,
): Promise<FastifyReply> {
  const session = own.sessionOf(parts, request)
  if (!session) return sendToSignIn(parts, reply)
  try {
    const { myRoles } = roleList.parse(await ask(parts, operatorQueries.roles, {}, session.token))
    if (myRoles.length === 0) return sendPlain(parts, request, reply, ({ nobody }) => nobody)
    return await work({ token: session.token, roles: new Set(myRoles) })
  } catch (error) {
    if (error instanceof EntenteError && error.code === 'UNAUTHENTICATED') return own.signInAgain(parts, reply, session)
    throw error
  }
}

/** One form of the page: checked, and carried out with the operator's own token. What the API refuses goes back to the overview. */
export async function operate<T extends Readonly<Record<string, string>>>(
  parts: OperatorParts,
  request: FastifyRequest,
  reply: FastifyReply,
  shape: z.ZodType<T>,
  work: (form: T, at: AtWork) => Promise<FastifyReply>,
): Promise<FastifyReply> {
  const form = readForm(parts, request, shape)
  return asOperator(parts, request, reply, async (at) => {
    try {
      return await work(form, at)
    } catch (error) {
      if (!(error instanceof EntenteError) || error.code === 'UNAUTHENTICATED') throw error
      request.log.warn({ code: error.code, ...error.detail }, 'refused')
      return reply.redirect(`/operator?problem=${error.code}`, 303)
    }
  })
}

interface Plain {
  readonly title: string
  readonly text: string
  readonly factor: string | null
  readonly account: string
  readonly signIn: string
}

function sendPlain(parts: OperatorParts, request: FastifyRequest, reply: FastifyReply, wordsOf: (words: OperatorWords) => Plain): FastifyReply {
  const view = viewFor(parts, request, reply)
  const { title, text, factor, account, signIn } = wordsOf(operatorWords[view.language])
  const main = html`<div class="card">
    <h1>${title}</h1>
    <p>${text}</p>
    ${factor && html`<p>${factor}</p>`}
    <p><a href="/account#security">${account}</a></p>
    <p><a href="/operator/sign-in">${signIn}</a></p>
  </div>`
  return sendPage(parts, reply, { ...view, here: null }, 403, { title, main })
}

/** A page beside the overview, with the way back. */
export function sendBeside(parts: OperatorParts, reply: FastifyReply, view: View, title: string, body: Fragment): FastifyReply {
  const main = html`<h1>${title}</h1>
    <div class="card">${body}</div>
    <p><a href="/operator">${operatorWords[view.language].back}</a></p>`
  return sendPage(parts, reply, view, 200, { title, main, wide: true })
}
