import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { auditTypes } from '../audit/event.ts'
import { EntenteError } from '../errors.ts'
import { ask } from './ask.ts'
import { html, type Html } from './html.ts'
import { viewFor } from './layout.ts'
import { operatorQueries, type Overview } from './operator-data.ts'
import { dayField, dayIn, periodOf } from './operator-periods.ts'
import { asOperator, sendBeside } from './operator-session.ts'
import { operatorWords, type OperatorWords } from './operator-words.ts'
import type { OperatorParts } from './parts.ts'
import { tableOf } from './plots.ts'
import { momentWord, type Language } from './words.ts'

const event = z.object({
  at: z.string(),
  type: z.string(),
  clientId: z.string().nullable(),
  actor: z.string(),
  subjects: z.array(z.string()),
  purposes: z.array(z.string()),
  categories: z.array(z.string()),
})
const found = z.object({
  auditEvents: z.object({
    edges: z.array(z.object({ node: event })),
    pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
  }),
})
const query = z.object({
  type: z.string().default(''),
  client: z.string().max(200).default(''),
  from: dayIn.default(''),
  to: dayIn.default(''),
  after: z.string().max(2000).default(''),
})
type Search = z.infer<typeof query>

/** What to search for. Nothing of the log is read before that, since reading it is in the log. */
export const logSection = ({ view: { language } }: Overview): Html =>
  html`<p class="soft">${operatorWords[language].log.text}</p>
    ${searchForm(language, query.parse({}))}`

function searchForm(language: Language, { type, client, from, to }: Search): Html {
  const words = operatorWords[language].log
  const option = (name: string) => html`<option value="${name}" ${name === type && html`selected`}>${name}</option>`
  return html`<form method="get" action="/operator/log">
    <div class="fields">
      <div class="field">
        <label for="type">${words.type}</label>
        <select id="type" name="type">
          <option value="">${words.all}</option>
          ${auditTypes.map(option)}
        </select>
      </div>
      <div class="field"><label for="client">${words.client}</label><input id="client" name="client" value="${client}" autocomplete="off" /></div>
      ${dayField('log-from', 'from', words.from, from)} ${dayField('log-to', 'to', words.to, to)}
    </div>
    <button class="button fit">${words.button}</button>
  </form>`
}

/** `/operator/log`: what was found, fifty events a page, newest first. */
export function logPage(app: FastifyInstance, parts: OperatorParts): void {
  app.get('/operator/log', (request, reply) =>
    asOperator(parts, request, reply, async ({ token }) => {
      const asked = query.safeParse(request.query).data
      if (asked === undefined) throw new EntenteError('BAD_USER_INPUT', { page: 'log' })
      const filter = { types: asked.type === '' ? null : [asked.type], clientId: asked.client || null, ...periodOf(asked) }
      const { auditEvents } = found.parse(await ask(parts, operatorQueries.log, { filter, after: asked.after || null }, token))
      const view = viewFor(parts, request, reply)
      const words = operatorWords[view.language]
      const rows = auditEvents.edges.map(({ node }) => rowOf(view.language, node))
      const { hasNextPage, endCursor } = auditEvents.pageInfo
      const older = hasNextPage && endCursor !== null ? new URLSearchParams({ ...asked, after: endCursor }) : null
      const body = html`${searchForm(view.language, asked)}
      ${rows.length > 0 ? tableOf(words.log.title, headsOf(words), rows) : html`<p role="status">${words.log.none}</p>`}
      ${older && html`<p><a href="/operator/log?${older.toString()}">${words.log.older}</a></p>`}`
      return sendBeside(parts, reply, view, words.log.title, body)
    }),
  )
}

const headsOf = ({ log }: OperatorWords): string[] => [log.when, log.what, log.who, log.subjects, log.purposes, log.categories]

function rowOf(language: Language, { at, type, clientId, actor, subjects, purposes, categories }: z.infer<typeof event>): string[] {
  const who = [actor.toLowerCase(), clientId].filter((part) => part !== null).join(' · ')
  return [momentWord(language, at), type, who, subjects.join(', '), purposes.join(', '), categories.join(', ')]
}
