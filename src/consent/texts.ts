import type { DataForm, LegalBasis, Policy } from '../config/policy.ts'

/** A purpose as it is put to people, in one language. */
export interface PurposeInWords {
  readonly id: string
  readonly title: string
  readonly text: string
  readonly textVersion: string
  readonly legalBasis: LegalBasis
  readonly categories: readonly { readonly category: string; readonly form: DataForm }[]
  readonly clients: readonly string[]
}

/** The policy's language that suits best: `wanted` is a language tag or an Accept-Language header (RFC 9110, 12.5.4). */
export function localeFor(wanted: string | null, policy: Policy): string {
  const ranges = (wanted ?? '')
    .slice(0, 500)
    .split(',')
    .map((range) => {
      const [tag = '', ...parameters] = range.trim().split(';')
      const weight = parameters.map((parameter) => /^\s*q=([\d.]+)$/.exec(parameter)?.[1]).find((q) => q !== undefined)
      return { tag: tag.toLowerCase(), weight: weight === undefined ? 1 : Number(weight) }
    })
  for (const { tag, weight } of ranges.sort((a, b) => b.weight - a.weight)) {
    const language = tag.split('-')[0]
    const suits = policy.locales.find((locale) => locale.toLowerCase() === tag) ?? policy.locales.find((locale) => locale.split('-')[0] === language)
    if (suits !== undefined && weight > 0) return suits
  }
  return policy.defaultLocale
}

/** What is asked for, in policy order; built-in purposes ask for nothing. */
export function purposesIn(locale: string, policy: Policy): PurposeInWords[] {
  return policy.purposes
    .filter(({ builtIn }) => !builtIn)
    .map(({ id, texts, textVersion, legalBasis, coverage, clients }) => ({
      id,
      title: texts.get(locale)?.title ?? id,
      text: texts.get(locale)?.text ?? '',
      textVersion,
      legalBasis,
      categories: coverage.map(({ category, form }) => ({ category, form })),
      clients: [...clients],
    }))
}
