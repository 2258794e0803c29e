import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { textIn } from './consent.ts'
import { html } from './html.ts'
import { sendPage, viewFor, type View } from './layout.ts'
import type { ConfirmConsentParts } from './parts.ts'

const path = '/consent/confirm'
const token = z.object({ t: z.string().max(2000) })

/**
 * Where the letter that asks for confirmation leads. Looking changes nothing; the button confirms. What stands for the person is the sealed
 * link alone, which a page of somebody else cannot know, so no cookie and no token of a form is asked for.
 */
export function confirmConsentPage(app: FastifyInstance, parts: ConfirmConsentParts): void {
  app.get(path, async (request, reply) => {
    const view = viewFor(parts, request, reply)
    const { words, language } = view
    const t = token.safeParse(request.query).data?.t
    const purpose = t === undefined ? null : await parts.confirmations.asked(t)
    if (t === undefined || purpose === null) return sendPage(parts, reply, view, 410, over(view))
    const { locale, title, text } = textIn(parts.policy, purpose, language)
    const main = html`<div class="card">
      <h1>${words.confirmConsent.title}</h1>
      <h2 lang="${locale}">${title}</h2>
      <p lang="${locale}">${text}</p>
      <form method="post" action="${path}">
        <input type="hidden" name="t" value="${t}" /><button class="button main">${words.confirmConsent.button}</button>
      </form>
      <p class="soft">${words.confirmConsent.leave}</p>
    </div>`
    return sendPage(parts, reply, view, 200, { title: words.confirmConsent.title, main })
  })

  app.post(path, async (request, reply) => {
    const view = viewFor(parts, request, reply)
    const { words } = view
    const t = token.safeParse(request.body).data?.t
    if (t === undefined || !(await parts.confirmations.confirm(t))) return sendPage(parts, reply, view, 410, over(view))
    const main = html`<div class="card">
      <h1>${words.confirmConsent.done}</h1>
      <p>${words.consent.later}</p>
      <p><a href="/account">${words.accountCentre}</a></p>
    </div>`
    return sendPage(parts, reply, view, 200, { title: words.confirmConsent.done, main })
  })
}

const over = ({ words }: View) => ({
  title: words.notMe.overTitle,
  main: html`<div class="note warn" role="alert">
    <h1>${words.notMe.overTitle}</h1>
    <p>${words.confirmConsent.over}</p>
    <p><a href="/account">${words.accountCentre}</a></p>
  </div>`,
})
