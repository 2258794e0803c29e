import { html, type Html } from './html.ts'

const google = html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
  <path fill="#4285f4" d="M22.5 12.2c0-.8-.1-1.5-.2-2.2H12v4.3h5.9a5 5 0 0 1-2.2 3.3v2.8h3.6c2.1-2 3.2-4.8 3.2-8.2z" />
  <path fill="#34a853" d="M12 23c3 0 5.5-1 7.3-2.6l-3.6-2.8c-1 .7-2.2 1-3.7 1-2.9 0-5.3-1.9-6.2-4.5H2.2v2.8A11 11 0 0 0 12 23z" />
  <path fill="#fbbc05" d="M5.8 14.1a6.6 6.6 0 0 1 0-4.2V7.1H2.2a11 11 0 0 0 0 9.9z" />
  <path fill="#ea4335" d="M12 5.4c1.6 0 3.1.6 4.2 1.6l3.2-3.1A11 11 0 0 0 2.2 7.1l3.6 2.8C6.7 7.3 9.1 5.4 12 5.4z" />
</svg>`
const apple = html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
  <path
    fill="currentColor"
    d="M17 12.6c0-2.3 1.9-3.4 2-3.5-1.1-1.6-2.8-1.8-3.4-1.8-1.4-.1-2.8.9-3.5.9-.8 0-1.9-.8-3.1-.8-1.6 0-3.1.9-3.9 2.4-1.7 2.9-.4 7.2 1.2 9.5.8 1.2 1.7 2.4 3 2.4s1.7-.8 3.1-.8c1.5 0 1.9.8 3.2.8s2.1-1.2 2.9-2.3c.9-1.3 1.3-2.6 1.3-2.7-.1 0-2.8-1-2.8-4.1zM14.7 5.7c.6-.8 1.1-1.9 1-3-1 0-2.1.6-2.8 1.4-.6.7-1.2 1.9-1 3 1.1.1 2.2-.6 2.8-1.4z"
  />
</svg>`
const facebook = html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
  <path
    fill="#1877f2"
    d="M23 12a11 11 0 1 0-12.7 10.9v-7.7H7.5V12h2.8V9.6c0-2.8 1.6-4.3 4.1-4.3 1.2 0 2.5.2 2.5.2v2.7h-1.4c-1.4 0-1.8.9-1.8 1.7V12h3.1l-.5 3.2h-2.6v7.7A11 11 0 0 0 23 12z"
  />
  <path fill="#fff" d="m16.3 15.2.5-3.2h-3.1V9.9c0-.9.4-1.7 1.8-1.7h1.4V5.5s-1.3-.2-2.5-.2c-2.5 0-4.1 1.5-4.1 4.3V12H7.5v3.2h2.8v7.7a11 11 0 0 0 3.4 0v-7.7z" />
</svg>`
const other = html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
  <g fill="none" stroke="currentColor" stroke-width="2">
    <circle cx="8" cy="15" r="4.5" />
    <path d="m11.5 11.5 8-8m-3.5 3.5 3 3m-6 0 2 2" stroke-linecap="round" />
  </g>
</svg>`

/** The mark that people look for on a button; a key for providers that are not household names. */
export function providerIcon(provider: string): Html {
  return { google, apple, facebook }[provider] ?? other
}

/** Two circles that overlap: what both sides agreed to. */
export const wordmark = html`<svg class="mark" viewBox="0 0 32 20" aria-hidden="true" focusable="false">
    <circle cx="11" cy="10" r="8" fill="none" stroke="currentColor" stroke-width="2.5" />
    <circle cx="21" cy="10" r="8" fill="none" stroke="currentColor" stroke-width="2.5" />
  </svg>
  Entente`
