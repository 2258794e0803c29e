import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { ask, codeNamed } from './ask.ts'
import { formToken } from './forms.ts'
import { html } from './html.ts'
import { sendPage, viewFor, type View } from './layout.ts'
import { alertForms, alertSection } from './operator-alerts.ts'
import { clientForms, clientSection } from './operator-clients.ts'
import { operatorQueries, readOverview, seesClients, type AtWork, type Overview } from './operator-data.ts'
import { erasePage } from './operator-erase.ts'
import { logPage, logSection } from './operator-log.ts'
import { lookUpPage, lookUpSection } from './operator-look-up.ts'
import { funnelSectionForm, periodPages, reportSection } from './operator-periods.ts'
import { requestForms, requestSection } from './operator-requests.ts'
import { rulePage, ruleSection } from './operator-rule.ts'
import { asOperator, endSession, operate, operatorCallback, sendToSignIn } from './operator-session.ts'
import { operatorWords } from './operator-words.ts'
import type { OperatorParts } from './parts.ts'
import { problemNote } from './problem.ts'

const query = z.object({ done: z.string(), problem: z.string() }).partial()

/** `/operator`: an ordinary client of our own API for those who keep the house. What it shows follows from the roles of the moment. */
export function operatorPages(app: FastifyInstance, parts: OperatorParts): void {
  operatorCallback(app, parts)
  alertForms(app, parts)
  clientForms(app, parts)
  requestForms(app, parts)
  erasePage(app, parts)
  lookUpPage(app, parts)
  rulePage(app, parts)
  logPage(app, parts)
  periodPages(app, parts)
  app.get('/operator', (request, reply) => asOperator(parts, request, reply, (at) => sendOverview(parts, request, reply, at)))
  app.get('/operator/sign-in', async (_request, reply) => sendToSignIn(parts, reply, true))
  app.post('/operator/sign-out', (request, reply) =>
    operate(parts, request, reply, z.object({}), async (_form, { token }) => {
      await ask(parts, operatorQueries.signOut, {}, token)
      endSession(reply)
      return reply.redirect('/account/signed-out', 303)
    }),
  )
}

async function sendOverview(parts: OperatorParts, request: FastifyRequest, reply: FastifyReply, at: AtWork): Promise<FastifyReply> {
  const asked = query.safeParse(request.query).data ?? {}
  const view = viewFor(parts, request, reply)
  const words = operatorWords[view.language]
  const token = formToken(parts, request, reply)
  const sections = sectionsOf({ parts, view, token, roles: at.roles, ...(await readOverview(parts, at)) })
  const main = html`<h1>${words.title}</h1>
    ${noteOf(view, asked, request.id)}
    <p class="soft">${words.you} ${[...at.roles].map((role) => words.roles[role]).join(', ')}.</p>
    <nav class="chips" aria-label="${words.sections}">${sections.map(({ id, title }) => html`<a href="#${id}">${title}</a>`)}</nav>
    ${sections.map(
      ({ id, title, body }) =>
        html`<section class="card" id="${id}" aria-labelledby="${id}-title">
          <h2 id="${id}-title">${title}</h2>
          ${body}
        </section>`,
    )}
    <form method="post" action="/operator/sign-out">${token}<button class="button fit">${words.signOut}</button></form>`
  return sendPage(parts, reply, view, 200, { title: words.title, main, wide: true })
}

function sectionsOf(overview: Overview) {
  const { roles, view } = overview
  const words = operatorWords[view.language]
  const sections = [
    { id: 'alerts', shown: roles.has('audit:read'), title: words.alerts.title, body: () => alertSection(overview) },
    { id: 'clients', shown: seesClients(roles), title: words.clients.title, body: () => clientSection(overview) },
    { id: 'requests', shown: roles.has('privacy:handle'), title: words.requests.title, body: () => requestSection(overview) },
    { id: 'look-up', shown: roles.has('privacy:handle'), title: words.lookUp.title, body: () => lookUpSection(overview) },
    { id: 'log', shown: roles.has('audit:read'), title: words.log.title, body: () => logSection(overview) },
    { id: 'report', shown: roles.has('audit:read'), title: words.report.title, body: () => reportSection(overview) },
    { id: 'rule', shown: roles.has('segments:read'), title: words.rule.title, body: () => ruleSection(overview) },
    { id: 'funnel', shown: roles.has('audit:read'), title: words.funnel.title, body: () => funnelSectionForm(overview) },
  ]
  return sections.filter(({ shown }) => shown).map(({ id, title, body }) => ({ id, title, body: body() }))
}

function noteOf({ words, language }: View, { problem, done }: z.infer<typeof query>, reference: string) {
  const code = codeNamed(problem)
  if (code) return problemNote(words, code, reference, 'within a page')
  return done !== undefined && html`<p class="note" role="status">${operatorWords[language].done}</p>`
}
