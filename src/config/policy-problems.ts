import { formsOf, includesCategory, profileCategories, type FieldKind } from './categories.ts'
import type { AttributeMembers, PolicyFile, PurposeMembers } from './policy-file.ts'
import type { Problem } from './problem.ts'
import { basisProblems, unnamed } from './special-categories.ts'

/** Masks are 32-bit; one bit is the sign and two are the built-in purposes. */
const mostPurposes = 29
const builtInIds = ['data_subject_access', 'consent_record']

/** The well-formed members of an entry, with its position in the file. */
export interface Placed<T> {
  readonly at: number
  readonly entry: T
}

type Common = Pick<PolicyFile, 'locales' | 'onlyForThePerson'>

/** What the shape of single entries cannot show: contradictions between them. */
export function* contradictions(
  file: Common,
  purposes: readonly Placed<PurposeMembers>[],
  attributes: readonly Placed<AttributeMembers>[],
): Generator<Problem> {
  const fields = [
    ...profileCategories,
    ...attributes.flatMap(({ entry: { category, type, list = false } }): FieldKind[] => (category && type ? [{ category, type, list }] : [])),
  ]
  if (purposes.length > mostPurposes) yield { path: ['purposes', mostPurposes], message: `more than ${mostPurposes} purposes do not fit` }
  yield* twice('purposes', 'id', purposes, ({ id }) => id)
  yield* twice('attributes', 'name', attributes, ({ name }) => name)
  for (const { at, entry } of purposes) {
    if (entry.id && (builtInIds.includes(entry.id) || entry.id in Object.prototype)) yield { path: ['purposes', at, 'id'], message: `${entry.id} is reserved` }
    yield* coverageProblems(entry, ['purposes', at, 'covers'], fields)
    yield* basisProblems(entry, ['purposes', at, 'covers'])
    for (const category of new Set(fields.map((field) => field.category))) {
      const problem = unnamed(entry.covers ?? [], category)
      if (problem !== null) yield { path: ['purposes', at, 'covers'], message: problem }
    }
    yield* textProblems(entry, ['purposes', at, 'texts'], file.locales)
    if (entry.confirm !== undefined && entry.legalBasis !== 'CONSENT') yield { path: ['purposes', at, 'confirm'], message: 'goes with CONSENT only' }
    if (entry.minimumAge !== undefined && entry.legalBasis !== 'CONSENT') yield { path: ['purposes', at, 'minimumAge'], message: 'goes with CONSENT only' }
    if (entry.onGpc !== undefined && entry.legalBasis !== 'CONSENT' && entry.legalBasis !== 'LEGITIMATE_INTEREST')
      yield { path: ['purposes', at, 'onGpc'], message: 'goes with CONSENT and LEGITIMATE_INTEREST only' }
    if (entry.keptAfterErasure !== undefined && entry.legalBasis !== 'CONTRACT' && entry.legalBasis !== 'LEGAL_OBLIGATION')
      yield { path: ['purposes', at, 'keptAfterErasure'], message: 'goes with CONTRACT and LEGAL_OBLIGATION only' }
  }
  yield* requirementProblems(purposes)
  yield* attributeProblems(attributes)
}

function* twice<T>(list: string, member: string, entries: readonly Placed<T>[], nameOf: (entry: T) => string | undefined): Generator<Problem> {
  const seen = new Set<string>()
  for (const { at, entry } of entries) {
    const name = nameOf(entry)
    if (name === undefined) continue
    if (seen.has(name)) yield { path: [list, at, member], message: `${name} is already there` }
    seen.add(name)
  }
}

function* coverageProblems(purpose: PurposeMembers, path: readonly PropertyKey[], fields: readonly FieldKind[]): Generator<Problem> {
  const seen = new Set<string>()
  for (const [i, { category, form, matchable }] of (purpose.covers ?? []).entries()) {
    if (seen.has(category)) yield { path: [...path, i, 'category'], message: `${category} is already there` }
    seen.add(category)
    if (matchable && form !== 'HASH') yield { path: [...path, i, 'matchable'], message: 'matchable goes with HASH only' }
    const reached = fields.filter((field) => includesCategory(category, field.category))
    if (form !== 'FULL' && !reached.some((field) => formsOf(field).includes(form)))
      yield { path: [...path, i, 'form'], message: `no field of ${category} can take the form ${form}` }
  }
}

function* textProblems(purpose: PurposeMembers, path: readonly PropertyKey[], locales: readonly string[]): Generator<Problem> {
  const earlier = new Set<string>()
  let lastDate = ''
  for (const [i, text] of (purpose.texts ?? []).entries()) {
    const { version, date, correctsSpellingOf, ...languages } = text
    if (earlier.has(version)) yield { path: [...path, i, 'version'], message: `version ${version} is already there` }
    if (date < lastDate) yield { path: [...path, i, 'date'], message: 'the texts are not in the order of their dates' }
    if (correctsSpellingOf !== undefined && !earlier.has(correctsSpellingOf))
      yield { path: [...path, i, 'correctsSpellingOf'], message: `${correctsSpellingOf} is no earlier version` }
    for (const locale of locales) if (!Object.hasOwn(languages, locale)) yield { path: [...path, i], message: `the text in ${locale} is missing` }
    for (const locale of Object.keys(languages))
      if (!locales.includes(locale)) yield { path: [...path, i, locale], message: `${locale} is not one of the locales` }
    earlier.add(version)
    lastDate = date
  }
}

function* requirementProblems(purposes: readonly Placed<PurposeMembers>[]): Generator<Problem> {
  const byId = new Map(purposes.map(({ entry }) => [entry.id, entry]))
  const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
    from === to || (!seen.has(from) && (byId.get(from)?.requires ?? []).some((next) => reaches(next, to, seen.add(from))))
  for (const { at, entry } of purposes) {
    for (const [i, required] of (entry.requires ?? []).entries()) {
      const path = ['purposes', at, 'requires', i]
      if (!byId.has(required)) yield { path, message: `${required} is no purpose` }
      else if (entry.id && reaches(required, entry.id)) yield { path, message: `${entry.id} requires itself by way of ${required}` }
    }
  }
}

function* attributeProblems(attributes: readonly Placed<AttributeMembers>[]): Generator<Problem> {
  for (const { at, entry } of attributes) {
    if (entry.name && entry.name in Object.prototype) yield { path: ['attributes', at, 'name'], message: `${entry.name} is reserved` }
    if (entry.values && entry.type !== 'String') yield { path: ['attributes', at, 'values'], message: 'values go with the type String only' }
  }
}

/** A field that nobody may read is collected for nothing, unless the file says that it is the person's own affair. */
export function* uncovered(file: Common, purposes: readonly Placed<PurposeMembers>[], attributes: readonly Placed<AttributeMembers>[]): Generator<Problem> {
  const named = [...file.onlyForThePerson, ...purposes.flatMap(({ entry }) => (entry.covers ?? []).map(({ category }) => category))]
  const isCovered = (category: string) => named.some((broader) => includesCategory(broader, category))
  for (const { category } of profileCategories)
    if (!isCovered(category)) yield { path: ['purposes'], message: `no purpose covers ${category}; if that is meant, list it under onlyForThePerson` }
  for (const { at, entry } of attributes)
    if (entry.category && !isCovered(entry.category))
      yield { path: ['attributes', at, 'category'], message: `no purpose covers ${entry.category}; if that is meant, list it under onlyForThePerson` }
}
