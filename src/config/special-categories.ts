import { includesCategory, mostSpecific } from './categories.ts'
import type { PurposeMembers } from './policy-file.ts'
import type { Problem } from './problem.ts'

/** What Art. 9(1) and Art. 10 GDPR protect more than the rest. */
const special = [
  'user.authorization.biometric',
  'user.biometric',
  'user.criminal_history',
  'user.demographic.political_opinion',
  'user.demographic.race_ethnicity',
  'user.demographic.religious_belief',
  'user.health_and_medical',
]
const bases = ['CONSENT', 'LEGAL_OBLIGATION']

/** A purpose that names such data needs the person's word for it, or the law's. */
export function* basisProblems({ legalBasis, covers = [] }: PurposeMembers, path: readonly PropertyKey[]): Generator<Problem> {
  for (const [i, { category }] of covers.entries())
    if (special.some((one) => includesCategory(one, category)) && legalBasis !== undefined && !bases.includes(legalBasis))
      yield { path: [...path, i, 'category'], message: `${category} is special data (Art. 9, 10 GDPR): it goes with ${bases.join(' and ')} only` }
}

/** Why a purpose may not be told this; null when it may, or is not told it at all. Nobody agrees to such data under a broader name. */
export function unnamed(covers: readonly { readonly category: string }[], category: string): string | null {
  const kind = special.find((one) => includesCategory(one, category))
  const entry = mostSpecific(covers, category)
  if (kind === undefined || entry === null || includesCategory(kind, entry.category)) return null
  return `covers ${category} by ${entry.category} alone: special data (Art. 9, 10 GDPR) is named`
}
