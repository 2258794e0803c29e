import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { PendingQuestion } from '../access/interactions.ts'
import { catalogue, EntenteError, type ErrorCode } from '../errors.ts'
import { historyOf, inOrderOfUse, rememberChoice } from './device.ts'
import { formToken, readForm } from './forms.ts'
import { html, type Html } from './html.ts'
import { providerIcon } from './icons.ts'
import { onwardToClient, sendPage, viewFor, type View } from './layout.ts'
import type { LoginParts, Way } from './parts.ts'
import { problemNote, sendProblem } from './problem.ts'

const uidOf = (request: FastifyRequest) => z.object({ uid: z.string() }).safeParse(request.query).data?.uid
const uidForm = z.object({ uid: z.string() })
const startLink = z.object({ uid: z.string(), provider: z.string() })

/** `/login`: who asks, and the ways in. Opened by the OpenID provider for a waiting interaction; anybody else goes to the account centre. */
export function loginPages(app: FastifyInstance, parts: LoginParts): void {
  app.get('/login', async (request, reply) => {
    const uid = uidOf(request)
    if (uid === undefined) return reply.redirect('/account', 303)
    const question = await questionOf(parts, request, reply, uid)
    if (question.prompt === 'consent') return reply.redirect(`/consent?uid=${encodeURIComponent(uid)}`, 303)
    if (question.provider === null) return sendLogin(parts, request, reply, question)
    return begin(parts, request, reply, question, question.provider)
  })

  // A link and no form: it only leads on, and Chromium would hold the page's form-action against the provider's address.
  app.get('/login/start', async (request, reply) => {
    const link = startLink.safeParse(request.query)
    if (!link.success) throw new EntenteError('BAD_USER_INPUT', { page: '/login/start' })
    return begin(parts, request, reply, await questionOf(parts, request, reply, link.data.uid), link.data.provider)
  })

  app.post('/login/back', async (request, reply) => {
    const { uid } = await questionOf(parts, request, reply, readForm(parts, request, uidForm).uid)
    return reply.redirect(await parts.interactions.aborted(request.raw, reply.raw, uid, 'access_denied', 'The customer went back.'), 303)
  })
}

/** The interaction that waits in this browser under this very uid. LOGIN_EXPIRED */
export async function questionOf(parts: Pick<LoginParts, 'interactions'>, request: FastifyRequest, reply: FastifyReply, uid: string): Promise<PendingQuestion> {
  const question = await parts.interactions.read(request.raw, reply.raw, uid)
  if (question?.uid !== uid) throw new EntenteError('LOGIN_EXPIRED', { page: request.routeOptions.url })
  return question
}

async function begin(parts: LoginParts, request: FastifyRequest, reply: FastifyReply, question: PendingQuestion, provider: string): Promise<FastifyReply> {
  const { language } = viewFor(parts, request, reply, question.locale)
  try {
    const url = await parts.beginLogin({ question, provider, language }, request, reply)
    rememberChoice(parts, request, reply, provider)
    return reply.redirect(url, 303)
  } catch (error) {
    if (!(error instanceof EntenteError) || (error.code !== 'PROVIDER_UNAVAILABLE' && error.code !== 'PROVIDER_UNKNOWN')) throw error
    return sendLoginProblem(parts, request, reply, { code: error.code, reference: request.id, question })
  }
}

export interface LoginProblem {
  readonly code: ErrorCode
  /** Found again in the log. */
  readonly reference: string
  /** What still waits in this browser: then the page offers the other ways in. */
  readonly question?: PendingQuestion | null
  /** LINK_REQUIRED: ids of the providers that the customer signed in with before, where that may be told. */
  readonly ways?: readonly string[]
}

/** The page after a login that did not succeed. A cancelled one is not an error (200); others have the status of their code. */
export function sendLoginProblem(parts: LoginParts, request: FastifyRequest, reply: FastifyReply, problem: LoginProblem): FastifyReply {
  const { code, reference, question } = problem
  if (!question) {
    return sendProblem(parts, request, reply, {
      code,
      reference,
      further: ({ problem: { again }, accountCentre }) =>
        html`<p>${again}</p>
          <p><a href="/account">${accountCentre}</a></p>`,
    })
  }
  return sendLogin(parts, request, reply, question, problem)
}

function sendLogin(parts: LoginParts, request: FastifyRequest, reply: FastifyReply, question: PendingQuestion, problem?: LoginProblem): FastifyReply {
  const view = viewFor(parts, request, reply, question.locale)
  const used = historyOf(parts, request)
  const known = problem?.ways ?? []
  const ways = inOrderOfUse(parts.providers, used).filter(({ id }) => known.length === 0 || known.includes(id))
  const token = formToken(parts, request, reply)
  const { words } = view
  const main = html`${problem ? problemNote(words, problem.code, problem.reference) : null}
    <div class="card">
      ${problem ? html`<h2>${known.length > 0 ? words.problem.knownWays : words.problem.otherWays}</h2>` : html`<h1>${words.login.title}</h1>`}
      <p class="asks">
        ${words.login.asks} <strong><bdi>${question.client.name}</bdi></strong>
      </p>
      <ul class="ways" aria-label="${words.login.ways}">
        ${ways.map((way) => wayLink(view, way, question.uid, way.id === used[0]?.[0] && !problem))}
      </ul>
      ${problem ? null : html`<p class="soft small">${words.login.promise}</p>`}
    </div>
    <form method="post" action="/login/back">
      ${token}<input type="hidden" name="uid" value="${question.uid}" /><button class="quiet">${words.login.back}</button>
    </form>`
  const status = problem === undefined || problem.code === 'LOGIN_DENIED' ? 200 : catalogue[problem.code][0]
  const here = problem ? null : view.here
  return sendPage(parts, reply, { ...view, here }, status, {
    title: problem ? words.problem[problem.code][0] : words.login.title,
    main,
    formTargets: onwardToClient(question.client),
  })
}

function wayLink({ words }: View, way: Way, uid: string, usedBefore: boolean): Html {
  const open = way.available()
  const remark = open ? usedBefore && words.login.usedBefore : words.login.unavailable
  const label = html`${providerIcon(way.id)}<span>${words.login.with} ${way.name}${remark && html`<small>${remark}</small>`}</span>`
  const href = `/login/start?${new URLSearchParams({ uid, provider: way.id }).toString()}`
  return html`<li>
    ${open ? html`<a class="button ${usedBefore ? 'first' : ''}" href="${href}">${label}</a>` : html`<a class="button" role="link" aria-disabled="true">${label}</a>`}
  </li>`
}
