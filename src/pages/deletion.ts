import type { FastifyInstance } from 'fastify'
import { html } from './html.ts'
import { sendPage, viewFor } from './layout.ts'
import type { DeletionParts } from './parts.ts'

/** `/privacy/deletion/<code>`: whether what a provider told us about somebody has been deleted. It says nothing of whom or what. */
export function deletionPage(app: FastifyInstance, parts: DeletionParts): void {
  app.get<{ Params: { code: string } }>('/privacy/deletion/:code', async (request, reply) => {
    const state = /^[\w-]{22}$/.test(request.params.code) ? await parts.deletion(request.params.code) : null
    if (state === null) return reply.callNotFound()
    const view = viewFor(parts, request, reply)
    const { title, received, done } = view.words.deletion
    const main = html`<div class="card">
      <h1>${title}</h1>
      <p role="status">${state === 'done' ? done : received}</p>
      <p><a href="/account">${view.words.accountCentre}</a></p>
    </div>`
    return sendPage(parts, reply, view, 200, { title, main })
  })
}
