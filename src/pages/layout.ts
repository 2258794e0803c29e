import type { FastifyReply, FastifyRequest } from 'fastify'
import { html, type Fragment, type Html } from './html.ts'
import { wordmark } from './icons.ts'
import type { FrameParts } from './parts.ts'
import { passkeyScriptPath } from './passkey-script.ts'
import { stylesheetPath } from './style.ts'
import { languageOf, languages, wordsIn, type Language, type Words } from './words.ts'

/** Whom a page is rendered for. */
export interface View {
  readonly language: Language
  readonly words: Words
  /** What to load again in another language, without `lang`; null where loading again would do something. */
  readonly here: URL | null
}

export interface Page {
  readonly title: string
  readonly main: Fragment
  readonly wide?: boolean
  /** Besides ourselves, where forms of this page may lead. */
  readonly formTargets?: readonly string[]
  /** Whether it takes a passkey: the only pages with a script, which is a file of ours. */
  readonly passkeys?: boolean
}

/**
 * Sent with every page. Forms go to ourselves, and on to `formTargets`: Chromium holds `form-action` against every redirect that follows a
 * form. The referrer policy is not `no-referrer`: that would make browsers send `Origin: null` with our own forms.
 */
export const pageHeaders = (formTargets: readonly string[], passkeys = false): Readonly<Record<string, string>> => ({
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; ${passkeys ? "script-src 'self'; " : ''}style-src 'self'; img-src 'self'; form-action ${["'self'", ...formTargets].join(' ')}; frame-ancestors 'none'; base-uri 'none'`,
  'cache-control': 'no-store',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
})

/**
 * Where forms may lead whose answer a client gets, as sources of a content security policy. All of https: a shop that passes its visitors on to
 * another of its hosts does so after we let go of them, and knows its hosts alone; where an answer goes first is a matter of registration.
 * Beside it what is registered without TLS: loopback addresses, for native clients on any port (RFC 8252, 7.3), and schemes of apps.
 */
export function onwardToClient(client: { readonly redirectUris: readonly string[]; readonly application: 'web' | 'native' }): string[] {
  const sources = client.redirectUris.map((uri) => {
    const { protocol, origin, hostname } = new URL(uri)
    if (protocol !== 'http:') return protocol
    return client.application === 'native' ? `http://${hostname}:*` : origin
  })
  return [...new Set(['https:', ...sources])]
}

const languageCookie = '__Host-entente-language'

/** Picks the language: a link on the page, the choice made before, what the shop asked for, what the browser says, the policy's own. */
export function viewFor(parts: FrameParts, request: FastifyRequest, reply: FastifyReply, uiLocales?: string | null): View {
  const here = new URL(request.url, parts.publicUrl)
  const chosen = languages.find((language) => language === here.searchParams.get('lang'))
  if (chosen) reply.setCookie(languageCookie, chosen, { path: '/', secure: true, httpOnly: true, sameSite: 'lax', maxAge: 31_536_000 })
  here.searchParams.delete('lang')
  const wishes = [chosen, request.cookies[languageCookie], uiLocales, request.headers['accept-language'], parts.policy.defaultLocale]
  const language = languageOf(wishes, 'en')
  return { language, words: wordsIn(language), here: request.method === 'GET' ? here : null }
}

/** Sends a whole document with the headers above. */
export function sendPage(parts: FrameParts, reply: FastifyReply, view: View, status: number, page: Page): FastifyReply {
  return reply
    .code(status)
    .headers(pageHeaders(page.formTargets ?? [], page.passkeys))
    .send(documentOf(parts, view, page).text)
}

function documentOf(parts: FrameParts, { language, words, here }: View, page: Page): Html {
  const { controller } = parts.policy
  return html`<!doctype html>
    <html lang="${language}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>${page.title} · Entente</title>
        <link rel="stylesheet" href="${stylesheetPath}" />
        ${page.passkeys && html`<script src="${passkeyScriptPath}" defer></script>`}
      </head>
      <body class="${page.wide ? 'wide' : ''}">
        <a class="skip" href="#content">${words.skip}</a>
        <header class="top">
          <span class="brand">${wordmark}</span>
          <nav class="tongues" aria-label="${words.languages}">${here && languages.map((other) => tongue(other, language, here))}</nav>
        </header>
        <main id="content">${page.main}</main>
        <footer class="foot">${words.responsible} <bdi>${controller.name}</bdi> · <bdi>${controller.contact}</bdi></footer>
      </body>
    </html>`
}

function tongue(other: Language, current: Language, here: URL): Html {
  const { name } = wordsIn(other)
  if (other === current) return html`<span lang="${other}" aria-current="true">${name}</span>`
  const query = new URLSearchParams([...here.searchParams, ['lang', other]])
  return html`<a lang="${other}" hreflang="${other}" href="${`${here.pathname}?${query.toString()}`}">${name}</a>`
}
