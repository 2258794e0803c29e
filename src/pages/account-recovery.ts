import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { change, look } from './account-change.ts'
import { mutations, readWays } from './account-data.ts'
import { ask } from './ask.ts'
import { sendStep } from './step-page.ts'
import { html } from './html.ts'
import { sendPage, viewFor } from './layout.ts'
import type { AccountParts } from './parts.ts'

const drawn = z.object({ newRecoveryCodes: z.array(z.string()) })

/** Recovery codes: what they are for, then the codes themselves, this once and on a page that can be printed. */
export function recoveryPages(app: FastifyInstance, parts: AccountParts): void {
  app.get('/account/recovery-codes', (request, reply) =>
    look(parts, request, reply, async (token) => {
      const { factors } = await readWays(parts, token)
      const view = viewFor(parts, request, reply)
      const { safety } = view.words
      const replaces = factors?.some(({ kind }) => kind === 'recoveryCodes')
      return sendStep(parts, request, reply, view, '/account/recovery-codes/new', {
        title: safety.codes,
        told: [safety.codesUse, safety.codesShown, ...(replaces ? [safety.codesOld] : [])],
        possible: true,
        fields: {},
        button: safety.codesShow,
        section: 'security',
      })
    }),
  )

  app.get('/account/recovery-codes/new', async (_request, reply) => reply.redirect('/account/recovery-codes', 303))

  app.post('/account/recovery-codes/new', (request, reply) =>
    change(parts, request, reply, z.record(z.string(), z.string()), async (_form, token) => {
      const { newRecoveryCodes } = drawn.parse(await ask(parts, mutations.newRecoveryCodes, {}, token))
      const view = viewFor(parts, request, reply)
      const { safety } = view.words
      const main = html`<div class="card">
        <h1>${safety.codes}</h1>
        <p>${safety.codesKeep}</p>
        <ol class="codes" translate="no">
          ${newRecoveryCodes.map((code) => html`<li>${code}</li>`)}
        </ol>
        <p><a class="button main screen" href="/account?done=factor#security">${safety.codesKept}</a></p>
      </div>`
      return sendPage(parts, reply, view, 200, { title: safety.codes, main })
    }),
  )
}
