import { hasWayIn } from '../linking/ways-in.ts'
import type { Account, Identity } from './account-data.ts'
import { mergeUndone } from './account-merge.ts'
import { html, type Html } from './html.ts'
import { providerIcon } from './icons.ts'
import { momentWord } from './words.ts'
import { filled } from './words-safety.ts'

/** Every login that opens the account, and those that could be added. */
export function logins(account: Account): Html {
  const { parts, view, data } = account
  const words = view.words.account
  const identities = data.person.identities ?? []
  const factors = data.person.factors ?? []
  const others = parts.providers.filter((way) => way.available() && !identities.some(({ provider }) => provider === way.id))
  const add = (id: string, name: string) =>
    html`<a class="button fit" href="/account/logins/add?provider=${encodeURIComponent(id)}">${providerIcon(id)}<span>${words.add} ${name}</span></a> `
  const isLast = (identity: Identity) => !hasWayIn({ identities: identities.filter((one) => one !== identity), factors })
  return html`<p class="soft">${words.loginsText}</p>
    <ul class="rows">
      ${identities.map((identity) => loginRow(account, identity, isLast(identity)))}
    </ul>
    ${others.length > 0 && html`<div class="adds">${others.map(({ id, name }) => add(id, name))}</div>`} ${mergeUndone(account)}`
}

function loginRow({ parts, view: { words, language } }: Account, identity: Identity, isLast: boolean): Html {
  const { account, safety } = words
  const { id, provider, email, state, lastUsedAt, linkedAt } = identity
  const name = parts.providers.find((way) => way.id === provider)?.name ?? provider
  const when = lastUsedAt ? `${account.lastUsed} ${momentWord(language, lastUsedAt)}` : `${account.linked} ${momentWord(language, linkedAt)}`
  return html`<li>
    <div class="who">
      ${providerIcon(provider)}
      <div>
        <strong>${name}</strong>${email ? html` · <bdi>${email}</bdi>` : null}
        <p class="soft small">${when}</p>
        ${state !== 'active' && html`<p class="small lost">${filled(safety[state], { provider: name })}</p>`}
        ${isLast && html`<p class="soft small">${account.onlyOne}</p>`}
      </div>
    </div>
    ${
      !isLast &&
      html`<a class="button fit" href="/account/logins/remove?id=${encodeURIComponent(id)}" aria-label="${`${account.remove}: ${name}`}">${account.remove}</a>`
    }
  </li>`
}
