import type { Policy } from '../config/policy.ts'
import type { AccessEntry, Account, AccountData } from './account-data.ts'
import { textIn } from './consent.ts'
import { html, type Html } from './html.ts'
import type { View } from './layout.ts'
import type { Words } from './word-list.ts'
import { categoryWord, fieldWord, momentWord } from './words.ts'

/** What each client would get now. */
export function seenBy({ parts, view, data }: Account): Html {
  const { account } = view.words
  const nameOf = (id: string) => parts.clients().find((client) => client.id === id)?.name ?? id
  return html`<p class="soft">${account.seenText}</p>
    <ul class="rows">
      ${data.seen.map(
        ({ clientId, fields }) =>
          html`<li>
            <div>
              <h3><bdi>${nameOf(clientId)}</bdi></h3>
              ${fields.length > 0 ? seenFields(parts.policy, view, fields) : html`<p class="soft">${account.seenNothing}</p>`}
            </div>
          </li>`,
      )}
    </ul>`
}

function seenFields(policy: Policy, { words, language }: View, fields: AccountData['seen'][number]['fields']): Html {
  const line = ({ field, form }: (typeof fields)[number]) =>
    html`<li>${fieldWord(policy, language, field)}${form !== 'FULL' && html` <span class="soft">– ${words.forms[form]}</span>`}</li>`
  return html`<ul class="small">
    ${fields.map(line)}
  </ul>`
}

/** Who read what, newest first, a page at a time. */
export function accessLog({ parts, view, data }: Account): Html {
  const { words, language, here } = view
  const { account } = words
  const log = data.person.accessLog
  const nameOf = (id: string | null | undefined) => parts.clients().find((client) => client.id === id)?.name ?? id ?? '–'
  const purposeWord = (id: string) => {
    const purpose = parts.policy.purpose(id)
    return purpose && !purpose.builtIn ? textIn(parts.policy, purpose, language).title : id
  }
  const named = (categories: readonly string[]) => categories.length > 0 && `: ${categories.map((category) => categoryWord(words, category)).join(', ')}`
  const why = (reason: string | null | undefined) => reason && html` <q>${reason}</q>`
  const row = ({ at, type, clientId, categories, purposes, reason }: AccessEntry) =>
    html`<tr>
      <td>${momentWord(language, at)}</td>
      <td><bdi>${nameOf(clientId)}</bdi></td>
      <td>${words.events[type]}${named(categories)}${why(reason)}</td>
      <td>${purposes.map(purposeWord).join(', ')}</td>
    </tr>`
  const rows = log?.edges.map(({ node }) => row(node)) ?? []
  const older = log?.pageInfo.hasNextPage && log.pageInfo.endCursor
  return html`<p class="soft">${account.accessText}</p>
    ${rows.length > 0 ? accessTable(words, rows) : html`<p>${account.accessNone}</p>`}
    <p>
      ${here?.searchParams.has('after') ? html`<a href="/account#access">${account.newest}</a> ` : null}
      ${older ? html`<a href="/account?after=${encodeURIComponent(older)}#access">${account.older}</a>` : null}
    </p>`
}

function accessTable({ account }: Words, rows: readonly Html[]): Html {
  const heads = [account.when, account.who, account.what, account.whatFor]
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          ${heads.map((head) => html`<th scope="col">${head}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`
}
