import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { html } from './html.ts'
import { sendPage, viewFor, type View } from './layout.ts'
import type { NotMeParts } from './parts.ts'

const path = '/account/not-me'
const token = z.object({ t: z.string().max(500) })

/**
 * Where the letter about a new device leads. Looking changes nothing; the button acts. What stands for the person is the sealed link alone,
 * which a page of somebody else cannot know, so no cookie and no token of a form is asked for.
 */
export function notMePage(app: FastifyInstance, parts: NotMeParts): void {
  app.get(path, async (request, reply) => {
    const view = viewFor(parts, request, reply)
    const { words } = view
    const t = token.safeParse(request.query).data?.t
    if (t === undefined || !(await parts.notMe.isOpen(t))) return sendPage(parts, reply, view, 410, over(view))
    const main = html`<div class="card">
      <h1>${words.notMe.title}</h1>
      <p>${words.notMe.text}</p>
      <ul class="told">
        <li>${words.notMe.ends}</li>
        <li>${words.notMe.asks}</li>
        <li>${words.notMe.keeps}</li>
      </ul>
      <form method="post" action="${path}"><input type="hidden" name="t" value="${t}" /><button class="button">${words.notMe.button}</button></form>
      <p class="soft">${words.notMe.leave}</p>
    </div>`
    return sendPage(parts, reply, view, 200, { title: words.notMe.title, main })
  })

  app.post(path, async (request, reply) => {
    const view = viewFor(parts, request, reply)
    const { words } = view
    const t = token.safeParse(request.body).data?.t
    if (t === undefined || !(await parts.notMe.act(t))) return sendPage(parts, reply, view, 410, over(view))
    const main = html`<div class="card">
      <h1>${words.notMe.doneTitle}</h1>
      <p>${words.notMe.done}</p>
      <p><a href="/account">${words.notMe.account}</a></p>
    </div>`
    return sendPage(parts, reply, view, 200, { title: words.notMe.doneTitle, main })
  })
}

const over = ({ words }: View) => ({
  title: words.notMe.overTitle,
  main: html`<div class="note warn" role="alert">
    <h1>${words.notMe.overTitle}</h1>
    <p>${words.notMe.over}</p>
    <p><a href="/account">${words.notMe.account}</a></p>
  </div>`,
})
