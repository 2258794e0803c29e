import type { FastifyReply, FastifyRequest } from 'fastify'
import { catalogue, EntenteError, type ErrorCode } from '../errors.ts'
import { html, type Fragment, type Html } from './html.ts'
import { sendPage, viewFor } from './layout.ts'
import type { FrameParts } from './parts.ts'
import type { Words } from './words.ts'

/** What happened in a sentence, and the code and number that support can look up; never why. */
export function problemNote(words: Words, code: ErrorCode, reference: string, heading: 'of the page' | 'within a page' = 'of the page'): Html {
  const [title, text] = words.problem[code]
  const name = heading === 'of the page' ? html`<h1>${title}</h1>` : html`<h2>${title}</h2>`
  return html`<div class="note warn" role="alert">
    ${name}
    <p>${text}</p>
    <p class="code">${code} · ${words.problem.reference} ${reference}</p>
  </div>`
}

/** A page that only says what went wrong, with the status of the code. `further` is what can be done now. */
export function sendProblem(
  parts: FrameParts,
  request: FastifyRequest,
  reply: FastifyReply,
  problem: { readonly code: ErrorCode; readonly reference: string; readonly further?: (words: Words) => Fragment },
): FastifyReply {
  const view = { ...viewFor(parts, request, reply), here: null }
  const main = [problemNote(view.words, problem.code, problem.reference), problem.further?.(view.words) ?? null]
  return sendPage(parts, reply, view, catalogue[problem.code][0], { title: view.words.problem[problem.code][0], main })
}

/** The code that a thrown value is shown as; what is not ours or Fastify's refusal of a body is INTERNAL_SERVER_ERROR. */
export function codeOf(error: unknown): ErrorCode {
  if (error instanceof EntenteError) return error.code
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  return typeof status === 'number' && status >= 400 && status < 500 ? 'BAD_USER_INPUT' : 'INTERNAL_SERVER_ERROR'
}
