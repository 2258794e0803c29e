import type { Account, AccountData } from './account-data.ts'
import { textIn } from './consent.ts'
import { html, type Html } from './html.ts'
import { categoryWord, fieldWord, momentWord } from './words.ts'

/** What each client would get now. */
export function seenBy({ parts, view, data }: Account): Html {
  const { words } = view
  const nameOf = (id: string) => parts.clients().find((client) => client.id === id)?.name ?? id
  const line = ({ field, form }: AccountData['seen'][number]['fields'][number]) =>
    html`<li>${fieldWord(words, field)}${form !== 'FULL' && html` <span class="soft">– ${words.forms[form]}</span>`}</li>`
  return html`<p class="soft">${words.account.seenText}</p>
    <ul class="rows">
      ${data.seen.map(
        ({ clientId, fields }) =>
          html`<li>
            <div>
              <h3><bdi>${nameOf(clientId)}</bdi></h3>
              ${
                fields.length > 0
                  ? html`<ul class="small">
                      ${fields.map(line)}
                    </ul>`
                  : html`<p class="soft">${words.account.seenNothing}</p>`
              }
            </div>
          </li>`,
      )}
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
  const rows =
    log?.edges.map(
      ({ node }) =>
        html`<tr>
          <td>${momentWord(language, node.at)}</td>
          <td><bdi>${nameOf(node.clientId)}</bdi></td>
          <td>${node.categories.map((category) => categoryWord(words, category)).join(', ')}</td>
          <td>${node.purposes.map(purposeWord).join(', ')}</td>
        </tr>`,
    ) ?? []
  const older = log?.pageInfo.hasNextPage && log.pageInfo.endCursor
  return html`<p class="soft">${account.accessText}</p>
    ${
      rows.length === 0
        ? html`<p>${account.accessNone}</p>`
        : html`<div class="scroll">
            <table>
              <thead>
                <tr>
                  <th scope="col">${account.when}</th>
                  <th scope="col">${account.who}</th>
                  <th scope="col">${account.what}</th>
                  <th scope="col">${account.whatFor}</th>
                </tr>
              </thead>
              <tbody>
                ${rows}
              </tbody>
            </table>
          </div>`
    }
    <p>
      ${here?.searchParams.has('after') ? html`<a href="/account#access">${account.newest}</a> ` : null}${older ? html`<a href="/account?after=${encodeURIComponent(older)}#access">${account.older}</a>` : null}
    </p>`
}
