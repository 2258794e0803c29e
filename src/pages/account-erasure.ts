import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { change } from './account-change.ts'
import { mutations, type Account } from './account-data.ts'
import { ask } from './ask.ts'
import { endSession, sendToSignIn, sessionOf } from './account-session.ts'
import { erasureWords, type ErasureWords } from './erasure-words.ts'
import { html, type Html } from './html.ts'
import { sendPage, viewFor, type View } from './layout.ts'
import type { AccountParts } from './parts.ts'
import { sendStep } from './step-page.ts'
import { filled } from './words-safety.ts'
import { categoryWord, durationWord, momentWord } from './words.ts'

const erased = z.object({ eraseMe: z.object({ id: z.string(), completedAt: z.string().nullish(), dueAt: z.string(), certificate: z.string().nullish() }) })

/** The way out, or back while there is time. */
export function erasureSection({ view, data, token }: Account): Html {
  const words = erasureWords[view.language]
  const { erasure } = data.person
  if (!erasure) {
    return html`<p class="soft">${words.text}</p>
      <p><a href="/account/erase">${words.see}</a></p>`
  }
  return html`<form method="post" action="/account/erase/cancel">
    ${token}
    <p><strong>${words.waiting} ${momentWord(view.language, erasure.dueAt)}.</strong></p>
    <button class="button fit">${words.takeBack}</button>
  </form>`
}

/** `/account/erase`: what will happen, before it does; the form that does it; and what came of it. */
export function erasurePages(app: FastifyInstance, parts: AccountParts): void {
  app.get('/account/erase', async (request, reply) => {
    if (!sessionOf(parts, request)) return sendToSignIn(parts, reply)
    const view = viewFor(parts, request, reply)
    const words = erasureWords[view.language]
    const told = [...words.told, ...erasureKeeps(parts, view), whenWord(parts, view, words)]
    return sendStep(parts, request, reply, view, '/account/erase', {
      title: words.title,
      told,
      possible: true,
      fields: {},
      button: words.button,
      section: 'erasure',
    })
  })
  app.post('/account/erase', (request, reply) =>
    change(parts, request, reply, z.object({}), async (_form, token) => {
      const { eraseMe } = erased.parse(await ask(parts, mutations.eraseMe, {}, token))
      if (Date.parse(eraseMe.dueAt) > parts.now().getTime()) return reply.redirect('/account?done=erasure#erasure', 303)
      // Shown here and now: nobody who is erased can come back for it with a token.
      endSession(reply)
      const view = viewFor(parts, request, reply)
      return sendPage(parts, reply, view, 200, { title: erasureWords[view.language].done, main: proof(erasureWords[view.language], eraseMe) })
    }),
  )
  app.post('/account/erase/cancel', (request, reply) =>
    change(parts, request, reply, z.object({}), async (_form, token) => {
      await ask(parts, mutations.cancelErasure, {}, token)
      return reply.redirect('/account?done=erasure#erasure', 303)
    }),
  )
}

function proof(words: ErasureWords, { id, certificate }: z.infer<typeof erased>['eraseMe']): Html {
  return html`<div class="card">
    <h1>${words.done}</h1>
    <p role="status">${certificate ? words.doneText : words.going}</p>
    <p>${words.receipt}: <code>${id}</code></p>
    ${
      certificate &&
      html`<details>
        <summary>${words.certificate}</summary>
        <p class="small"><code>${certificate}</code></p>
      </details>`
    }
  </div>`
}

const whenWord = ({ policy }: AccountParts, { language }: View, words: ErasureWords): string =>
  policy.erasure.grace === 'P0D' ? words.atOnce : filled(words.later, { time: durationWord(language, policy.erasure.grace) })

/** What duties keep, by name: told before, as the receipt tells it after. */
export function erasureKeeps({ policy }: Pick<AccountParts, 'policy'>, { language, words: all }: View): string[] {
  const words = erasureWords[language]
  return policy.purposes.flatMap(({ id, keptAfterErasure, texts, coverage }) => {
    if (keptAfterErasure === null) return []
    const whole = coverage.filter(({ form }) => form === 'FULL').map(({ category }) => categoryWord(all, category))
    const purpose = texts.get(language)?.title ?? texts.get(policy.defaultLocale)?.title ?? id
    return [filled(words.kept, { purpose, time: durationWord(language, keptAfterErasure), data: new Intl.ListFormat(language).format(whole) })]
  })
}
