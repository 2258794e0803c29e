import type { Account, BrowserSession } from './account-data.ts'
import { html, type Html } from './html.ts'
import { providerIcon } from './icons.ts'
import { momentWord } from './words.ts'

/** Every browser in which the person is signed in, each with a button that ends it; below, all of them at once. */
export function sessions(account: Account): Html {
  const { view, data, token } = account
  const words = view.words.account
  const open = data.person.sessions ?? []
  const isListed = open.some(({ current }) => current)
  return html`<p class="soft">${words.sessionsText}</p>
    <ul class="rows">
      ${open.map((session) => sessionRow(account, session))}
    </ul>
    <form method="post" action="/account/sign-out">
      ${token}
      <ul class="rows">
        ${isListed ? null : signOut('here', words.signOutHere, words.signOutHereText)}${signOut('everywhere', words.signOutEverywhere, words.signOutEverywhereText)}
      </ul>
    </form>`
}

function sessionRow({ parts, view, token }: Account, { id, signedInAt, clients, provider, current }: BrowserSession): Html {
  const words = view.words.account
  const nameOf = (client: string) => parts.clients().find((one) => one.id === client)?.name ?? client
  const way = parts.providers.find((one) => one.id === provider)?.name ?? provider
  const when = momentWord(view.language, signedInAt)
  return html`<li>
    <div class="who">
      ${provider && providerIcon(provider)}
      <div>
        <strong>${current ? words.thisBrowser : words.otherBrowser}</strong>${way && html` · ${way}`}
        <p class="soft small">${words.signedInOn} ${when}${clients.length > 0 && html` · ${words.usedFor} <bdi>${clients.map(nameOf).join(', ')}</bdi>`}</p>
      </div>
    </div>
    ${
      current
        ? html`<form method="post" action="/account/sign-out">${token}<button class="button fit" name="where" value="here">${words.signOutHere}</button></form>`
        : html`<form method="post" action="/account/sessions/end">
            ${token}<button class="button fit" name="id" value="${id}" aria-label="${`${words.endSession}: ${way ?? ''} ${when}`}">${words.endSession}</button>
          </form>`
    }
  </li>`
}

function signOut(where: string, word: string, text: string): Html {
  return html`<li>
    <div><p class="small soft">${text}</p></div>
    <button class="button fit" name="where" value="${where}">${word}</button>
  </li>`
}
