import { html, pageOf, styleOf, type Look, type Markup } from '../html.ts'
import type { CaughtMail } from './main.ts'

const look: Look = { title: 'Caught mail', accent: '#6b4fa0' }

export const style = styleOf(look)

/** The list of what was caught, newest first. */
export function mailboxPage(mails: readonly CaughtMail[], to: string | undefined): string {
  const rows = mails.toReversed().map(
    (mail) =>
      html`<tr>
        <td>${mail.at.slice(11, 19)}</td>
        <td>${mail.to.join(', ')}</td>
        <td><a href="/mails/${mail.id}">${mail.subject}</a></td>
      </tr>`,
  )
  return page(
    html`<h1>Caught mail</h1>
      <p class="soft">What the gateway writes${to !== undefined && ` to ${to}`}. Nothing is delivered to anybody.</p>
      ${
        rows.length === 0
          ? html`<p class="note">Nothing yet.</p>`
          : html`<div class="scroll">
              <table>
                ${rows}
              </table>
            </div>`
      }`,
  )
}

/** One mail: both of its forms, and its headers. */
export function mailPage(mail: CaughtMail): string {
  return page(
    html`<p><a href="/">All mail</a></p>
      <h1>${mail.subject}</h1>
      <p class="soft">${mail.from} to ${mail.to.join(', ')}</p>
      <pre class="card" style="white-space:pre-wrap">${withLinks(mail.text)}</pre>
      <h2>As HTML</h2>
      <iframe class="card" sandbox style="width:100%;height:26rem" title="The mail as HTML" srcdoc="${mail.html}"></iframe>
      <h2>Headers</h2>
      <pre class="card" style="white-space:pre-wrap">${mail.headers.join('\n')}</pre>`,
  )
}

const withLinks = (text: string): readonly Markup[] =>
  text.split(/(https?:\/\/\S+)/).map((part, at) => (at % 2 === 1 ? html`<a href="${part}">${part}</a>` : html`${part}`))

const page = (body: Markup): string => pageOf(look, '/style.css', html`<main>${body}</main>`)
