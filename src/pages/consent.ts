import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { PendingQuestion } from '../access/interactions.ts'
import type { Policy, Purpose } from '../config/policy.ts'
import { localeFor } from '../consent/texts.ts'
import { EntenteError } from '../errors.ts'
import { formToken, readForm } from './forms.ts'
import { html, type Html } from './html.ts'
import { onwardToClient, sendPage, viewFor, type View } from './layout.ts'
import { questionOf } from './login.ts'
import type { Answer, ConsentParts } from './parts.ts'
import { problemNote } from './problem.ts'
import { visitOf } from './visit.ts'
import { categoryWord, durationWord, type Language } from './words.ts'

const uidQuery = z.object({ uid: z.string() })
const consentForm = z.object({ uid: z.string(), locale: z.string().default('') }).catchall(z.string())

/** `/consent`: what this shop asks for now and nothing else. Nothing is ticked, both answers cost the same, an open question stays open. */
export function consentPages(app: FastifyInstance, parts: ConsentParts): void {
  app.get('/consent', async (request, reply) => {
    const uid = uidQuery.safeParse(request.query).data?.uid
    if (uid === undefined) return reply.redirect('/account', 303)
    const question = await questionOf(parts, request, reply, uid)
    if (question.prompt === 'login') return reply.redirect(`/login?uid=${encodeURIComponent(uid)}`, 303)
    visitOf(parts, request, reply).consent(question.client.id, question.way ?? '', 'asked')
    return sendConsent(parts, request, reply, question)
  })

  app.post('/consent', async (request, reply) => {
    const form = readForm(parts, request, consentForm)
    const question = await questionOf(parts, request, reply, form.uid)
    const answers = answersIn(form, question.purposes)
    try {
      if (answers.length > 0) await parts.decide(question, answers, form.locale)
    } catch (error) {
      if (error instanceof EntenteError && error.code === 'CONSENT_TEXT_OUTDATED') return sendConsent(parts, request, reply, question, error)
      throw error
    }
    const unanswered = question.purposes.filter((purpose) => !answers.some((answer) => answer.purpose === purpose))
    if (unanswered.length > 0) await parts.leaveOpen(question, unanswered)
    const answer = answers.some(({ granted }) => granted) ? 'given' : answers.length > 0 ? 'refused' : 'open'
    visitOf(parts, request, reply).consent(question.client.id, question.way ?? '', answer)
    return reply.redirect(await parts.interactions.answered(request.raw, reply.raw, question.uid), 303)
  })
}

/** Only what was asked can be answered, whatever else the form carries. */
export function answersIn(form: Readonly<Record<string, string>>, purposes: readonly string[]): Answer[] {
  return purposes.flatMap((purpose) => {
    const answer = form[`decision:${purpose}`]
    const textVersion = form[`version:${purpose}`]
    if (answer === undefined || textVersion === undefined) return []
    if (answer !== 'yes' && answer !== 'no') throw new EntenteError('BAD_USER_INPUT', { check: 'answer' })
    return [{ purpose, granted: answer === 'yes', textVersion }]
  })
}

function sendConsent(parts: ConsentParts, request: FastifyRequest, reply: FastifyReply, question: PendingQuestion, outdated?: EntenteError): FastifyReply {
  const view = viewFor(parts, request, reply, question.locale)
  const { words } = view
  const purposes = question.purposes.map(parts.policy.purpose).filter((purpose) => purpose !== undefined)
  const main = html`${outdated && problemNote(words, outdated.code, request.id, 'within a page')}
    <form class="card" method="post" action="/consent">
      ${formToken(parts, request, reply)}<input type="hidden" name="uid" value="${question.uid}" />${shownLocale(view, parts.policy)}
      <h1>${words.consent.title}</h1>
      <p class="asks">
        <strong><bdi>${question.client.name}</bdi></strong> ${words.consent.asks}
      </p>
      <p class="soft small">${words.consent.intro}</p>
      ${purposes.map((purpose) => purposeQuestion(view, parts.policy, purpose))}
      <button class="button main">${words.consent.submit}</button>
      <p class="soft small">${words.consent.later}</p>
    </form>`
  return sendPage(parts, reply, view, outdated ? outdated.status : 200, { title: words.consent.title, main, formTargets: onwardToClient(question.client) })
}

/** The language that the texts are in comes back with the form: the person may have chosen another one elsewhere meanwhile. */
export const shownLocale = ({ language }: View, policy: Policy): Html => html`<input type="hidden" name="locale" value="${localeFor(language, policy)}" />`

/** One purpose, put so that a yes takes no less than a no. */
export function purposeQuestion(view: View, policy: Policy, purpose: Purpose): Html {
  const { words, language } = view
  const { locale, title, text } = textIn(policy, purpose, language)
  const answer = (value: string, word: string) =>
    html`<label class="answer"><input type="radio" name="decision:${purpose.id}" value="${value}" /> ${word}</label>`
  return html`<fieldset>
    <legend lang="${locale}">${title}</legend>
    <input type="hidden" name="version:${purpose.id}" value="${purpose.textVersion}" />
    <p lang="${locale}">${text}</p>
    <dl>
      <div>
        <dt>${words.consent.data}</dt>
        <dd>
          <ul>
            ${dataOf(view, purpose)}
          </ul>
        </dd>
      </div>
      <div>
        <dt>${words.consent.basis}</dt>
        <dd>${words.bases[purpose.legalBasis]}</dd>
      </div>
      <div>
        <dt>${words.consent.kept}</dt>
        <dd>${durationWord(language, purpose.retention)}</dd>
      </div>
      ${
        purpose.processors.length > 0 &&
        html`<div>
          <dt>${words.consent.processors}</dt>
          <dd><bdi>${purpose.processors.join(', ')}</bdi></dd>
        </div>`
      }
    </dl>
    <div class="answers">${answer('yes', words.consent.yes)}${answer('no', words.consent.no)}</div>
  </fieldset>`
}

/** A purpose's text in the reader's language, else in the policy's own; `locale` is the one found. */
export function textIn(policy: Policy, purpose: Purpose, language: Language): { readonly locale: string; readonly title: string; readonly text: string } {
  const locale = localeFor(language, policy)
  const { title, text } = purpose.texts.get(locale) ?? { title: purpose.id, text: '' }
  return { locale, title, text }
}

/** Each covered category in plain words, with the form it is cut down to. */
export function dataOf({ words }: View, purpose: Purpose): Html[] {
  return purpose.coverage.map(({ category, form }) => {
    const limit = words.forms[form]
    return html`<li>${categoryWord(words, category)}${limit !== '' && html` <span class="soft">– ${limit}</span>`}</li>`
  })
}
