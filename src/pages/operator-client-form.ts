import { z } from 'zod'
import type { Purpose } from '../config/policy.ts'
import { EntenteError } from '../errors.ts'
import { textIn } from './consent.ts'
import { html, type Html } from './html.ts'
import type { Overview, ShownClient } from './operator-data.ts'
import { operatorWords, type OperatorWords } from './operator-words.ts'
import type { Language } from './words.ts'

const lists = ['redirectUris', 'postLogoutRedirectUris', 'origins', 'scopes'] as const
const purposePrefix = 'purpose:'

const kinds = ['STOREFRONT', 'SERVER', 'APP', 'TOOL'] as const

/** What a client that is not there yet is to be. */
export function newClientForm({ parts, view: { language }, token }: Pick<Overview, 'parts' | 'view' | 'token'>): Html {
  const words = operatorWords[language].clients
  const purposes = parts.policy.purposes.filter((one) => !one.builtIn)
  return html`<p class="soft">${words.newText}</p>
    <form method="post" action="/operator/clients/create">
      ${token}
      <div class="field"><label for="new-id">${words.id}</label><input id="new-id" name="id" required maxlength="64" autocomplete="off" /></div>
      <div class="field"><label for="new-name">${words.name}</label><input id="new-name" name="name" required maxlength="80" autocomplete="off" /></div>
      <div class="field">
        <label for="new-kind">${words.kind}</label>
        <select id="new-kind" name="kind">
          ${kinds.map((kind) => html`<option value="${kind}">${words.kinds[kind]}</option>`)}
        </select>
      </div>
      ${purposeBoxes(parts, language, purposes, [])} ${lists.map((list) => linesField(words, list, []))}
      <button class="button main">${words.propose}</button>
    </form>`
}

const newClient = z.object({ id: z.string(), name: z.string(), kind: z.enum(kinds) }).catchall(z.string())

/** `NewClientInput` from that form. BAD_USER_INPUT */
export function newClientIn(form: Readonly<Record<string, string>>): Readonly<Record<string, string | readonly string[]>> {
  const read = newClient.safeParse(form)
  if (!read.success) throw new EntenteError('BAD_USER_INPUT', { page: 'new client' })
  const { id, name, kind } = read.data
  return { id: id.trim(), name: name.trim(), kind, purposes: tickedIn(form), ...Object.fromEntries(lists.map((list) => [list, wordsIn(form[list])])) }
}

/** The registration as a form. It says beside each value what it was, so that only what the operator changed is proposed. */
export function clientForm({ parts, view: { language }, token, client }: Pick<Overview, 'parts' | 'view' | 'token'> & { readonly client: ShownClient }): Html {
  const words = operatorWords[language].clients
  const purposes = parts.policy.purposes.filter((one) => !one.builtIn && (one.clients.has(client.id) || client.purposes.includes(one.id)))
  const was = (name: string, value: string) => html`<input type="hidden" name="was:${name}" value="${value}" />`
  return html`<p class="soft">${words.changeText}</p>
    <form method="post" action="/operator/clients/propose">
      ${token}<input type="hidden" name="id" value="${client.id}" />${was('name', client.name)}${was('purposes', client.purposes.join(' '))}
      <div class="field"><label for="name">${words.name}</label><input id="name" name="name" value="${client.name}" required autocomplete="off" /></div>
      ${purposeBoxes(parts, language, purposes, client.purposes)}
      ${lists.map((list) => html`${was(list, client[list].join(' '))}${linesField(words, list, client[list])}`)}
      <button class="button main">${words.propose}</button>
    </form>`
}

function purposeBoxes({ policy }: Overview['parts'], language: Language, purposes: readonly Purpose[], ticked: readonly string[]): Html {
  const box = (purpose: Purpose) =>
    html`<label class="answer"
      ><input type="checkbox" name="${purposePrefix}${purpose.id}" value="yes" ${ticked.includes(purpose.id) && html`checked`} />${
        textIn(policy, purpose, language).title
      }</label
    >`
  return html`<fieldset>
    <legend>${operatorWords[language].clients.purposes}</legend>
    <div class="answers">${purposes.map(box)}</div>
  </fieldset>`
}

const linesField = (words: OperatorWords['clients'], list: (typeof lists)[number], lines: readonly string[]): Html =>
  html`<div class="field">
    <label for="${list}">${words[list]} <span class="soft">(${words.lines})</span></label>
    <textarea id="${list}" name="${list}" rows="3" spellcheck="false">${lines.join('\n')}</textarea>
  </div>`

const tickedIn = (form: Readonly<Record<string, string>>): string[] =>
  Object.keys(form).flatMap((key) => (key.startsWith(purposePrefix) ? [key.slice(purposePrefix.length)] : []))

const wordsIn = (text: string | undefined): string[] => (text ?? '').split(/\s+/).filter((word) => word !== '')
const isSame = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((one) => b.includes(one))

/** `ClientChangeInput` with what was changed in the form and nothing else. Pure; whether it may be so is for the API to say. */
export function clientChangeIn(form: Readonly<Record<string, string>>): Readonly<Record<string, string | readonly string[]>> {
  const name = form['name']?.trim()
  const given = lists.filter((list) => form[list] !== undefined).map((list) => [list, wordsIn(form[list])] as const)
  const wanted = [...given, ['purposes', tickedIn(form)] as const]
  const changed = wanted.filter(([list, now]) => form[`was:${list}`] !== undefined && !isSame(now, wordsIn(form[`was:${list}`])))
  return { ...(name !== undefined && name !== form['was:name'] && { name }), ...Object.fromEntries(changed) }
}
