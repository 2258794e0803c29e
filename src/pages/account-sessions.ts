import type { Account, BrowserSession, Device } from './account-data.ts'
import { html, type Html } from './html.ts'
import { providerIcon } from './icons.ts'
import { momentWord, type Words } from './words.ts'

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

function sessionRow({ parts, view, token }: Account, { id, signedInAt, clientNames, way, device, current }: BrowserSession): Html {
  const { account: words, safety } = view.words
  const name = device ? deviceWord(view.words, device.agent) : current ? words.thisBrowser : words.otherBrowser
  const own: Readonly<Record<string, string>> = { mail: safety.mail, passkey: safety.passkey }
  const by = way && (own[way] ?? parts.providers.find((one) => one.id === way)?.name ?? way)
  const when = momentWord(view.language, signedInAt)
  return html`<li>
    <div class="who">
      ${way && providerIcon(way)}
      <div>
        <strong>${name}</strong>${current && device && html` <span class="state">${words.thisBrowser}</span>`}
        <p class="soft small">${[by, device?.place].filter((one) => one != null).map((one) => html`${one} · `)}${words.signedInOn} ${when}</p>
        ${clientNames.length > 0 && html`<p class="soft small">${words.usedFor} <bdi>${clientNames.join(', ')}</bdi></p>`}
      </div>
    </div>
    ${
      current
        ? html`<form method="post" action="/account/sign-out">${token}<button class="button fit" name="where" value="here">${words.signOutHere}</button></form>`
        : html`<form method="post" action="/account/sessions/end">
            ${token}<button class="button fit" name="id" value="${id}" aria-label="${`${words.endSession}: ${name}, ${when}`}">${words.endSession}</button>
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

/** Browsers that are known again, whether signed in or not. */
export function devices({ view, data }: Account): Html {
  const { safety } = view.words
  const known = data.person.devices ?? []
  return html`<div class="kind">
    <h3>${safety.devices}</h3>
    <p class="soft small">${safety.devicesText}</p>
    ${
      known.length === 0
        ? html`<p class="small">${safety.noDevices}</p>`
        : html`<ul class="rows">
            ${known.map((device) => deviceRow(view, device))}
          </ul>`
    }
  </div>`
}

function deviceRow({ words, language }: Account['view'], { id, agent, place, firstAt, lastAt, current }: Device): Html {
  const { safety } = words
  const name = deviceWord(words, agent)
  return html`<li>
    <div>
      <strong>${name}</strong>${current && html` <span class="state">${safety.thisDevice}</span>`}
      <p class="soft small">
        ${place && html`${place} · `}${safety.firstOn} ${momentWord(language, firstAt)} · ${safety.lastOn} ${momentWord(language, lastAt)}
      </p>
    </div>
    <a class="button fit" href="/account/devices/forget?id=${encodeURIComponent(id)}" aria-label="${`${safety.forget}: ${name}`}">${safety.forget}</a>
  </li>`
}

/** Such as "Firefox on Linux", in the reader's language. */
export const deviceWord = ({ safety }: Words, agent: string): string =>
  agent === 'Unknown' ? safety.unknownDevice : agent.replace(' on ', () => ` ${safety.deviceOn} `)
