const address = /[^\s@<>"]+@[^\s@<>"]+\.[^\s@<>"]{2,}/u
/** From abroad; at home as it is written here and in North America, in groups; a mobile of ours also in one. */
const telephones = [
  /(?:\+\d|(?<![\w-])00[1-9]\d{0,2} \d)(?:[ ()/.-]{0,2}\d){7,14}/,
  /(?<![\w-])\(?0[1-9]\d{1,4}\)?[ /-]{1,3}\d(?: ?\d){4,9}(?![\w-])/,
  /(?<![\w-])\(?[2-9]\d\d\)?[ .-]\d{3}[ .-]\d{4}(?![\w-])/,
  /(?<![\w-])01[5-7]\d{8}(?![\w-])/,
]
/** Nearly no text: with none of these there is nothing to find. */
const suspicious = /[@%+?#]|\d[\d ()/.-]{7}/
const place = /^(?:[a-z][a-z0-9+.-]*:)?\/|[?&][\w.-]+=/i

/**
 * What of a text is kept with an event, since shops put more into texts than they mean to: nothing of one that holds an address of a mailbox or a
 * telephone number, as far as it is not written like an article's, and of a place on the web nothing after `?` or `#`, where addresses and what
 * opens doors stand. Null: nothing.
 */
export function keptText(text: string): string | null {
  if (!suspicious.test(text)) return text
  if (isAddressed(text.replaceAll(/%40/g, '@')) || telephones.some((one) => one.test(text))) return null
  return !/\s/.test(text) && place.test(text) ? (/^[^?#]*/.exec(text)?.[0] ?? '') : text
}

const isAddressed = (text: string): boolean => text.includes('@') && address.test(text)
