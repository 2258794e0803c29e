import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { PendingQuestion } from '../access/interactions.ts'
import type { PasskeyQuestion } from '../access/passkeys.ts'
import { catalogue, EntenteError, type ErrorCode } from '../errors.ts'
import { historyOf, inOrderOfUse, inVariant, rememberChoice } from './device.ts'
import { formToken, readForm } from './forms.ts'
import { html, type Html } from './html.ts'
import { providerIcon } from './icons.ts'
import { onwardToClient, sendPage, viewFor, type View } from './layout.ts'
import type { LoginParts, Way } from './parts.ts'
import { problemNote, sendProblem } from './problem.ts'
import { passkeyForm } from './proofs.ts'
import { visitOf } from './visit.ts'

const uidForm = z.object({ uid: z.string() })
const allWays = z.object({ ways: z.literal('all') })
const uidOf = (request: FastifyRequest) => uidForm.safeParse(request.query).data?.uid
/** Whoever wants another way than the one that the shop has named. */
const choosing = (request: FastifyRequest) => allWays.safeParse(request.query).success
const startLink = z.object({ uid: z.string(), provider: z.string() })

/** `/login`: who asks, and the ways in. Opened by the OpenID provider for a waiting interaction; anybody else goes to the account centre. */
export function loginPages(app: FastifyInstance, parts: LoginParts): void {
  app.get('/login', async (request, reply) => {
    const uid = uidOf(request)
    if (uid === undefined) return reply.redirect('/account', 303)
    const question = await questionOf(parts, request, reply, uid)
    if (question.prompt === 'consent') return reply.redirect(`/consent?uid=${encodeURIComponent(uid)}`, 303)
    if (question.provider === null || choosing(request)) return sendLogin(parts, request, reply, question)
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
    visitOf(parts, request, reply).cancelled()
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
  const visit = visitOf(parts, request, reply)
  if (parts.providers.some(({ id }) => id === provider)) visit.wayChosen(question.client.id, provider)
  try {
    const url = await parts.beginLogin({ question, provider, language }, request, reply)
    visit.came('atProvider')
    rememberChoice(parts, request, reply, provider)
    return reply.redirect(url, 303)
  } catch (error) {
    if (!(error instanceof EntenteError) || (error.code !== 'PROVIDER_UNAVAILABLE' && error.code !== 'PROVIDER_UNKNOWN')) throw error
    if (error.code === 'PROVIDER_UNAVAILABLE') visit.failed(error.code)
    return sendLoginProblem(parts, request, reply, { code: error.code, reference: request.id, question })
  }
}

export interface LoginProblem {
  readonly code: ErrorCode
  /** Found again in the log. */
  readonly reference: string
  /** What still waits in this browser: then the page offers the other ways in. */
  readonly question?: PendingQuestion | null
  /** LINK_REQUIRED: how that customer can sign in (ids of providers, `passkey`, `mail`), where that may be told. */
  readonly ways?: readonly string[]
}

/** The page after a login that did not succeed. A cancelled one is not an error (200); others have the status of their code. */
export async function sendLoginProblem(parts: LoginParts, request: FastifyRequest, reply: FastifyReply, problem: LoginProblem): Promise<FastifyReply> {
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

async function sendLogin(
  parts: LoginParts,
  request: FastifyRequest,
  reply: FastifyReply,
  question: PendingQuestion,
  problem?: LoginProblem,
): Promise<FastifyReply> {
  const view = viewFor(parts, request, reply, question.locale)
  const known = problem?.ways ?? []
  const { ways, usedFirst } = waysFor(parts, request, reply, question, problem)
  const hidden = html`${formToken(parts, request, reply)}<input type="hidden" name="uid" value="${question.uid}" />`
  const { words } = view
  const offered = (way: string) => known.length === 0 || known.includes(way)
  const passkey = offered('passkey') ? await passkeyAsked(parts, request, reply) : null
  const main = html`${problem ? problemNote(words, problem.code, problem.reference) : null}
    <div class="card">
      ${problem ? html`<h2>${known.length > 0 ? words.problem.knownWays : words.problem.otherWays}</h2>` : html`<h1>${words.login.title}</h1>`}
      <p class="asks">
        ${words.login.asks} <strong><bdi>${question.client.name}</bdi></strong>
      </p>
      ${await joiningNote(parts, request, view, question)}
      <ul class="ways" aria-label="${words.login.ways}">
        ${ways.map((way) => wayLink(view, way, question.uid, way.id === usedFirst && !problem))}
      </ul>
      ${!problem && ways.length < parts.providers.length && html`<p><a href="/login?ways=all&amp;uid=${encodeURIComponent(question.uid)}">${words.problem.otherWays}</a></p>`}
      ${ownWays(view, hidden, { mail: parts.ownWays.mail && offered('mail'), passkey })}
      ${problem ? null : html`<p class="soft small">${words.login.promise}</p>`}
    </div>
    <form method="post" action="/login/back">${hidden}<button class="quiet">${words.login.back}</button></form>`
  const status = problem === undefined || problem.code === 'LOGIN_DENIED' ? 200 : catalogue[problem.code][0]
  const here = problem ? null : view.here
  return sendPage(parts, reply, { ...view, here }, status, {
    title: problem ? words.problem[problem.code][0] : words.login.title,
    main,
    formTargets: onwardToClient(question.client),
    passkeys: passkey !== null,
  })
}

/** In this browser's form of the page where nothing has gone wrong yet; else all, or those that are known to lead there. */
function waysFor(parts: LoginParts, request: FastifyRequest, reply: FastifyReply, question: PendingQuestion, problem: LoginProblem | undefined) {
  const used = historyOf(parts, request)
  const usedFirst = used[0]?.[0]
  const known = problem?.ways ?? []
  if (known.length > 0) return { usedFirst, ways: inOrderOfUse(parts.providers, used).filter(({ id }) => known.includes(id)) }
  if (problem || choosing(request)) return { usedFirst, ways: inOrderOfUse(parts.providers, used) }
  const visit = visitOf(parts, request, reply)
  visit.pageShown(question.client.id)
  return { usedFirst, ways: inOrderOfUse(inVariant(parts.providers, visit.variant, used), used) }
}

/** Without Redis there is no challenge, and the other ways stay. */
async function passkeyAsked(parts: LoginParts, request: FastifyRequest, reply: FastifyReply): Promise<PasskeyQuestion | null> {
  try {
    return await parts.ownWays.passkeyQuestion(request, reply)
  } catch (error) {
    request.log.warn({ error: error instanceof Error ? error.name : typeof error }, 'no passkeys')
    return null
  }
}

function ownWays(view: View, hidden: Html, { mail, passkey }: { readonly mail: boolean; readonly passkey: PasskeyQuestion | null }): Html {
  const { login } = view.words
  const byMail = html`<form method="post" action="/login/mail">
    ${hidden}
    <div class="field">
      <label for="address">${login.address}</label>
      <input id="address" name="address" type="email" required maxlength="254" autocomplete="username webauthn" />
    </div>
    <button class="button">${login.sendCode}</button>
  </form>`
  return html`<section class="own-ways" aria-label="${login.or}">
    ${mail && byMail} ${passkey && passkeyForm({ view, action: '/login/passkey', hidden, question: passkey, label: login.passkey, offer: mail })}
  </section>`
}

/** What will happen to a login that waits here to be linked, before it happens. */
export async function joiningNote(parts: LoginParts, request: FastifyRequest, { words }: View, question: PendingQuestion): Promise<Html | null> {
  const waiting = await parts.ownWays.waitingFor(question, request)
  if (waiting === null) return null
  const name = parts.providers.find(({ id }) => id === waiting)?.name ?? waiting
  return html`<p class="note">${words.login.joining.replace('{provider}', () => name)}</p>`
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
