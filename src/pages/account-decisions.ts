import type { Purpose } from '../config/policy.ts'
import { isOldEnough } from '../consent/age.ts'
import type { Account, ConsentNow } from './account-data.ts'
import { dataOf, shownLocale, textIn } from './consent.ts'
import { html, type Html } from './html.ts'
import type { View } from './layout.ts'
import type { AccountParts } from './parts.ts'
import { momentWord } from './words.ts'

/** Each purpose with what was decided, and one press to change it in either direction (Art. 7(3) GDPR: as easily as it was given). */
export function decisions({ parts, view, data, token }: Account): Html {
  const { account } = view.words
  const rows = parts.policy.purposes.filter((purpose) => !purpose.builtIn)
  const now = (purpose: Purpose) => data.person.consents?.find((consent) => consent.purpose === purpose.id)
  return html`<p class="soft">${account.decisionsText}</p>
    <ul class="rows">
      ${rows.map((purpose) => decisionRow(view, parts, purpose, { now: now(purpose), birthYear: data.person.birthYear ?? undefined }, token))}
    </ul>`
}

interface Standing {
  readonly now: ConsentNow | undefined
  readonly birthYear: number | undefined
}

function decisionRow(view: View, parts: AccountParts, purpose: Purpose, standing: Standing, token: Html): Html {
  const { words, language } = view
  const { locale, title, text } = textIn(parts.policy, purpose, language)
  const decidable = purpose.legalBasis === 'CONSENT' || purpose.legalBasis === 'LEGITIMATE_INTEREST'
  const shops = parts
    .clients()
    .filter(({ id }) => purpose.clients.has(id))
    .map(({ name }) => name)
    .join(', ')
  return html`<li>
    <div>
      <h3 lang="${locale}">${title}</h3>
      <p lang="${locale}">${text}</p>
      <details>
        <summary>${words.consent.data} · <bdi>${shops}</bdi></summary>
        <ul>
          ${dataOf(view, purpose)}
        </ul>
      </details>
      <p class="small soft">${decidable ? words.bases[purpose.legalBasis] : html`${words.account.noChoice} ${words.bases[purpose.legalBasis]}`}</p>
    </div>
    ${decidable && decisionButtons(view, purpose, standing, html`${token}${shownLocale(view, parts.policy)}`)}
  </li>`
}

function decisionButtons({ words, language }: View, purpose: Purpose, { now, birthYear }: Standing, hidden: Html): Html {
  const { account } = words
  const state = now?.state ?? 'NOT_ASKED'
  const allowed = state === 'GRANTED' || (purpose.legalBasis === 'LEGITIMATE_INTEREST' && state !== 'OBJECTED')
  const refused = state === 'REFUSED' || state === 'WITHDRAWN' || state === 'OBJECTED'
  const mayAllow = isOldEnough(purpose, birthYear === undefined ? undefined : { birthYear }, new Date())
  const title = `decision-${purpose.id}`
  const button = (value: string, word: string, pressed: boolean) =>
    html`<button class="button" name="answer" value="${value}" aria-pressed="${String(pressed)}" aria-describedby="${title}">${word}</button>`
  const shown = state === 'NOT_ASKED' && allowed ? words.states.GRANTED : words.states[state]
  return html`<p class="small" id="${title}">
      <span class="state">${shown}</span
      >${now?.decidedAt ? html` <span class="soft">${account.decidedOn} ${momentWord(language, now.decidedAt)}</span>` : null}${now?.expiresAt && allowed ? html` <span class="soft">${account.until} ${momentWord(language, now.expiresAt)}</span>` : null}
    </p>
    <form class="pair" method="post" action="/account/decision">
      ${hidden}<input type="hidden" name="purpose" value="${purpose.id}" /><input type="hidden" name="version" value="${purpose.textVersion}" />
      ${mayAllow && button('yes', account.allow, allowed)}${button('no', account.refuse, refused)}
    </form>
    ${!mayAllow && html`<p class="small">${(birthYear === undefined ? account.ageUnknown : account.tooYoung).replace('{age}', String(purpose.minimumAge))}</p>`}`
}
