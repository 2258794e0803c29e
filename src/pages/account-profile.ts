import type { Account, Identity } from './account-data.ts'
import { mergeUndone } from './account-merge.ts'
import { html, type Html } from './html.ts'
import { providerIcon } from './icons.ts'
import type { View } from './layout.ts'
import type { AccountParts } from './parts.ts'
import { entriesOf, type ProfileEntry } from './profile-form.ts'
import { fieldWord, momentWord } from './words.ts'

/** The person's own values, as a form. */
export function profile({ parts, view, data, token }: Account): Html {
  const { account } = view.words
  return html`<p class="soft">${account.profileText}</p>
    <form method="post" action="/account/profile">
      ${token}
      <div class="fields">${entriesOf(parts.policy, data.person).map((entry) => profileField(view, entry))}</div>
      <button class="button main fit">${account.save}</button>
    </form>`
}

function profileField({ words }: View, { name, value, attribute }: ProfileEntry): Html {
  const id = `profile-${name}`
  const choices = attribute?.list ? null : attribute?.type === 'Boolean' ? ['true', 'false'] : (attribute?.values ?? null)
  const hint = attribute?.list && html` <span class="soft">(${words.account.listHint})</span>`
  const label = html`<label for="${id}">${fieldWord(words, name)}${hint}</label><input type="hidden" name="was:${name}" value="${value}" />`
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

/** Every way in, and those that could be added. */
export function logins({ parts, view, data, token }: Account): Html {
  const { account } = view.words
  const identities = data.person.identities ?? []
  const others = parts.providers.filter((way) => way.available() && !identities.some(({ provider }) => provider === way.id))
  const add = (id: string, name: string) =>
    html`<button class="button fit" name="provider" value="${id}">${providerIcon(id)}<span>${account.add} ${name}</span></button> `
  return html`<p class="soft">${account.loginsText}</p>
    <ul class="rows">
      ${identities.map((identity) => loginRow(view, parts, identity, identities.length === 1, token))}
    </ul>
    ${others.length > 0 && html`<form class="chips" method="post" action="/account/logins/add">${token}${others.map(({ id, name }) => add(id, name))}</form>`}
    ${mergeUndone({ view, data, token })}`
}

function loginRow({ words, language }: View, parts: AccountParts, identity: Identity, only: boolean, token: Html): Html {
  const { account } = words
  const name = parts.providers.find(({ id }) => id === identity.provider)?.name ?? identity.provider
  const when = identity.lastUsedAt
    ? `${account.lastUsed} ${momentWord(language, identity.lastUsedAt)}`
    : `${account.linked} ${momentWord(language, identity.linkedAt)}`
  const remove = html`<form method="post" action="/account/logins/remove">
    ${token}<button class="button fit" name="id" value="${identity.id}" aria-label="${`${account.remove}: ${name}`}">${account.remove}</button>
  </form>`
  return html`<li>
    <div class="who">
      ${providerIcon(identity.provider)}
      <div>
        <strong>${name}</strong>${identity.email ? html` · <bdi>${identity.email}</bdi>` : null}
        <p class="soft small">${when}</p>
        ${only && html`<p class="soft small">${account.onlyOne}</p>`}
      </div>
    </div>
    ${only ? null : remove}
  </li>`
}
