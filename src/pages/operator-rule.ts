import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { EntenteError } from '../errors.ts'
import { ask } from './ask.ts'
import { formToken } from './forms.ts'
import { html, type Html } from './html.ts'
import { viewFor, type View } from './layout.ts'
import { operatorQueries, type Overview } from './operator-data.ts'
import { operate, sendBeside } from './operator-session.ts'
import { operatorWords } from './operator-words.ts'
import type { OperatorParts } from './parts.ts'
import { filled } from './words-safety.ts'

const trial = z.object({ people: z.number().nullable(), among: z.number(), complete: z.boolean() })

const form = z.object({ rule: z.string(), purpose: z.string() })
type Asked = z.infer<typeof form>

const example = '{ "trait": { "name": "ordersLastYear", "op": "gte", "value": 3 } }'

export const ruleSection = ({ parts, view, token }: Overview): Html =>
  html`<p class="soft">${filled(operatorWords[view.language].rule.text, { k: String(parts.policy.k) })}</p>
    ${ruleForm(parts, view, token, { rule: example, purpose: '' })}`

/** Only purposes that stand on consent: for others everybody would have to be looked at. */
function ruleForm({ policy }: OperatorParts, { language }: View, token: Html, { rule, purpose }: Asked): Html {
  const words = operatorWords[language].rule
  const purposes = policy.purposes.filter(({ builtIn, legalBasis }) => !builtIn && legalBasis === 'CONSENT')
  return html`<form method="post" action="/operator/rule">
    ${token}
    <div class="field">
      <label for="rule">${words.rule}</label>
      <textarea id="rule" name="rule" rows="8" required maxlength="10000" spellcheck="false" class="code">${rule}</textarea>
    </div>
    <div class="field">
      <label for="for">${words.purpose}</label>
      <select id="for" name="purpose">
        ${purposes.map(({ id }) => html`<option value="${id}" ${id === purpose && html`selected`}>${id}</option>`)}
      </select>
    </div>
    <button class="button fit">${words.button}</button>
  </form>`
}

/** A rule and how many people it would have, or what is wrong with it: the same form again, to go on from. */
export function rulePage(app: FastifyInstance, parts: OperatorParts): void {
  app.post('/operator/rule', (request, reply) =>
    operate(parts, request, reply, form, async (asked, at) => {
      const view = { ...viewFor(parts, request, reply), here: null }
      const said = await tried(parts, view, asked, at.token)
      const body = html`${said} ${ruleForm(parts, view, formToken(parts, request, reply), asked)}`
      return sendBeside(parts, reply, view, operatorWords[view.language].rule.title, body)
    }),
  )
}

async function tried(parts: OperatorParts, { language }: View, asked: Asked, token: string): Promise<Html> {
  const words = operatorWords[language].rule
  try {
    const { trySegmentRule } = z.object({ trySegmentRule: trial }).parse(await ask(parts, operatorQueries.tryRule, asked, token))
    const { people, among, complete } = trySegmentRule
    const found = people === null ? filled(words.few, { k: String(parts.policy.k) }) : filled(words.people, { people: String(people), among: String(among) })
    return html`<p class="note" role="status">${found}${!complete && ` ${words.more}`}</p>`
  } catch (error) {
    if (!(error instanceof EntenteError) || error.code !== 'BAD_USER_INPUT') throw error
    return html`<div class="note warn" role="alert">
      <p>${words.wrong}</p>
      <ul>
        ${(error.hints.reasons ?? []).map((reason) => html`<li><code>${reason}</code></li>`)}
      </ul>
    </div>`
  }
}
