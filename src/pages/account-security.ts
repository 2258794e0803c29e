import { hasSecondFactor } from '../linking/ways-in.ts'
import type { Account, Factor } from './account-data.ts'
import { html, type Fragment, type Html } from './html.ts'
import { momentWord } from './words.ts'
import { filled } from './words-safety.ts'

/** Second factors, each kind with what it is for. Nothing here is asked for: it is for who looks for it. */
export function security({ view, data, token }: Account): Html {
  const { safety } = view.words
  const factors = data.person.factors ?? []
  const of = (kind: Factor['kind']) => factors.filter((one) => one.kind === kind)
  const rows = (kind: Factor['kind'], nameOf: (factor: Factor) => string) => of(kind).map((factor) => factorRow({ view }, factor, nameOf(factor)))
  const begin = (path: string, word: string) => html`<form method="post" action="${path}">${token}<button class="button fit">${word}</button></form>`
  const [codes] = of('recoveryCodes')
  const link = html`<p><a class="button fit" href="/account/recovery-codes">${codes ? safety.newCodes : safety.makeCodes}</a></p>`
  return html`<p class="soft">${safety.securityText}</p>
    ${kindOf(
      safety.passkeys,
      safety.passkeysText,
      rows('passkey', ({ name }) => name ?? safety.passkey),
      begin('/account/passkeys/new', safety.addPasskey),
    )}
    ${kindOf(
      safety.app,
      safety.appText,
      rows('totp', () => safety.app),
      of('totp').length === 0 && begin('/account/authenticator/new', safety.addApp),
    )}
    ${kindOf(
      safety.codes,
      safety.codesText,
      codes ? [factorRow({ view }, codes, filled(safety.codesLeft, { left: String(codes.left ?? 0) }))] : [],
      hasSecondFactor({ factors }) ? link : html`<p class="small">${safety.codesLater}</p>`,
    )}`
}

function kindOf(title: string, text: string, rows: readonly Html[], further: Fragment): Html {
  return html`<div class="kind">
    <h3>${title}</h3>
    <p class="soft small">${text}</p>
    ${
      rows.length > 0 &&
      html`<ul class="rows">
        ${rows}
      </ul>`
    }
    ${further}
  </div>`
}

function factorRow({ view: { words, language } }: Pick<Account, 'view'>, { id, addedAt, lastUsedAt }: Factor, name: string): Html {
  const { account, safety } = words
  const used = lastUsedAt ? `${account.lastUsed} ${momentWord(language, lastUsedAt)}` : safety.notUsed
  return html`<li>
    <div>
      <strong><bdi>${name}</bdi></strong>
      <p class="soft small">${safety.added} ${momentWord(language, addedAt)} · ${used}</p>
    </div>
    <a class="button fit" href="/account/factors/remove?id=${encodeURIComponent(id)}" aria-label="${`${account.remove}: ${name}`}">${account.remove}</a>
  </li>`
}
