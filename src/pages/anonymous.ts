import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { beforeLoginCookie, type BeforeLogin } from '../consent/before-login.ts'
import { EntenteError } from '../errors.ts'
import { answersIn, purposeQuestion, shownLocale } from './consent.ts'
import { formToken, readForm } from './forms.ts'
import { html } from './html.ts'
import { sendPage, viewFor } from './layout.ts'
import type { AnonymousParts } from './parts.ts'

const seconds = 30 * 86_400

const path = '/consent/anonymous'
const asked = z.object({ client: z.string().max(64) })
const form = asked.extend({ locale: z.string().max(35).default('') }).catchall(z.string())

/**
 * `/consent/anonymous?client=…`: what a shop asks for, put to somebody who is not signed in. The answers stay in this browser for thirty days
 * and are taken over at the next sign-in; until then they permit nothing, since nobody is known whom they could be about.
 */
export function anonymousPage(app: FastifyInstance, parts: AnonymousParts): void {
  const purposesOf = (id: string) => {
    const client = parts.clients().find((one) => one.id === id)
    if (client === undefined) throw new EntenteError('BAD_USER_INPUT', { check: 'client' })
    const purposes = parts.policy.purposes.filter((one) => !one.builtIn && one.legalBasis === 'CONSENT' && one.clients.has(id))
    return { client, purposes }
  }

  app.get(path, async (request, reply) => {
    const { client, purposes } = purposesOf(asked.safeParse(request.query).data?.client ?? '')
    const view = viewFor(parts, request, reply)
    const { words } = view
    const main = html`<form class="card" method="post" action="${path}">
      ${formToken(parts, request, reply)}<input type="hidden" name="client" value="${client.id}" />${shownLocale(view, parts.policy)}
      <h1>${words.consent.title}</h1>
      <p class="asks">
        <strong><bdi>${client.name}</bdi></strong> ${words.consent.asks}
      </p>
      <p class="soft small">${words.anonymous.intro}</p>
      ${purposes.map((purpose) => purposeQuestion(view, parts.policy, purpose))}
      <button class="button main">${words.anonymous.submit}</button>
    </form>`
    return sendPage(parts, reply, view, 200, { title: words.consent.title, main })
  })

  app.post(path, async (request, reply) => {
    const posted = readForm(parts, request, form)
    const { purposes } = purposesOf(posted.client)
    const decisions = answersIn(
      posted,
      purposes.map(({ id }) => id),
    )
    const at = parts.now().getTime()
    const kept: BeforeLogin = { at, locale: posted.locale, decisions }
    if (decisions.length > 0)
      reply.setCookie(beforeLoginCookie, parts.seal(JSON.stringify(kept), beforeLoginCookie), {
        path: '/',
        secure: true,
        httpOnly: true,
        sameSite: 'lax',
        maxAge: seconds,
      })
    const view = viewFor(parts, request, reply)
    const { words } = view
    return sendPage(parts, reply, view, 200, {
      title: words.anonymous.done,
      main: html`<div class="card">
        <h1>${words.anonymous.done}</h1>
        <p>${words.anonymous.intro}</p>
      </div>`,
    })
  })
}
