import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { EntenteError } from '../errors.ts'
import { overview } from './account-attention.ts'
import { authenticatorPages } from './account-authenticator.ts'
import { change } from './account-change.ts'
import { accountConfirm } from './account-confirm.ts'
import { mutations, readAccount } from './account-data.ts'
import { erasurePages } from './account-erasure.ts'
import { exportPages } from './account-export.ts'
import { interestPages } from './account-known.ts'
import { mergePage } from './account-merge.ts'
import { passkeyPages } from './account-passkeys.ts'
import { recoveryPages } from './account-recovery.ts'
import { sectionsOf } from './account-sections.ts'
import { accountCallback, endSession, sendToSignIn, sessionOf, signInAgain } from './account-session.ts'
import { stepPages } from './account-steps.ts'
import { ask, codeNamed } from './ask.ts'
import { formToken } from './forms.ts'
import { html } from './html.ts'
import { sendPage, viewFor, type View } from './layout.ts'
import type { PageSession } from './own-client.ts'
import type { AccountParts } from './parts.ts'
import { problemNote } from './problem.ts'
import { changesIn } from './profile-form.ts'

const decisionForm = z.object({ purpose: z.string(), version: z.string(), locale: z.string().default(''), answer: z.enum(['yes', 'no']) })
const query = z.object({ after: z.string().max(2000), done: z.string(), problem: z.string() }).partial()

/** `/account`: an ordinary client of our own API. It sees what the API gives to the person, and changes nothing beside it. */
export function accountPages(app: FastifyInstance, parts: AccountParts): void {
  accountCallback(app, parts)
  accountConfirm(app, parts)
  mergePage(app, parts)
  exportPages(app, parts)
  erasurePages(app, parts)
  interestPages(app, parts)
  passkeyPages(app, parts)
  authenticatorPages(app, parts)
  recoveryPages(app, parts)
  stepPages(app, parts)
  app.get('/account', async (request, reply) => {
    const session = sessionOf(parts, request)
    if (!session) return sendToSignIn(parts, reply)
    return sendAccount(parts, request, reply, session)
  })
  app.get('/account/sign-in', async (_request, reply) => sendToSignIn(parts, reply, true))
  app.get('/account/signed-out', async (request, reply) => {
    const view = viewFor(parts, request, reply)
    const { signedOut, signedOutText, signIn } = view.words.account
    const main = html`<div class="card">
      <h1>${signedOut}</h1>
      <p>${signedOutText}</p>
      <p><a href="/account">${signIn}</a></p>
    </div>`
    return sendPage(parts, reply, view, 200, { title: signedOut, main })
  })
  changes(app, parts)
}

function changes(app: FastifyInstance, parts: AccountParts): void {
  app.post('/account/profile', (request, reply) =>
    change(parts, request, reply, z.record(z.string(), z.string()), async (form, token) => {
      const input = changesIn(parts.policy, form)
      if (Object.keys(input).length > 0) await ask(parts, mutations.updateProfile, { input }, token)
      return reply.redirect('/account?done=profile#profile', 303)
    }),
  )
  app.post('/account/decision', (request, reply) =>
    change(parts, request, reply, decisionForm, async ({ purpose, version, locale, answer }, token) => {
      const decision = { purpose, granted: answer === 'yes', textVersion: version }
      await ask(parts, mutations.setConsents, { decisions: [decision], locale }, token)
      return reply.redirect('/account?done=decision#decisions', 303)
    }),
  )
  app.post('/account/merge', (request, reply) =>
    change(parts, request, reply, z.object({ proof: z.string() }), async ({ proof }, token) => {
      await ask(parts, mutations.mergeCustomer, { proof }, token)
      endSession(reply)
      return reply.redirect('/account', 303)
    }),
  )
  app.post('/account/merge/undo', (request, reply) =>
    change(parts, request, reply, z.object({ id: z.string() }), async ({ id }, token) => {
      await ask(parts, mutations.undoMerge, { id }, token)
      endSession(reply)
      return reply.redirect('/account', 303)
    }),
  )
  app.post('/account/sessions/end', (request, reply) =>
    change(parts, request, reply, z.object({ id: z.string() }), async ({ id }, token) => {
      await ask(parts, mutations.endSession, { id }, token)
      return reply.redirect('/account?done=sessions#sessions', 303)
    }),
  )
  app.post('/account/sign-out', (request, reply) =>
    change(parts, request, reply, z.object({ where: z.enum(['here', 'everywhere']) }), async ({ where }, token) => {
      await ask(parts, mutations.logout, { everywhere: where === 'everywhere' }, token)
      endSession(reply)
      return reply.redirect('/account/signed-out', 303)
    }),
  )
}

async function sendAccount(parts: AccountParts, request: FastifyRequest, reply: FastifyReply, session: PageSession): Promise<FastifyReply> {
  const asked = query.safeParse(request.query).data ?? {}
  try {
    const data = await readAccount(parts, session.token, asked.after ?? null)
    const view = viewFor(parts, request, reply, data.person.locale)
    const sections = sectionsOf({ parts, view, data, token: formToken(parts, request, reply) })
    const main = html`<h1>${view.words.account.title}</h1>
      ${noteOf(view, asked, request.id)} ${overview({ parts, view, data })}
      <nav class="chips" aria-label="${view.words.account.sections}">${sections.map(({ id, title }) => html`<a href="#${id}">${title}</a>`)}</nav>
      ${sections.map(
        ({ id, title, body }) =>
          html`<section class="card" id="${id}" aria-labelledby="${id}-title">
            <h2 id="${id}-title">${title}</h2>
            ${body}
          </section>`,
      )}`
    return sendPage(parts, reply, view, 200, { title: view.words.account.title, main, wide: true })
  } catch (error) {
    if (!(error instanceof EntenteError) || error.code !== 'UNAUTHENTICATED') throw error
    return signInAgain(parts, reply, session)
  }
}

function noteOf({ words }: View, asked: z.infer<typeof query>, reference: string) {
  const problem = codeNamed(asked.problem)
  if (problem) return problemNote(words, problem, reference, 'within a page')
  return asked.done !== undefined && html`<p class="note" role="status">${words.account.saved}</p>`
}
