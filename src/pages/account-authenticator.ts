import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { EntenteError, type ErrorCode } from '../errors.ts'
import { change } from './account-change.ts'
import { mutations } from './account-data.ts'
import { ask } from './ask.ts'
import { goOnToCodes } from './account-passkeys.ts'
import { formToken } from './forms.ts'
import { html } from './html.ts'
import { sendPage, viewFor } from './layout.ts'
import type { AccountParts } from './parts.ts'
import { problemNote } from './problem.ts'
import { qrCode } from './qr-code.ts'
import { sealFor, unsealAs } from './sealed-cookies.ts'

const label = 'authenticator app'
/** As long as the API waits for the first code. */
const seconds = 600
const shown = z.object({ secret: z.string(), uri: z.string() })
type Shown = z.infer<typeof shown>

/** Setting up an authenticator app, without scripts: a picture, the key as text, and the first code of it. */
export function authenticatorPages(app: FastifyInstance, parts: AccountParts): void {
  app.get('/account/authenticator/new', async (_request, reply) => reply.redirect('/account#security', 303))

  app.post('/account/authenticator/new', (request, reply) =>
    change(parts, request, reply, z.record(z.string(), z.string()), async (_form, token) => {
      const { startTotp } = z.object({ startTotp: shown }).parse(await ask(parts, mutations.startTotp, {}, token))
      return sendAuthenticatorPage(parts, request, reply, startTotp)
    }),
  )

  app.post('/account/authenticator/confirm', (request, reply) =>
    change(parts, request, reply, z.object({ shown: z.string(), code: z.string().max(20) }), async (form, token) => {
      try {
        await ask(parts, mutations.confirmTotp, { code: form.code.replaceAll(' ', '') }, token)
      } catch (error) {
        // A wrong code is typed again under the same picture, for as long as that one counts.
        const again = unsealAs(parts, label, form.shown, shown)
        if (!(error instanceof EntenteError) || error.code !== 'BAD_USER_INPUT' || again === null) throw error
        return sendAuthenticatorPage(parts, request, reply, again, error.code)
      }
      return goOnToCodes(parts, reply, token)
    }),
  )
}

function sendAuthenticatorPage(parts: AccountParts, request: FastifyRequest, reply: FastifyReply, { secret, uri }: Shown, problem?: ErrorCode): FastifyReply {
  const view = viewFor(parts, request, reply)
  const { safety, confirm } = view.words
  const main = html`${problem && problemNote(view.words, problem, request.id, 'within a page')}
    <div class="card">
      <h1>${safety.addApp}</h1>
      <p>${safety.appScan}</p>
      ${qrCode(uri, safety.appPicture)}
      <p>${safety.appType}</p>
      <p class="secret" translate="no">${secret.match(/.{1,4}/g)?.join(' ')}</p>
      <form method="post" action="/account/authenticator/confirm">
        ${formToken(parts, request, reply)}<input type="hidden" name="shown" value="${sealFor(parts, label, { secret, uri } satisfies Shown, seconds)}" />
        <div class="field">
          <label for="app-code">${safety.appCode}</label>
          <input id="app-code" name="code" required maxlength="20" inputmode="numeric" autocomplete="one-time-code" />
        </div>
        <button class="button main">${safety.appConfirm}</button>
      </form>
    </div>
    <p><a class="quiet" href="/account#security">${confirm.leave}</a></p>`
  return sendPage(parts, reply, view, problem ? 400 : 200, { title: safety.addApp, main })
}
