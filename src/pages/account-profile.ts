import type { Policy } from '../config/policy.ts'
import type { Account } from './account-data.ts'
import { html, type Html } from './html.ts'
import type { View } from './layout.ts'
import { entriesOf, type ProfileEntry } from './profile-form.ts'
import { fieldWord } from './words.ts'

/** The person's own values, as a form. */
export function profile({ parts, view, data, token }: Account): Html {
  const { account } = view.words
  return html`<p class="soft">${account.profileText}</p>
    <form method="post" action="/account/profile">
      ${token}
      <div class="fields">${entriesOf(parts.policy, data.person).map((entry) => profileField(parts.policy, view, entry))}</div>
      <button class="button main fit">${account.save}</button>
    </form>`
}

function profileField(policy: Policy, { words, language }: View, { name, value, attribute }: ProfileEntry): Html {
  const id = `profile-${name}`
  const choices = attribute?.list ? null : attribute?.type === 'Boolean' ? ['true', 'false'] : (attribute?.values ?? null)
  const hint = attribute?.list && html` <span class="soft">(${words.account.listHint})</span>`
  const label = html`<label for="${id}">${fieldWord(policy, language, name)}${hint}</label><input type="hidden" name="was:${name}" value="${value}" />`
  if (choices) {
    const word = (choice: string) => (choice === 'true' ? words.account.yes : choice === 'false' ? words.account.no : (words.fields[choice] ?? choice))
    const option = (choice: string) => html`<option value="${choice}" ${choice === value && html` selected`}>${word(choice)}</option>`
    return html`<div class="field">
      ${label}<select id="${id}" name="${name}">
        <option value="">${words.account.unset}</option>
        ${choices.map(option)}
      </select>
    </div>`
  }
  const numeric = name === 'birthYear' || attribute?.type === 'Int'
  return html`<div class="field">
    ${label}<input
      id="${id}"
      name="${name}"
      value="${value}"
      type="${name === 'email' ? 'email' : 'text'}"
      ${numeric && html` inputmode="numeric"`}
      autocomplete="${autocomplete[name] ?? 'off'}"
      maxlength="320"
    />
  </div>`
}

const autocomplete: Readonly<Record<string, string>> = {
  givenName: 'given-name',
  familyName: 'family-name',
  email: 'email',
  postcode: 'postal-code',
  country: 'country',
  locale: 'language',
}
