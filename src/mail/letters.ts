import { german } from './letters-de.ts'
import { english } from './letters-en.ts'
import type { Dictionary, House, Letter, LetterKind, LetterFacts, LetterWords } from './letter.ts'

export interface WrittenLetter {
  readonly subject: string
  readonly text: string
  readonly html: string
}

/**
 * A letter in German, or in English for every other language. Pure. Nothing in it is loaded from anywhere, and every link begins with the
 * public address: one that leads elsewhere is refused with a TypeError.
 */
export function letterFor({ locale, house, ...letter }: Letter & { readonly locale: string | null; readonly house: House }): WrittenLetter {
  const dictionary = locale?.slice(0, 2).toLowerCase() === 'de' ? german : english
  const words = wordsOf(dictionary, letter)
  const link = words.link ?? { label: dictionary.account, url: `${house.publicUrl}/account` }
  if (!link.url.startsWith(`${house.publicUrl}/`)) throw new TypeError('a link in a letter leads elsewhere')
  const closing = [...(words.told === false ? [] : [dictionary.notYou]), dictionary.automatic(house.name)]
  const text = [...words.paragraphs, words.code, `${link.label}:\n${link.url}`, ...closing].filter((part) => part !== undefined)
  return { subject: `${oneLine(house.name)}: ${oneLine(words.subject)}`, text: `${text.join('\n\n')}\n`, html: pageOf(dictionary, words, link, closing) }
}

function wordsOf<Kind extends LetterKind>(dictionary: Dictionary, { kind, facts }: { readonly kind: Kind; readonly facts: LetterFacts[Kind] }): LetterWords {
  return dictionary.letters[kind](facts)
}

function pageOf(
  { language }: Dictionary,
  { subject, paragraphs, code }: LetterWords,
  link: { label: string; url: string },
  closing: readonly string[],
): string {
  const paragraph = (text: string) => `<p>${escaped(text)}</p>`
  return [
    `<!doctype html><html lang="${language}"><head><meta charset="utf-8"><title>${escaped(subject)}</title></head>`,
    '<body style="font:16px/1.5 sans-serif;color:#1f2328;background:#fff;max-width:36em;margin:0 auto;padding:16px">',
    ...paragraphs.map(paragraph),
    ...(code === undefined ? [] : [`<p style="font-size:28px;font-weight:bold;letter-spacing:4px">${escaped(code)}</p>`]),
    `<p><a href="${escaped(link.url)}">${escaped(link.label)}</a></p>`,
    ...closing.map(paragraph),
    '</body></html>',
  ].join('\n')
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => entities[sign] ?? '')

const oneLine = (text: string): string => text.replaceAll(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ').trim()
