import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { ask } from './ask.ts'
import { html, type Html } from './html.ts'
import { operatorQueries, type OpenAlert, type Overview } from './operator-data.ts'
import { operate } from './operator-session.ts'
import { operatorWords, type OperatorWords } from './operator-words.ts'
import type { OperatorParts } from './parts.ts'
import { momentWord } from './words.ts'
import { filled } from './words-safety.ts'

/** What is open now, each with the form that answers it. */
export function alertSection({ parts, view: { language }, token, alerts }: Overview): Html {
  const words = operatorWords[language]
  const asOf = filled(words.alerts.asOf, { time: momentWord(language, parts.now().toISOString()) })
  const row = ({ id, rule, subject, times, firstAt, lastAt }: OpenAlert) =>
    html`<li>
      <div>
        <h3>${ruleWord(words, rule)}</h3>
        <p class="small"><bdi>${subject}</bdi></p>
        <p class="soft small">${filled(words.alerts.times, { times: String(times), from: momentWord(language, firstAt), to: momentWord(language, lastAt) })}</p>
        <form method="post" action="/operator/alerts/acknowledge">
          ${token}<input type="hidden" name="id" value="${id}" />
          <div class="field">
            <label for="note-${id}">${words.alerts.note}</label>
            <input id="note-${id}" name="note" required maxlength="500" autocomplete="off" />
          </div>
          <button class="button fit">${words.alerts.button}</button>
        </form>
      </div>
    </li>`
  return html`<p class="soft">${asOf} <a href="/operator">${words.again}</a></p>
    ${
      alerts.length === 0
        ? html`<p>${words.alerts.none}</p>`
        : html`<ul class="rows">
            ${alerts.map(row)}
          </ul>`
    }`
}

const ruleWord = ({ rules }: OperatorWords, rule: string): string => Object.entries(rules).find(([name]) => name === rule)?.[1] ?? rule

const answer = z.object({ id: z.string(), note: z.string() })

export function alertForms(app: FastifyInstance, parts: OperatorParts): void {
  app.post('/operator/alerts/acknowledge', (request, reply) =>
    operate(parts, request, reply, answer, async (form, { token }) => {
      await ask(parts, operatorQueries.acknowledge, form, token)
      return reply.redirect('/operator?done=alert#alerts', 303)
    }),
  )
}
