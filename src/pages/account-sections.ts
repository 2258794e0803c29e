import { accessLog, seenBy } from './account-access.ts'
import type { Account } from './account-data.ts'
import { decisions } from './account-decisions.ts'
import { logins, profile } from './account-profile.ts'
import { html, type Fragment, type Html } from './html.ts'

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

function sessions({ view, token }: Account): Html {
  const { account } = view.words
  return html`<form method="post" action="/account/sign-out">
    ${token}
    <ul class="rows">
      ${signOut('here', account.signOutHere, account.signOutHereText)}${signOut('everywhere', account.signOutEverywhere, account.signOutEverywhereText)}
    </ul>
  </form>`
}

function signOut(where: string, word: string, text: string): Html {
  return html`<li>
    <div><p class="small soft">${text}</p></div>
    <button class="button fit" name="where" value="${where}">${word}</button>
  </li>`
}
