import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { PendingQuestion } from '../access/interactions.ts'
import { catalogue, EntenteError, type ErrorCode } from '../errors.ts'
import { formToken, readForm } from './forms.ts'
import { html } from './html.ts'
import { onwardToClient, sendPage, viewFor } from './layout.ts'
import { joiningNote, questionOf } from './login.ts'
import type { LoginParts } from './parts.ts'
import { problemNote } from './problem.ts'
import { proofForms, proofIn } from './proofs.ts'
import { visitOf } from './visit.ts'
import { reasonWord } from './words.ts'

const query = z.object({ uid: z.string(), sent: z.string().optional() })
const form = z.object({ uid: z.string() }).catchall(z.string())

/** `/confirm`: what a sign-in still takes, and why. Nobody is signed in before it is shown; "not now" leads back to the shop. */
export function confirmPages(app: FastifyInstance, parts: LoginParts): void {
  const { confirm } = parts

  app.get('/confirm', async (request, reply) => {
    const asked = query.safeParse(request.query).data
    if (asked === undefined) return reply.redirect('/account', 303)
    const question = await questionOf(parts, request, reply, asked.uid)
    return sendConfirm(parts, request, reply, question, { sent: asked.sent !== undefined })
  })

  app.post('/confirm', async (request, reply) => {
    const fields = readForm(parts, request, form)
    const question = await questionOf(parts, request, reply, fields.uid)
    const { language } = viewFor(parts, request, reply, question.locale)
    try {
      const proof = proofIn(fields)
      if (proof.kind !== 'sendCode') {
        const url = await confirm.prove(question, proof, request, reply)
        // With another prompt somebody was signed in already.
        if (question.prompt === 'login') visitOf(parts, request, reply).finished()
        return reply.redirect(url, 303)
      }
      await confirm.sendCode(question, language, request, reply)
      return reply.redirect(`/confirm?${new URLSearchParams({ uid: question.uid, sent: 'yes' }).toString()}`, 303)
    } catch (error) {
      if (!(error instanceof EntenteError) || error.code === 'LOGIN_EXPIRED') throw error
      request.log.warn({ code: error.code, ...error.detail }, 'not confirmed')
      return sendConfirm(parts, request, reply, question, { sent: fields['kind'] === 'mailCode', problem: error.code })
    }
  })
}

async function sendConfirm(
  parts: LoginParts,
  request: FastifyRequest,
  reply: FastifyReply,
  question: PendingQuestion,
  { sent, problem }: { readonly sent: boolean; readonly problem?: ErrorCode },
): Promise<FastifyReply> {
  const asked = await parts.confirm.question(question, request, reply)
  if (asked === null) return reply.redirect(`/${question.prompt === 'consent' ? 'consent' : 'login'}?uid=${encodeURIComponent(question.uid)}`, 303)
  if (asked.accepted.length === 0) {
    const unmet = 'There is no second factor to prove.'
    return reply.redirect(await parts.interactions.aborted(request.raw, reply.raw, question.uid, 'unmet_authentication_requirements', unmet), 303)
  }
  const view = viewFor(parts, request, reply, question.locale)
  const { words } = view
  const hidden = html`${formToken(parts, request, reply)}<input type="hidden" name="uid" value="${question.uid}" />`
  const main = html`${problem && problemNote(words, problem, request.id, 'within a page')}
    <div class="card">
      <h1>${words.confirm.title}</h1>
      <p>${reasonWord(words, asked.reasons)}</p>
      ${await joiningNote(parts, request, view, question)}
      ${proofForms({ view, action: '/confirm', hidden, accepted: asked.accepted, passkey: asked.passkey, sent })}
    </div>
    <form method="post" action="/login/back">${hidden}<button class="quiet">${words.confirm.notNow}</button></form>`
  return sendPage(parts, reply, view, problem ? catalogue[problem][0] : 200, {
    title: words.confirm.title,
    main,
    formTargets: onwardToClient(question.client),
    passkeys: asked.passkey !== null,
  })
}
