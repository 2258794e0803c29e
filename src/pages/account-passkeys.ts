import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { change } from './account-change.ts'
import { mutations, readWays } from './account-data.ts'
import { ask } from './ask.ts'
import { formToken } from './forms.ts'
import { html } from './html.ts'
import { sendPage, viewFor } from './layout.ts'
import type { AccountParts } from './parts.ts'

const begun = z.object({ startPasskey: z.object({ handle: z.string(), options: z.string() }) })
const made = z.object({ name: z.string().max(60), handle: z.string().max(64), response: z.string().max(15_000) })

/** Adding a passkey: the one step of the account centre that takes a script, since WebAuthn has no other way. */
export function passkeyPages(app: FastifyInstance, parts: AccountParts): void {
  app.get('/account/passkeys/new', async (_request, reply) => reply.redirect('/account#security', 303))

  app.post('/account/passkeys/new', (request, reply) =>
    change(parts, request, reply, z.record(z.string(), z.string()), async (_form, token) => {
      const { startPasskey } = begun.parse(await ask(parts, mutations.startPasskey, {}, token))
      return sendPasskeyPage(parts, request, reply, startPasskey)
    }),
  )

  app.post('/account/passkeys/add', (request, reply) =>
    change(parts, request, reply, made, async (input, token) => {
      await ask(parts, mutations.addPasskey, { input }, token)
      return goOnToCodes(parts, reply, token)
    }),
  )
}

/** After a first factor the codes that stand in for it; they take no second proof for ten minutes. */
export async function goOnToCodes(parts: AccountParts, reply: FastifyReply, token: string): Promise<FastifyReply> {
  const { factors } = await readWays(parts, token)
  const hasCodes = factors?.some(({ kind }) => kind === 'recoveryCodes')
  return reply.redirect(hasCodes ? '/account?done=factor#security' : '/account/recovery-codes', 303)
}

function sendPasskeyPage(
  parts: AccountParts,
  request: FastifyRequest,
  reply: FastifyReply,
  { handle, options }: { readonly handle: string; readonly options: string },
): FastifyReply {
  const view = viewFor(parts, request, reply)
  const { safety, confirm } = view.words
  const main = html`<div class="card">
      <h1>${safety.addPasskey}</h1>
      <p>${safety.passkeyText}</p>
      <form method="post" action="/account/passkeys/add" hidden data-use="make" data-options="${options}">
        ${formToken(parts, request, reply)}<input type="hidden" name="handle" value="${handle}" /><input type="hidden" name="response" value="" />
        <div class="field">
          <label for="passkey-name">${safety.passkeyName}</label>
          <input id="passkey-name" name="name" required maxlength="60" autocomplete="off" />
        </div>
        <button class="button main">${safety.passkeyMake}</button>
        <p class="small" role="status" data-failed="${confirm.passkeyFailed}"></p>
      </form>
      <p class="soft small">${safety.passkeyNone}</p>
    </div>
    <p><a class="quiet" href="/account#security">${confirm.leave}</a></p>`
  return sendPage(parts, reply, view, 200, { title: safety.addPasskey, main, passkeys: true })
}
