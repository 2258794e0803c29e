import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { EntenteError } from '../errors.ts'
import { ask } from './ask.ts'
import { textIn } from './consent.ts'
import { formToken } from './forms.ts'
import { html, type Html } from './html.ts'
import { viewFor } from './layout.ts'
import { clientForm, clientChangeIn, newClientForm, newClientIn } from './operator-client-form.ts'
import { operatorQueries, readClientsShown, type Overview, type ShownClient, type WaitingChange } from './operator-data.ts'
import { asOperator, operate, sendBeside } from './operator-session.ts'
import { operatorWords } from './operator-words.ts'
import type { OperatorParts } from './parts.ts'
import { momentWord } from './words.ts'

/** What waits for a second pair of eyes, and what each client may do. */
export function clientSection(overview: Overview): Html {
  const { view, changes, clients } = overview
  const words = operatorWords[view.language].clients
  return html`<h3>${words.waiting}</h3>
    <p class="soft small">${words.waitingText}</p>
    ${
      changes.length === 0
        ? html`<p>${words.noneWaiting}</p>`
        : html`<ul class="rows">
            ${changes.map((change) => changeRow(overview, change))}
          </ul>`
    }
    <ul class="rows">
      ${clients.map((client) => clientRow(overview, client))}
    </ul>
    ${overview.roles.has('clients:write') && html`<p><a href="/operator/clients/new">${words.create}</a></p>`}`
}

function changeRow({ view: { language }, token, roles }: Overview, { id, clientId, adds, removes, proposedBy, expiresAt, approvable }: WaitingChange): Html {
  const words = operatorWords[language].clients
  const lines = (title: string, all: readonly string[]) =>
    all.length > 0 &&
    html`<p class="small">${title}</p>
      <ul class="told">
        ${all.map((line) => html`<li><bdi>${line}</bdi></li>`)}
      </ul>`
  const agree = html`<form method="post" action="/operator/clients/approve">
    ${token}<input type="hidden" name="id" value="${id}" /><button class="button fit" aria-label="${`${words.approve}: ${clientId}`}">${words.approve}</button>
  </form>`
  return html`<li>
    <div>
      <strong><bdi>${clientId}</bdi></strong>
      <p class="soft small">${words.by} <bdi>${proposedBy.join(', ')}</bdi> · ${words.until} ${momentWord(language, expiresAt)}</p>
      ${lines(words.adds, adds)} ${lines(words.removes, removes)}
    </div>
    ${approvable ? agree : roles.has('clients:write') && html`<p class="soft small">${words.own}</p>`}
  </li>`
}

function clientRow({ parts, view: { language }, roles }: Overview, { id, name, purposes, scopes, changeable }: ShownClient): Html {
  const words = operatorWords[language].clients
  const titleOf = (purpose: string) => {
    const found = parts.policy.purpose(purpose)
    return found && !found.builtIn ? textIn(parts.policy, found, language).title : purpose
  }
  return html`<li>
    <div>
      <h3><bdi>${name}</bdi></h3>
      <p class="soft small"><bdi>${id}</bdi>${!changeable && ` · ${words.inFile}`}</p>
      <p class="small">${words.purposes}: ${purposes.length === 0 ? words.noPurpose : purposes.map(titleOf).join(', ')}</p>
      ${scopes.length > 0 && html`<p class="small">${words.scopes}: ${scopes.join(', ')}</p>`}
    </div>
    ${
      changeable &&
      roles.has('clients:write') &&
      html`<a class="button fit" href="/operator/clients/change?id=${encodeURIComponent(id)}" aria-label="${`${words.change}: ${name}`}">${words.change}</a>`
    }
  </li>`
}

const named = z.object({ id: z.string() })

export function clientForms(app: FastifyInstance, parts: OperatorParts): void {
  app.get('/operator/clients/change', (request, reply) =>
    asOperator(parts, request, reply, async ({ token, roles }) => {
      const id = named.safeParse(request.query).data?.id
      const client = (await readClientsShown(parts, token)).find((one) => one.id === id)
      if (!roles.has('clients:write') || !client?.changeable) throw new EntenteError('FORBIDDEN', { page: 'client' })
      const view = viewFor(parts, request, reply)
      const words = operatorWords[view.language].clients
      return sendBeside(parts, reply, view, `${words.change}: ${client.name}`, clientForm({ parts, view, token: formToken(parts, request, reply), client }))
    }),
  )
  app.post('/operator/clients/propose', (request, reply) =>
    operate(parts, request, reply, named.catchall(z.string()), async (form, { token }) => {
      await ask(parts, operatorQueries.propose, { id: form.id, change: clientChangeIn(form) }, token)
      return reply.redirect('/operator?done=change#clients', 303)
    }),
  )
  newClientPages(app, parts)
  app.post('/operator/clients/approve', (request, reply) =>
    operate(parts, request, reply, named, async ({ id }, { token }) => {
      const { clientId, secret } = approved.parse(await ask(parts, operatorQueries.approve, { id }, token)).approveClientChange
      if (secret === null) return reply.redirect('/operator?done=change#clients', 303)
      // In the answer itself, so that it has no address and stays in no history.
      const view = { ...viewFor(parts, request, reply), here: null }
      const words = operatorWords[view.language].clients
      const told = html`<p role="status">${words.secretText}</p>
        <p><bdi>${clientId}</bdi>: <code>${secret}</code></p>`
      return sendBeside(parts, reply, view, words.secret, told)
    }),
  )
}

const approved = z.object({ approveClientChange: z.object({ clientId: z.string(), secret: z.string().nullable() }) })

function newClientPages(app: FastifyInstance, parts: OperatorParts): void {
  app.get('/operator/clients/new', (request, reply) =>
    asOperator(parts, request, reply, async ({ roles }) => {
      if (!roles.has('clients:write')) throw new EntenteError('FORBIDDEN', { page: 'new client' })
      const view = viewFor(parts, request, reply)
      const form = newClientForm({ parts, view, token: formToken(parts, request, reply) })
      return sendBeside(parts, reply, view, operatorWords[view.language].clients.create, form)
    }),
  )
  app.post('/operator/clients/create', (request, reply) =>
    operate(parts, request, reply, named.catchall(z.string()), async (form, { token }) => {
      await ask(parts, operatorQueries.createClient, { input: newClientIn(form) }, token)
      return reply.redirect('/operator?done=change#clients', 303)
    }),
  )
}
