import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { EntenteError } from '../errors.ts'
import { erasureKeeps } from './account-erasure.ts'
import { formToken } from './forms.ts'
import { html, type Html } from './html.ts'
import { viewFor } from './layout.ts'
import { readOpenRequests, type OpenRequest, type Overview } from './operator-data.ts'
import { asOperator, sendBeside } from './operator-session.ts'
import { operatorWords } from './operator-words.ts'
import type { OperatorParts } from './parts.ts'

const named = z.object({ id: z.string() })

/** `/operator/requests/erase`: what erasing will do, before it does; it takes a reason and a press of its own. */
export function erasePage(app: FastifyInstance, parts: OperatorParts): void {
  app.get('/operator/requests/erase', (request, reply) =>
    asOperator(parts, request, reply, async ({ token, roles }) => {
      const id = named.safeParse(request.query).data?.id
      const open = roles.has('privacy:handle') ? await readOpenRequests(parts, token) : []
      const found = open.find((one) => one.id === id && one.kind === 'ERASURE')
      if (found === undefined) throw new EntenteError('FORBIDDEN', { page: 'erase' })
      const view = viewFor(parts, request, reply)
      const { erasing } = operatorWords[view.language]
      return sendBeside(parts, reply, view, erasing.title, eraseForm({ parts, view, token: formToken(parts, request, reply) }, found))
    }),
  )
}

function eraseForm({ parts, view, token }: Pick<Overview, 'parts' | 'view' | 'token'>, { id, customerId, reason }: OpenRequest): Html {
  const { erasing, requests } = operatorWords[view.language]
  const told = [erasing.goes, erasing.signedOut, erasing.stays, ...erasureKeeps(parts, view), erasing.final]
  return html`<p class="soft small">${requests.person} <bdi>${customerId}</bdi></p>
    ${reason !== null && html`<p class="small"><q>${reason}</q></p>`}
    <ul class="told">
      ${told.map((line) => html`<li>${line}</li>`)}
    </ul>
    <form method="post" action="/operator/requests/close">
      ${token}<input type="hidden" name="id" value="${id}" /><input type="hidden" name="confirm" value="yes" />
      <div class="field">
        <label for="answer">${erasing.reason}</label>
        <input id="answer" name="answer" required minlength="10" maxlength="200" autocomplete="off" aria-describedby="answer-hint" />
      </div>
      <p class="soft small" id="answer-hint">${erasing.reasonText}</p>
      <button class="button main" name="outcome" value="DONE">${erasing.button}</button>
    </form>`
}
