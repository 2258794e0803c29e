import type { FastifyReply, FastifyRequest } from 'fastify'
import { formToken } from './forms.ts'
import { html, type Fragment } from './html.ts'
import { sendPage, type View } from './layout.ts'
import type { AccountParts } from './parts.ts'

/** What is about to happen, told before it does. */
export interface Step {
  readonly title: string
  readonly told: readonly Fragment[]
  /** Whether it can be done; `told` says why not. */
  readonly possible: boolean
  /** What the form carries. */
  readonly fields: Readonly<Record<string, string>>
  readonly button: string
  /** The section of the account centre to go back to. */
  readonly section: string
}

/**
 * A page before a step that one press cannot take back: it says what the step does, does nothing itself, and can be left. `action` is where
 * its form goes.
 */
export function sendStep(parts: AccountParts, request: FastifyRequest, reply: FastifyReply, view: View, action: string, step: Step): FastifyReply {
  const fields = Object.entries(step.fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)
  const main = html`<div class="card">
      <h1>${step.title}</h1>
      <ul class="told">
        ${step.told.map((line) => html`<li>${line}</li>`)}
      </ul>
      ${
        step.possible &&
        html`<form method="post" action="${action}">
          ${formToken(parts, request, reply)}${fields}
          <button class="button main">${step.button}</button>
        </form>`
      }
    </div>
    <p><a class="quiet" href="/account#${step.section}">${view.words.confirm.leave}</a></p>`
  return sendPage(parts, reply, view, 200, { title: step.title, main })
}
