import type { KoaContextWithOIDC } from 'oidc-provider'

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;')

const words = {
  en: {
    logoutTitle: 'Sign out?',
    logoutText: 'You will be signed out here and in every shop that you entered with this browser.',
    yes: 'Sign out',
    no: 'Stay signed in',
    goneTitle: 'Signed out',
    goneText: 'You can close this page.',
    errorTitle: 'This did not work',
    errorText: 'The request cannot be answered. Please go back to the shop and start again.',
    busyTitle: 'Please try again in a moment',
    busyText: 'Too much is going on, or a part of this service is away.',
    reference: 'Reference number',
  },
  de: {
    logoutTitle: 'Abmelden?',
    logoutText: 'Sie werden hier und in jedem Shop abgemeldet, den Sie mit diesem Browser betreten haben.',
    yes: 'Abmelden',
    no: 'Angemeldet bleiben',
    goneTitle: 'Abgemeldet',
    goneText: 'Sie können diese Seite schließen.',
    errorTitle: 'Das hat nicht geklappt',
    errorText: 'Die Anfrage kann nicht beantwortet werden. Bitte gehen Sie zum Shop zurück und beginnen Sie noch einmal.',
    busyTitle: 'Bitte gleich noch einmal versuchen',
    busyText: 'Gerade ist zu viel los, oder ein Teil des Dienstes ist nicht erreichbar.',
    reference: 'Vorgangsnummer',
  },
} as const

const languageOf = (ctx: KoaContextWithOIDC): keyof typeof words => (ctx.acceptsLanguages(['en', 'de']) === 'de' ? 'de' : 'en')

/**
 * The pages that the library's endpoints end on, by themselves and without a script; they look like all others, by the style sheet at that
 * path. Their language is the browser's.
 */
export function openIdPages(stylesheet: string) {
  function page(ctx: KoaContextWithOIDC, title: string, body: string): void {
    ctx.type = 'html'
    ctx.body = `<!doctype html>
<html lang="${languageOf(ctx)}">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <meta name="robots" content="noindex" />
    <title>${escaped(title)} · Entente</title>
    <link rel="stylesheet" href="${escaped(stylesheet)}" />
  </head>
  <body>
    <header class="top"><span class="brand">Entente</span></header>
    <main><div class="card"><h1>${escaped(title)}</h1>${body}</div></main>
  </body>
</html>`
  }

  return {
    /** Asks before it signs out, since any page can send a browser here. `form` is the library's, with its secret. */
    askLogout(ctx: KoaContextWithOIDC, form: string): void {
      const say = words[languageOf(ctx)]
      const button = (text: string, attributes: string) => `<button class="button" form="op.logoutForm" ${attributes}>${escaped(text)}</button>`
      const buttons = `<div class="answers">${button(say.yes, 'name="logout" value="yes"')}${button(say.no, '')}</div>`
      page(ctx, say.logoutTitle, `<p>${escaped(say.logoutText)}</p>${form}${buttons}`)
    },

    loggedOut(ctx: KoaContextWithOIDC): void {
      const say = words[languageOf(ctx)]
      page(ctx, say.goneTitle, `<p>${escaped(say.goneText)}</p>`)
    },

    /** Says nothing of the request or the reason: the log has the reference. */
    refused(ctx: KoaContextWithOIDC, reference: string): void {
      const say = words[languageOf(ctx)]
      page(ctx, say.errorTitle, `<p>${escaped(say.errorText)}</p><p class="code">${escaped(say.reference)} ${escaped(reference)}</p>`)
    },

    /** OVERLOADED, as on any other page. */
    overloaded(ctx: KoaContextWithOIDC, reference: string): void {
      const say = words[languageOf(ctx)]
      page(ctx, say.busyTitle, `<p>${escaped(say.busyText)}</p><p class="code">OVERLOADED · ${escaped(say.reference)} ${escaped(reference)}</p>`)
    },
  }
}

/** No script but the library's own, by its hash, which it adds to `script-src`. Where a form leads in the end is the shop, so `form-action` is open. */
export const pageHeaders: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; style-src 'self'; script-src; base-uri 'none'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
}
