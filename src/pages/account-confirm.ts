import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { stepUpActions } from '../config/step-up.ts'
import { catalogue, EntenteError, type ErrorCode } from '../errors.ts'
import { mutations } from './account-data.ts'
import { ask } from './ask.ts'
import { sendToSignIn, sessionOf } from './account-session.ts'
import { formToken, readForm } from './forms.ts'
import { html } from './html.ts'
import { sendPage, viewFor } from './layout.ts'
import type { PageSession } from './own-client.ts'
import type { AccountParts } from './parts.ts'
import { problemNote } from './problem.ts'
import { proofForms, proofIn } from './proofs.ts'
import { reasonWord } from './words.ts'

const action = z.enum(stepUpActions)
const answer = z.object({ for: action, to: z.string().regex(/^\/account(\/[a-z-]{1,20}){1,3}$/) }).catchall(z.string())
const started = z.object({
  startStepUp: z.object({ accepted: z.array(z.string()), reasons: z.array(z.string()), passkeyOptions: z.string().nullable(), handle: z.string().nullable() }),
})

/** A form of the account centre that was refused with STEP_UP_REQUIRED. */
export interface Wanted {
  readonly action: string
  /** Where the form goes, and what it says: each form of the page that asks carries it on. */
  readonly to: string
  readonly fields: Readonly<Record<string, string>>
}

const ownFields = new Set(['token', 'for', 'to', 'kind', 'code', 'handle', 'response'])

/** `/account/confirm`: takes the proof for one action, and hands on to that action what was wanted in the first place. */
export function accountConfirm(app: FastifyInstance, parts: AccountParts): void {
  app.post('/account/confirm', async (request, reply) => {
    const form = readForm(parts, request, answer)
    const session = sessionOf(parts, request)
    if (!session) return sendToSignIn(parts, reply)
    const wanted = { action: form.for, to: form.to, fields: form }
    try {
      const { kind, ...given } = proofIn(form)
      if (kind === 'sendCode') {
        await ask(parts, mutations.sendStepUpCode, { action: form.for }, session.token)
        return await sendConfirm(parts, request, reply, session, wanted, { sent: true })
      }
      const proof = 'code' in given ? { [kind]: given.code } : { passkey: { ...given, response: form['response'] } }
      await ask(parts, mutations.completeStepUp, { action: form.for, proof }, session.token)
      // The form is sent on as it is, with its token and all that was wanted.
      return reply.redirect(form.to, 307)
    } catch (error) {
      if (!(error instanceof EntenteError) || error.code === 'UNAUTHENTICATED') throw error
      request.log.warn({ code: error.code, ...error.detail }, 'not confirmed')
      return sendConfirm(parts, request, reply, session, wanted, { sent: form['kind'] === 'mailCode', problem: error.code })
    }
  })
}

/** The page that names what is about to be done and asks for what is accepted. Nothing has been done yet, and it can be left. */
export async function sendConfirm(
  parts: AccountParts,
  request: FastifyRequest,
  reply: FastifyReply,
  session: PageSession,
  wanted: Wanted,
  { sent = false, problem }: { readonly sent?: boolean; readonly problem?: ErrorCode } = {},
): Promise<FastifyReply> {
  const named = action.parse(wanted.action)
  const { startStepUp } = started.parse(await ask(parts, mutations.startStepUp, { action: named }, session.token))
  const { accepted, reasons, passkeyOptions, handle } = startStepUp
  if (accepted.every((one) => one === 'signIn')) return sendToSignIn(parts, reply, true)
  const passkey = passkeyOptions === null || handle === null ? null : { handle, options: z.looseObject({}).parse(JSON.parse(passkeyOptions)) }
  const view = viewFor(parts, request, reply)
  const { words } = view
  const carried = Object.entries({ ...withoutOwn(wanted.fields), for: named, to: wanted.to })
  const hidden = html`${formToken(parts, request, reply)}${carried.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}`
  const main = html`${problem && problemNote(words, problem, request.id, 'within a page')}
    <div class="card">
      <h1>${words.confirm.title}</h1>
      <p>${words.confirm.wanted} <strong>${words.actions[named]}</strong></p>
      <p>${reasonWord(words, reasons)}</p>
      ${proofForms({ view, action: '/account/confirm', hidden, accepted, passkey, sent })}
      ${accepted.includes('signIn') && html`<p><a href="/account/sign-in">${words.confirm.signIn}</a></p>`}
    </div>
    <p><a href="/account">${words.confirm.leave}</a></p>`
  return sendPage(parts, reply, { ...view, here: null }, problem ? catalogue[problem][0] : 200, {
    title: words.confirm.title,
    main,
    passkeys: passkey !== null,
  })
}

const withoutOwn = (fields: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !ownFields.has(name)))
