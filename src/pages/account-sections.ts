import type { Purpose } from '../config/policy.ts'
import { entriesOf, type AccountData, type ConsentNow, type Identity, type ProfileEntry } from './account-data.ts'
import { dataOf, textIn } from './consent.ts'
import { html, type Fragment, type Html } from './html.ts'
import { providerIcon } from './icons.ts'
import type { View } from './layout.ts'
import type { AccountParts } from './parts.ts'
import { categoryWord, fieldWord, momentWord } from './words.ts'

/** What each section is made from. */
export interface Account {
  readonly parts: AccountParts
  readonly view: View
  readonly data: AccountData
  /** The hidden field of every form. */
  readonly token: Html
}

interface Section {
  readonly id: string
  readonly title: string
  readonly body: Fragment
}

export function sectionsOf(account: Account): Section[] {
  const words = account.view.words.account
  return [
    { id: 'decisions', title: words.decisions, body: decisions(account) },
    { id: 'profile', title: words.profile, body: profile(account) },
    { id: 'logins', title: words.logins, body: logins(account) },
    { id: 'seen', title: words.seen, body: seenBy(account) },
    { id: 'access', title: words.access, body: accessLog(account) },
    { id: 'sessions', title: words.sessions, body: sessions(account) },
  ]
}

function profile({ parts, view, data, token }: Account): Html {
  const { account } = view.words
  return html`<p class="soft">${account.profileText}</p>
<form method="post" action="/account/profile">${token}<div class="fields">${entriesOf(parts.policy, data.person).map((entry) => profileField(view, entry))}</div>
<button class="button main fit">${account.save}</button></form>`
}

function profileField({ words }: View, { name, value, attribute }: ProfileEntry): Html {
  const id = `profile-${name}`
  const choices = attribute?.list ? null : attribute?.type === 'Boolean' ? ['true', 'false'] : (attribute?.values ?? null)
  const label = html`<label for="${id}">${fieldWord(words, name)}${attribute?.list && html` <span class="soft">(${words.account.listHint})</span>`}</label><input type="hidden" name="was:${name}" value="${value}">`
  if (choices) {
    const word = (choice: string) => (choice === 'true' ? words.account.yes : choice === 'false' ? words.account.no : (words.fields[choice] ?? choice))
    const option = (choice: string) => html`<option value="${choice}"${choice === value && html` selected`}>${word(choice)}</option>`
    return html`<div class="field">${label}<select id="${id}" name="${name}"><option value="">${words.account.unset}</option>${choices.map(option)}</select></div>`
  }
  const numeric = name === 'birthYear' || attribute?.type === 'Int'
  return html`<div class="field">${label}<input id="${id}" name="${name}" value="${value}" type="${name === 'email' ? 'email' : 'text'}"${numeric && html` inputmode="numeric"`} autocomplete="${autocomplete[name] ?? 'off'}" maxlength="320"></div>`
}

const autocomplete: Readonly<Record<string, string>> = {
  givenName: 'given-name', familyName: 'family-name', email: 'email', postcode: 'postal-code', country: 'country', locale: 'language',
}

function logins({ parts, view, data, token }: Account): Html {
  const { account } = view.words
  const identities = data.person.identities ?? []
  const others = parts.providers.filter((way) => way.available() && !identities.some(({ provider }) => provider === way.id))
  const add = (id: string, name: string) => html`<button class="button fit" name="provider" value="${id}">${providerIcon(id)}<span>${account.add} ${name}</span></button> `
  return html`<p class="soft">${account.loginsText}</p>
<ul class="rows">${identities.map((identity) => loginRow(view, parts, identity, identities.length === 1, token))}</ul>
${others.length > 0 && html`<form class="chips" method="post" action="/account/logins/add">${token}${others.map(({ id, name }) => add(id, name))}</form>`}`
}

function loginRow({ words, language }: View, parts: AccountParts, identity: Identity, only: boolean, token: Html): Html {
  const { account } = words
  const name = parts.providers.find(({ id }) => id === identity.provider)?.name ?? identity.provider
  const when = identity.lastUsedAt ? `${account.lastUsed} ${momentWord(language, identity.lastUsedAt)}` : `${account.linked} ${momentWord(language, identity.linkedAt)}`
  const remove = html`<form method="post" action="/account/logins/remove">${token}<button class="button fit" name="id" value="${identity.id}" aria-label="${`${account.remove}: ${name}`}">${account.remove}</button></form>`
  return html`<li><div class="who">${providerIcon(identity.provider)}<span><strong>${name}</strong>${identity.email ? html` · <bdi>${identity.email}</bdi>` : null}
<br><span class="soft small">${when}</span>${only && html`<br><span class="soft small">${account.onlyOne}</span>`}</span></div>${only ? null : remove}</li>`
}

function decisions({ parts, view, data, token }: Account): Html {
  const { account } = view.words
  const rows = parts.policy.purposes.filter((purpose) => !purpose.builtIn)
  const now = (purpose: Purpose) => data.person.consents?.find((consent) => consent.purpose === purpose.id)
  return html`<p class="soft">${account.decisionsText}</p>
<ul class="rows">${rows.map((purpose) => decisionRow(view, parts, purpose, now(purpose), token))}</ul>`
}

function decisionRow(view: View, parts: AccountParts, purpose: Purpose, now: ConsentNow | undefined, token: Html): Html {
  const { words, language } = view
  const { locale, title, text } = textIn(parts.policy, purpose, language)
  const decidable = purpose.legalBasis === 'CONSENT' || purpose.legalBasis === 'LEGITIMATE_INTEREST'
  const shops = parts.clients().filter(({ id }) => purpose.clients.has(id)).map(({ name }) => name).join(', ')
  return html`<li><div><h3 lang="${locale}">${title}</h3><p lang="${locale}">${text}</p>
<details><summary>${words.consent.data} · <bdi>${shops}</bdi></summary><ul>${dataOf(view, purpose)}</ul></details>
<p class="small soft">${decidable ? words.bases[purpose.legalBasis] : html`${words.account.noChoice} ${words.bases[purpose.legalBasis]}`}</p></div>
${decidable && decisionButtons(view, purpose, now, token)}</li>`
}

function decisionButtons({ words, language }: View, purpose: Purpose, now: ConsentNow | undefined, token: Html): Html {
  const { account } = words
  const state = now?.state ?? 'NOT_ASKED'
  const allowed = state === 'GRANTED' || (purpose.legalBasis === 'LEGITIMATE_INTEREST' && state !== 'OBJECTED')
  const refused = state === 'REFUSED' || state === 'WITHDRAWN' || state === 'OBJECTED'
  const title = `decision-${purpose.id}`
  const button = (value: string, word: string, pressed: boolean) =>
    html`<button class="button" name="answer" value="${value}" aria-pressed="${String(pressed)}" aria-describedby="${title}">${word}</button>`
  const shown = state === 'NOT_ASKED' && allowed ? words.states.GRANTED : words.states[state]
  return html`<p class="small" id="${title}"><span class="state">${shown}</span>${now?.decidedAt ? html` <span class="soft">${account.decidedOn} ${momentWord(language, now.decidedAt)}</span>` : null}${now?.expiresAt && allowed ? html` <span class="soft">${account.until} ${momentWord(language, now.expiresAt)}</span>` : null}</p>
<form class="pair" method="post" action="/account/decision">${token}<input type="hidden" name="purpose" value="${purpose.id}"><input type="hidden" name="version" value="${purpose.textVersion}">
${button('yes', account.allow, allowed)}${button('no', account.refuse, refused)}</form>`
}

function seenBy({ parts, view, data }: Account): Html {
  const { words } = view
  const nameOf = (id: string) => parts.clients().find((client) => client.id === id)?.name ?? id
  const line = ({ field, form }: AccountData['seen'][number]['fields'][number]) =>
    html`<li>${fieldWord(words, field)}${form !== 'FULL' && html` <span class="soft">– ${words.forms[form]}</span>`}</li>`
  return html`<p class="soft">${words.account.seenText}</p>
<ul class="rows">${data.seen.map(({ clientId, fields }) => html`<li><div><h3><bdi>${nameOf(clientId)}</bdi></h3>${fields.length > 0 ? html`<ul class="small">${fields.map(line)}</ul>` : html`<p class="soft">${words.account.seenNothing}</p>`}</div></li>`)}</ul>`
}

function accessLog({ parts, view, data }: Account): Html {
  const { words, language, here } = view
  const { account } = words
  const log = data.person.accessLog
  const nameOf = (id: string | null | undefined) => parts.clients().find((client) => client.id === id)?.name ?? id ?? '–'
  const purposeWord = (id: string) => {
    const purpose = parts.policy.purpose(id)
    return purpose && !purpose.builtIn ? textIn(parts.policy, purpose, language).title : id
  }
  const rows = log?.edges.map(({ node }) => html`<tr><td>${momentWord(language, node.at)}</td><td><bdi>${nameOf(node.clientId)}</bdi></td><td>${node.categories.map((category) => categoryWord(words, category)).join(', ')}</td><td>${node.purposes.map(purposeWord).join(', ')}</td></tr>`) ?? []
  const older = log?.pageInfo.hasNextPage && log.pageInfo.endCursor
  return html`<p class="soft">${account.accessText}</p>
${rows.length === 0 ? html`<p>${account.accessNone}</p>` : html`<div class="scroll"><table><thead><tr><th scope="col">${account.when}</th><th scope="col">${account.who}</th><th scope="col">${account.what}</th><th scope="col">${account.whatFor}</th></tr></thead><tbody>${rows}</tbody></table></div>`}
<p>${here?.searchParams.has('after') ? html`<a href="/account#access">${account.newest}</a> ` : null}${older ? html`<a href="/account?after=${encodeURIComponent(older)}#access">${account.older}</a>` : null}</p>`
}

function sessions({ view, token }: Account): Html {
  const { account } = view.words
  const row = (value: string, word: string, text: string) =>
    html`<li><div><p class="small soft">${text}</p></div><button class="button fit" name="where" value="${value}">${word}</button></li>`
  return html`<form method="post" action="/account/sign-out">${token}<ul class="rows">${row('here', account.signOutHere, account.signOutHereText)}${row('everywhere', account.signOutEverywhere, account.signOutEverywhereText)}</ul></form>`
}
