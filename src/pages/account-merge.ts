import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Account } from './account-data.ts'
import { sendToSignIn, sessionOf } from './account-session.ts'
import { formToken } from './forms.ts'
import { html, type Html } from './html.ts'
import { sendPage, viewFor } from './layout.ts'
import type { AccountParts } from './parts.ts'
import { momentWord } from './words.ts'

const query = z.object({ proof: z.string().min(1).max(200) })

/** `/account/merge`: what will happen, before it happens. Nothing about the other account is shown: only its login was. */
export function mergePage(app: FastifyInstance, parts: AccountParts): void {
  app.get('/account/merge', async (request, reply) => {
    reply.headers({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
    const asked = query.safeParse(request.query).data
    if (!sessionOf(parts, request)) return sendToSignIn(parts, reply)
    if (!asked) return reply.redirect('/account?problem=IDENTITY_TAKEN', 303)
    const view = viewFor(parts, request, reply)
    const { account } = view.words
    const told = [account.mergeWays, account.mergeDecisions, account.mergeProfile, account.mergeSessions, account.mergeUndo, account.mergeFactor]
    const main = html`<div class="card">
      <h1>${account.mergeTitle}</h1>
      <p>${account.mergeText}</p>
      <ul class="told">
        ${told.map((line) => html`<li>${line}</li>`)}
      </ul>
      <form method="post" action="/account/merge">
        ${formToken(parts, request, reply)}<input type="hidden" name="proof" value="${asked.proof}" />
        <button class="button main fit">${account.mergeDo}</button>
      </form>
      <p><a href="/account#logins">${account.mergeLeave}</a></p>
    </div>`
    return sendPage(parts, reply, view, 200, { title: account.mergeTitle, main })
  })
}

/** The way back from the last merge, while there is one. */
export function mergeUndone({ view, data }: Pick<Account, 'view' | 'data'>): Html | null {
  const last = data.person.merges?.at(-1)
  if (!last) return null
  const { account } = view.words
  return html`<div class="kind">
    <p>${account.mergedOn} ${momentWord(view.language, last.mergedAt)}.</p>
    <p><a class="button fit" href="/account/merge/undo?id=${encodeURIComponent(last.id)}">${account.takeApart}</a></p>
  </div>`
}
