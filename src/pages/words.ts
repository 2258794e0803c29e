import { traitTitle, type Policy } from '../config/policy.ts'
import { de } from './words-de.ts'
import { en } from './words-en.ts'
import type { Words } from './word-list.ts'

export type { DecisionWord, Words } from './word-list.ts'

export const languages = ['de', 'en'] as const
export type Language = (typeof languages)[number]

const dictionary: Readonly<Record<Language, Words>> = { de, en }

export function wordsIn(language: Language): Words {
  return dictionary[language]
}

/** A category in plain words: its own, else its nearest ancestor's with the rest of the name. */
export function categoryWord(words: Words, category: string): string {
  const own = words.categories[category]
  if (own !== undefined) return own
  const cut = category.lastIndexOf('.')
  if (cut < 0) return category
  const rest = category.slice(cut + 1)
  return `${categoryWord(words, category.slice(0, cut))} (${words.fields[rest] ?? rest.replaceAll('_', ' ')})`
}

/** A field of the schema (`Customer.email`, `Traits.clothingSize`) in plain words: for the shop's own ones, in those of its policy. */
export function fieldWord(policy: Policy, language: Language, coordinate: string): string {
  const name = coordinate.slice(coordinate.lastIndexOf('.') + 1)
  const own = coordinate.startsWith('Customer.') ? undefined : traitTitle(policy, name, language)
  return own ?? wordsIn(language).fields[name] ?? name
}

/** Why somebody is asked to prove who they are: the weightiest reason, in one sentence. */
export function reasonWord({ confirm }: Words, reasons: readonly string[]): string {
  const weighty = [
    'notMe',
    'providerEvent',
    'tokenReuse',
    'manyFailures',
    'impossibleTravel',
    'mailWayIn',
    'newDevice',
    'signedInLongAgo',
    'askedByShop',
  ] as const
  return confirm[weighty.find((reason) => reasons.includes(reason)) ?? 'factorEnrolled']
}

/** An ISO 8601 duration in calendar units (`P6M`, `P1Y6M`) as people say it. */
export function durationWord(language: Language, duration: string): string {
  const units: Readonly<Record<string, string>> = { Y: 'year', M: 'month', W: 'week', D: 'day' }
  const spoken = [...duration.matchAll(/(\d+)([YMWD])/g)].map(([, amount, letter = 'D']) =>
    new Intl.NumberFormat(language, { style: 'unit', unit: units[letter] ?? 'day', unitDisplay: 'long' }).format(Number(amount)),
  )
  return new Intl.ListFormat(language).format(spoken)
}

/** A moment for readers: day and time, in UTC since the server does not know where they are. */
export function momentWord(language: Language, moment: string): string {
  const format = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })
  return `${format.format(new Date(moment))} UTC`
}

/** The first of the wishes (`de-AT`, `en`) that the pages speak; each wish may be a list as in Accept-Language. */
export function languageOf(wishes: readonly (string | null | undefined)[], otherwise: Language): Language {
  for (const wish of wishes) {
    const named = wish?.split(/[\s,]+/).map((entry) => entry.slice(0, 2).toLowerCase())
    const spoken = named?.map((name) => languages.find((language) => language === name)).find((language) => language !== undefined)
    if (spoken) return spoken
  }
  return otherwise
}
