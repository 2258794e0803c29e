import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { ask } from './ask.ts'
import { formToken } from './forms.ts'
import { html, type Html } from './html.ts'
import { viewFor } from './layout.ts'
import { operatorQueries, type Overview } from './operator-data.ts'
import { openRequestForm } from './operator-requests.ts'
import { operate, sendBeside } from './operator-session.ts'
import { operatorWords, type OperatorWords } from './operator-words.ts'
import type { OperatorParts } from './parts.ts'
import { momentWord, type Language } from './words.ts'

const person = z.object({
  id: z.string(),
  since: z.string(),
  email: z.string().nullable(),
  givenName: z.string().nullable(),
  familyName: z.string().nullable(),
  locale: z.string().nullable(),
  restricted: z.boolean(),
  providers: z.array(z.string()),
})

/** Without a reason nothing is shown: the form takes both. */
export function lookUpSection({ view: { language }, token }: Overview): Html {
  const words = operatorWords[language].lookUp
  return html`<p class="soft">${words.text}</p>
    <form method="post" action="/operator/look-up">
      ${token}
      <div class="field"><label for="email">${words.email}</label><input id="email" name="email" type="email" autocomplete="off" /></div>
      <div class="field"><label for="person">${words.id}</label><input id="person" name="customerId" autocomplete="off" aria-describedby="either" /></div>
      <p class="soft small" id="either">${words.either}</p>
      <div class="field">
        <label for="reason">${words.reason}</label>
        <input id="reason" name="reason" required minlength="10" maxlength="200" autocomplete="off" />
      </div>
      <button class="button fit">${words.button}</button>
    </form>`
}

const form = z.object({ email: z.string(), customerId: z.string(), reason: z.string() })
const given = (text: string): string | null => text.trim() || null

/** Answers the form itself, so that what it shows has no address and stays in no history. */
export function lookUpPage(app: FastifyInstance, parts: OperatorParts): void {
  app.post('/operator/look-up', (request, reply) =>
    operate(parts, request, reply, form, async ({ email, customerId, reason }, at) => {
      const input = { email: given(email), customerId: given(customerId), reason }
      const data = await ask(parts, operatorQueries.lookUp, { input }, at.token)
      const { lookUpCustomer: found } = z.object({ lookUpCustomer: person.nullable() }).parse(data)
      const view = { ...viewFor(parts, request, reply), here: null }
      const words = operatorWords[view.language]
      const token = formToken(parts, request, reply)
      const body =
        found === null ? html`<p role="status">${words.lookUp.nobody}</p>` : shown(words, view.language, found, openRequestForm({ view, token }, found.id))
      return sendBeside(parts, reply, view, words.lookUp.title, body)
    }),
  )
}

function shown({ lookUp, requests }: OperatorWords, language: Language, found: z.infer<typeof person>, request: Html): Html {
  const facts = [
    [lookUp.name, [found.givenName, found.familyName].filter((part) => part !== null).join(' ')],
    [lookUp.email, found.email],
    [lookUp.language, found.locale],
    [lookUp.since, momentWord(language, found.since)],
    [lookUp.logins, found.providers.join(', ')],
    [lookUp.restricted, found.restricted ? lookUp.yes : lookUp.no],
    ['ID', found.id],
  ] as const
  const fact = ([name, value]: (typeof facts)[number]) =>
    html`<div>
      <dt>${name}</dt>
      <dd><bdi>${value || '–'}</bdi></dd>
    </div>`
  return html`<h2>${lookUp.found}</h2>
    <dl>${facts.map(fact)}</dl>
    <details>
      <summary>${requests.open}</summary>
      ${request}
    </details>`
}
