import { z } from 'zod'
import type { ProofKind } from '../access/decide-step-up.ts'
import type { PasskeyQuestion } from '../access/passkeys.ts'
import type { StepUpProof } from '../access/step-up.ts'
import { EntenteError } from '../errors.ts'
import { html, type Fragment, type Html } from './html.ts'
import type { View } from './layout.ts'

export interface ProofForms {
  readonly view: View
  /** Where the forms go. */
  readonly action: string
  /** Token and whatever else each form carries. */
  readonly hidden: Fragment
  readonly accepted: readonly string[]
  readonly passkey: PasskeyQuestion | null
  /** Whether a code has been sent. */
  readonly sent: boolean
}

/** One form for each proof that is accepted. The passkey's is for browsers with scripts only. */
export function proofForms({ view, action, hidden, accepted, passkey, sent }: ProofForms): Html {
  const { confirm } = view.words
  const has = (kind: ProofKind) => accepted.includes(kind)
  const form = (body: Fragment) => html`<form method="post" action="${action}">${hidden}${body}</form>`
  return html`${passkey && passkeyForm({ view, action, hidden, question: passkey, label: confirm.passkey })}
  ${has('totp') && form(codeField('totp', confirm.totp, confirm.confirm))}
  ${has('mailCode') && sent && form(codeField('mailCode', confirm.mailCode, confirm.confirm))}
  ${has('mailCode') && form(html`<button class="${sent ? 'quiet' : 'button main'}" name="kind" value="sendCode">${sent ? confirm.sendAgain : confirm.send}</button>`)}
  ${
    has('recoveryCode') &&
    html`<details>
      <summary>${confirm.otherWay}</summary>
      ${form(codeField('recoveryCode', confirm.recoveryCode, confirm.confirm))}
    </details>`
  }`
}

/** A code that somebody types, and the button beneath. */
export function codeField(kind: 'totp' | 'mailCode' | 'recoveryCode', label: string, button: string): Html {
  const digits = kind !== 'recoveryCode'
  return html`<div class="field">
      <label for="code-${kind}">${label}</label>
      <input
        id="code-${kind}"
        name="code"
        required
        maxlength="40"
        autocomplete="${digits ? 'one-time-code' : 'off'}"
        ${digits && html`inputmode="numeric"`}
        autocapitalize="off"
        spellcheck="false"
      />
    </div>
    <button class="button main" name="kind" value="${kind}">${button}</button>`
}

export interface PasskeyForm extends Pick<ProofForms, 'view' | 'action' | 'hidden'> {
  readonly question: PasskeyQuestion
  readonly label: string
  /** Whether passkeys are suggested in the page's own fields too. */
  readonly offer?: boolean
}

export function passkeyForm({ view, action, hidden, question, label, offer }: PasskeyForm): Html {
  return html`<form method="post" action="${action}" hidden data-options="${JSON.stringify(question.options)}" ${offer && html`data-offer`}>
    ${hidden}<input type="hidden" name="kind" value="passkey" /><input type="hidden" name="handle" value="${question.handle}" />
    <input type="hidden" name="response" value="" /><button class="button">${label}</button>
    <p class="small" role="status" data-failed="${view.words.confirm.passkeyFailed}"></p>
  </form>`
}

const text = z.string().max(64)
const proof = z.discriminatedUnion('kind', [
  z.object({ kind: z.enum(['totp', 'mailCode', 'recoveryCode']), code: text }),
  z.object({ kind: z.literal('passkey'), handle: text, response: z.string().max(15_000) }),
  z.object({ kind: z.literal('sendCode') }),
])

/** What such a form carries. BAD_USER_INPUT */
export function proofIn(form: Readonly<Record<string, string>>): StepUpProof | { readonly kind: 'sendCode' } {
  const read = proof.safeParse(form).data
  if (read === undefined) throw new EntenteError('BAD_USER_INPUT', { check: 'proof' })
  return read.kind === 'passkey' ? { ...read, response: jsonIn(read.response) } : read
}

function jsonIn(response: string): unknown {
  try {
    return JSON.parse(response)
  } catch (error) {
    throw new EntenteError('BAD_USER_INPUT', { check: 'passkey' }, {}, error)
  }
}
