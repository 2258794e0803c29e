import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { PendingQuestion } from '../access/interactions.ts'
import { EntenteError, type ErrorCode } from '../errors.ts'
import { formToken, readForm } from './forms.ts'
import { html, type Fragment, type Html } from './html.ts'
import { onwardToClient, sendPage, viewFor, type View } from './layout.ts'
import { joiningNote, questionOf, sendLoginProblem } from './login.ts'
import type { LoginParts } from './parts.ts'
import { problemNote } from './problem.ts'
import { codeField, proofIn } from './proofs.ts'
import { countEntry, visitOf } from './visit.ts'

const addressForm = z.object({ uid: z.string(), address: z.string().max(320) })
const answerForm = z.object({ uid: z.string() }).catchall(z.string())
const codePage = (uid: string) => `/login/code?uid=${encodeURIComponent(uid)}`

/** A code to the mailbox, and passkeys: ways in that are no provider's. Known and unknown addresses get the same pages. */
export function ownWayPages(app: FastifyInstance, parts: LoginParts): void {
  const { ownWays } = parts

  app.post('/login/mail', async (request, reply) => {
    const { uid, address } = readForm(parts, request, addressForm)
    const question = await questionOf(parts, request, reply, uid)
    const { language } = viewFor(parts, request, reply, question.locale)
    visitOf(parts, request, reply).wayChosen(question.client.id, 'mail')
    return orProblem(parts, request, reply, question, async () => {
      await ownWays.sendCode(question, { address, locale: language }, request, reply)
      return reply.redirect(codePage(uid), 303)
    })
  })

  app.get('/login/code', async (request, reply) => {
    const { uid } = z.object({ uid: z.string() }).parse(request.query)
    return sendCodePage(parts, request, reply, await questionOf(parts, request, reply, uid))
  })

  app.post('/login/code', async (request, reply) => {
    const { uid, code = '' } = readForm(parts, request, answerForm)
    const question = await questionOf(parts, request, reply, uid)
    try {
      return entered(parts, request, reply, await ownWays.byCode(question, code.slice(0, 40), request, reply))
    } catch (error) {
      if (!(error instanceof EntenteError)) throw error
      if (error.code === 'BAD_USER_INPUT') return sendCodePage(parts, request, reply, question, error.code)
      return refused(parts, request, reply, question, error)
    }
  })

  app.post('/login/passkey', async (request, reply) => {
    const form = readForm(parts, request, answerForm)
    const question = await questionOf(parts, request, reply, form.uid)
    visitOf(parts, request, reply).wayChosen(question.client.id, 'passkey')
    return orProblem(parts, request, reply, question, async () => {
      const proof = proofIn(form)
      if (proof.kind !== 'passkey') throw new EntenteError('BAD_USER_INPUT', { check: 'passkey' })
      return entered(parts, request, reply, await ownWays.byPasskey(question, proof, request, reply))
    })
  })
}

async function orProblem(parts: LoginParts, request: FastifyRequest, reply: FastifyReply, question: PendingQuestion, work: () => Promise<FastifyReply>) {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof EntenteError)) throw error
    return refused(parts, request, reply, question, error)
  }
}

function entered(parts: LoginParts, request: FastifyRequest, reply: FastifyReply, url: string): FastifyReply {
  countEntry(visitOf(parts, request, reply), url)
  return reply.redirect(url, 303)
}

/** The page with the other ways in; nobody there any more is told like nobody there ever. */
function refused(parts: LoginParts, request: FastifyRequest, reply: FastifyReply, question: PendingQuestion, error: EntenteError): Promise<FastifyReply> {
  request.log.warn({ code: error.code, ...error.detail }, 'login refused')
  visitOf(parts, request, reply).failed(error.code)
  const code = error.code === 'UNAUTHENTICATED' ? 'BAD_USER_INPUT' : error.code
  return sendLoginProblem(parts, request, reply, { code, reference: request.id, question })
}

async function sendCodePage(
  parts: LoginParts,
  request: FastifyRequest,
  reply: FastifyReply,
  question: PendingQuestion,
  problem?: ErrorCode,
): Promise<FastifyReply> {
  const view = viewFor(parts, request, reply, question.locale)
  const { login } = view.words
  const hidden = html`${formToken(parts, request, reply)}<input type="hidden" name="uid" value="${question.uid}" />`
  const main = html`${problem && problemNote(view.words, problem, request.id, 'within a page')}
    <div class="card">
      <h1>${login.codeTitle}</h1>
      <p>${login.codeText}</p>
      ${await joiningNote(parts, request, view, question)}
      <form method="post" action="/login/code">${hidden}${codeField('mailCode', view.words.confirm.mailCode, login.codeSubmit)}</form>
      <p><a href="/login?ways=all&amp;uid=${encodeURIComponent(question.uid)}">${login.codeOther}</a></p>
    </div>
    ${backToShop(view, hidden)}`
  return sendPage(parts, reply, view, problem ? 400 : 200, { title: login.codeTitle, main, formTargets: onwardToClient(question.client) })
}

/** The way out of a sign-in that is on every page of it. */
export const backToShop = ({ words }: View, hidden: Fragment): Html =>
  html`<form method="post" action="/login/back">${hidden}<button class="quiet">${words.login.back}</button></form>`
