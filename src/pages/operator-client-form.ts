import { textIn } from './consent.ts'
import { html, type Html } from './html.ts'
import type { Overview, ShownClient } from './operator-data.ts'
import { operatorWords } from './operator-words.ts'

const lists = ['redirectUris', 'postLogoutRedirectUris', 'origins', 'scopes'] as const
const purposePrefix = 'purpose:'

/** The registration as a form. It says beside each value what it was, so that only what the operator changed is proposed. */
export function clientForm({ parts, view: { language }, token, client }: Pick<Overview, 'parts' | 'view' | 'token'> & { readonly client: ShownClient }): Html {
  const words = operatorWords[language].clients
  const purposes = parts.policy.purposes.filter((one) => !one.builtIn && (one.clients.has(client.id) || client.purposes.includes(one.id)))
  const was = (name: string, value: string) => html`<input type="hidden" name="was:${name}" value="${value}" />`
  return html`<p class="soft">${words.changeText}</p>
    <form method="post" action="/operator/clients/propose">
      ${token}<input type="hidden" name="id" value="${client.id}" />${was('name', client.name)}${was('purposes', client.purposes.join(' '))}
      <div class="field"><label for="name">${words.name}</label><input id="name" name="name" value="${client.name}" required autocomplete="off" /></div>
      <fieldset>
        <legend>${words.purposes}</legend>
        <div class="answers">
          ${purposes.map(
            (one) =>
              html`<label class="answer"
                ><input type="checkbox" name="${purposePrefix}${one.id}" value="yes" ${client.purposes.includes(one.id) && html`checked`} />${
                  textIn(parts.policy, one, language).title
                }</label
              >`,
          )}
        </div>
      </fieldset>
      ${lists.map(
        (list) =>
          html`${was(list, client[list].join(' '))}
            <div class="field">
              <label for="${list}">${words[list]} <span class="soft">(${words.lines})</span></label>
              <textarea id="${list}" name="${list}" rows="3" spellcheck="false">${client[list].join('\n')}</textarea>
            </div>`,
      )}
      <button class="button main">${words.propose}</button>
    </form>`
}

const wordsIn = (text: string | undefined): string[] => (text ?? '').split(/\s+/).filter((word) => word !== '')
const isSame = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((one) => b.includes(one))

/** `ClientChangeInput` with what was changed in the form and nothing else. Pure; whether it may be so is for the API to say. */
export function clientChangeIn(form: Readonly<Record<string, string>>): Readonly<Record<string, string | readonly string[]>> {
  const name = form['name']?.trim()
  const ticked = Object.keys(form).filter((key) => key.startsWith(purposePrefix))
  const purposes = ticked.map((key) => key.slice(purposePrefix.length))
  const given = lists.filter((list) => form[list] !== undefined).map((list) => [list, wordsIn(form[list])] as const)
  const wanted = [...given, ['purposes', purposes] as const]
  const changed = wanted.filter(([list, now]) => form[`was:${list}`] !== undefined && !isSame(now, wordsIn(form[`was:${list}`])))
  return { ...(name !== undefined && name !== form['was:name'] && { name }), ...Object.fromEntries(changed) }
}
