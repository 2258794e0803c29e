import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { change, look } from './account-change.ts'
import { mutations, type Account, type ExportEntry } from './account-data.ts'
import { ask } from './ask.ts'
import { exportWords } from './export-words.ts'
import { html, type Html } from './html.ts'
import type { AccountParts } from './parts.ts'
import { momentWord } from './words.ts'

/** Asking for everything that is kept, and the archives so far. */
export function exportSection({ view, data, token }: Account): Html {
  const words = exportWords[view.language]
  const made = data.person.exports ?? []
  const isRunning = made.some(({ state }) => state === 'PENDING')
  const row = ({ state, requestedAt, expiresAt, url }: ExportEntry) =>
    html`<li>
      <div>
        <strong>${words.states[state]}</strong>
        <p class="soft small">
          ${words.askedOn} ${momentWord(view.language, requestedAt)}${url && html` · ${words.until} ${momentWord(view.language, expiresAt)}`}
        </p>
      </div>
      ${url && html`<a class="button fit" href="${new URL(url).pathname}" download>${words.fetch}</a>`}
    </li>`
  return html`<p class="soft">${words.text}</p>
    ${
      made.length > 0 &&
      html`<ul class="rows">
        ${made.slice(0, 5).map(row)}
      </ul>`
    }
    ${isRunning ? null : html`<form method="post" action="/account/export">${token}<button class="button fit">${words.ask}</button></form>`}`
}

const wellFormed = z.object({ id: z.string().regex(/^[\w-]{22}$/) })

/** `/account/export/:id` gives the archive to the person who is signed in here, and to nobody else: whatever is not theirs is not there. */
export function exportPages(app: FastifyInstance, parts: AccountParts): void {
  app.post('/account/export', (request, reply) =>
    change(parts, request, reply, z.object({}), async (_form, token) => {
      await ask(parts, mutations.requestExport, {}, token)
      return reply.redirect('/account?done=export#export', 303)
    }),
  )
  app.get('/account/export/:id', { exposeHeadRoute: false }, (request, reply) => {
    reply.headers({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff' })
    return look(parts, request, reply, async (token) => {
      const asked = wellFormed.safeParse(request.params).data
      const opened = asked ? await parts.fetchExport(asked.id, token) : null
      if (opened === null) {
        reply.callNotFound()
        return reply
      }
      const day = opened.requestedAt.toISOString().slice(0, 10)
      return reply
        .headers({
          'content-type': 'application/zip',
          'content-length': opened.size,
          'content-disposition': `attachment; filename="data-${day}.zip"`,
          'content-security-policy': "default-src 'none'; sandbox",
          'cross-origin-resource-policy': 'same-origin',
        })
        .send(Readable.from(opened.bytes))
    })
  })
}
