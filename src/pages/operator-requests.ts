import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { ask } from './ask.ts'
import { html, type Html } from './html.ts'
import { operatorQueries, type OpenRequest, type Overview } from './operator-data.ts'
import { operate } from './operator-session.ts'
import { operatorWords } from './operator-words.ts'
import type { OperatorParts } from './parts.ts'
import { momentWord } from './words.ts'

/** Open requests, those that are due first, and the form that takes one down. */
export function requestSection(overview: Overview): Html {
  const { requests, view } = overview
  const words = operatorWords[view.language].requests
  return html`${
      requests.length === 0
        ? html`<p>${words.none}</p>`
        : html`<ul class="rows">
            ${requests.map((request) => requestRow(overview, request))}
          </ul>`
    }
    <details>
      <summary>${words.open}</summary>
      ${openRequestForm(overview, null)}
    </details>`
}

function requestRow({ view: { language }, token }: Overview, { id, kind, customerId, reason, dueAt, overdue }: OpenRequest): Html {
  const words = operatorWords[language].requests
  return html`<li>
    <div>
      <h3>${words.kinds[kind]}</h3>
      <p class="small">${words.due} ${momentWord(language, dueAt)} ${overdue && html`<strong class="lost">${words.overdue}</strong>`}</p>
      <p class="soft small">${words.person} <bdi>${customerId}</bdi></p>
      ${reason !== null && html`<p class="small"><q>${reason}</q></p>`}
      <form method="post" action="/operator/requests/close">
        ${token}<input type="hidden" name="id" value="${id}" />
        <div class="field">
          <label for="answer-${id}">${words.answer}</label>
          <input id="answer-${id}" name="answer" maxlength="500" autocomplete="off" aria-describedby="hint-${id}" />
        </div>
        <p class="soft small" id="hint-${id}">${words.answerText}</p>
        <div class="pair">
          ${
            kind === 'ERASURE'
              ? html`<a class="button" href="/operator/requests/erase?id=${encodeURIComponent(id)}">${words.erases}</a>`
              : html`<button class="button" name="outcome" value="DONE">${words.done}</button>`
          }
          <button class="button" name="outcome" value="REFUSED">${words.refused}</button>
        </div>
      </form>
    </div>
  </li>`
}

/** `customerId`: of the person whom it is about, where they are known. */
export function openRequestForm({ view: { language }, token }: Pick<Overview, 'view' | 'token'>, customerId: string | null): Html {
  const words = operatorWords[language]
  const { kinds } = words.requests
  const person =
    customerId === null
      ? html`<div class="field">
          <label for="customer">${words.requests.person} (ID)</label><input id="customer" name="customerId" required autocomplete="off" />
        </div>`
      : html`<input type="hidden" name="customerId" value="${customerId}" />`
  return html`<form method="post" action="/operator/requests/open">
    ${token}${person}
    <div class="field">
      <label for="kind">${words.requests.kind}</label>
      <select id="kind" name="kind">
        <option value="ACCESS">${kinds.ACCESS}</option>
        <option value="ERASURE">${kinds.ERASURE}</option>
      </select>
    </div>
    <div class="field">
      <label for="how">${words.requests.reason}</label>
      <input id="how" name="reason" required maxlength="500" autocomplete="off" aria-describedby="how-hint" />
    </div>
    <p class="soft small" id="how-hint">${words.requests.reasonText}</p>
    <button class="button fit">${words.requests.button}</button>
  </form>`
}

const opened = z.object({ customerId: z.string(), kind: z.enum(['ACCESS', 'ERASURE']), reason: z.string() })
const closed = z.object({ id: z.string(), outcome: z.enum(['DONE', 'REFUSED']), answer: z.string(), confirm: z.enum(['yes', 'no']).default('no') })

export function requestForms(app: FastifyInstance, parts: OperatorParts): void {
  app.post('/operator/requests/open', (request, reply) =>
    operate(parts, request, reply, opened, async (input, { token }) => {
      await ask(parts, operatorQueries.openRequest, { input }, token)
      return reply.redirect('/operator?done=request#requests', 303)
    }),
  )
  app.post('/operator/requests/close', (request, reply) =>
    operate(parts, request, reply, closed, async ({ confirm, ...form }, { token }) => {
      await ask(parts, operatorQueries.closeRequest, { ...form, confirm: confirm === 'yes' }, token)
      return reply.redirect('/operator?done=request#requests', 303)
    }),
  )
}
