import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import { EntenteError } from '../errors.ts'
import { html } from './html.ts'
import { sendPage, viewFor } from './layout.ts'
import type { FrameParts } from './parts.ts'
import { sealFor, unsealAs } from './sealed-cookies.ts'

const label = 'onward'

/** Answers a form that ends at a provider, whose addresses no content security policy of ours lists: 303 to a page of ours that leads on. */
export function sendOnward(parts: FrameParts, reply: FastifyReply, url: string): FastifyReply {
  return reply.header('cache-control', 'no-store').redirect(`/onward?to=${sealFor(parts, label, url, 60)}`, 303)
}

/** The page that `sendOnward` leads to. The address is sealed by us and short-lived, so that nobody can send people elsewhere through it. */
export function onwardPage(app: FastifyInstance, parts: FrameParts): void {
  app.get<{ Querystring: { to?: unknown } }>('/onward', async (request, reply) => {
    const url = unsealAs(parts, label, z.string().safeParse(request.query.to).data, z.string())
    if (url === null) throw new EntenteError('LOGIN_EXPIRED', { page: 'onward' })
    const view = viewFor(parts, request, reply)
    const words = view.words.login
    const main = html`<div class="card">
      <h1>${words.onward}</h1>
      <p>${words.onwardText}</p>
      <p><a href="${url}">${words.onwardLink}</a></p>
    </div>`
    return sendPage(parts, reply.headers({ refresh: `0; url=${url}` }), view, 200, { title: words.onward, main })
  })
}
