const address = /[^\s@<>"]+@[^\s@<>"]+\.[^\s@<>"]{2,}/u
const telephone = /\+\d(?:[ ()/.-]{0,2}\d){7,14}/
const place = /^(?:[a-z][a-z0-9+.-]*:)?\/|[?&][\w.-]+=/i

/**
 * What of a text is kept with an event, since shops put more into texts than they mean to: nothing of one that holds an address of a mailbox or a
 * telephone number, and of a place on the web nothing after `?` or `#`, where addresses and what opens doors stand. Null: nothing.
 */
export function keptText(text: string): string | null {
  // Nearly all texts: with none of these there is nothing to find.
  if (!/[@%+?#]/.test(text)) return text
  if (isAddressed(text.replaceAll(/%40/g, '@')) || (text.includes('+') && telephone.test(text))) return null
  return !/\s/.test(text) && place.test(text) ? (/^[^?#]*/.exec(text)?.[0] ?? '') : text
}

const isAddressed = (text: string): boolean => text.includes('@') && address.test(text)
