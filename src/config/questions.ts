import { z } from 'zod'
import { includesCategory } from './categories.ts'
import { isDuration } from './duration.ts'
import type { Problem } from './problem.ts'

/** What a person can be asked for one by one, with the category of each. */
const askable = {
  givenName: 'user.name',
  familyName: 'user.name',
  birthYear: 'user.demographic',
  postcode: 'user.contact.address.postal_code',
  country: 'user.contact.address.country',
  locale: 'user.demographic.language',
} as const
export type AskableField = keyof typeof askable
const fieldNames = ['givenName', 'familyName', 'birthYear', 'postcode', 'country', 'locale'] as const satisfies readonly AskableField[]

const said = z.string().trim().min(1).max(300)
const questionText = z.strictObject({ question: said, why: said, gives: said.describe('What the customer gets for an answer') })

const about = z
  .union([
    z.strictObject({ field: z.enum(fieldNames) }),
    z.strictObject({ trait: z.string().min(1).max(41) }),
    z.strictObject({ purpose: z.string().min(1).max(41) }),
  ])
  .describe('One of: a field of the profile, an attribute, or a purpose that waits for a decision')

export const questionEntry = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9_]{0,40}$/, 'must be lower case, digits and _, at most 41'),
  about,
  purpose: z.string().describe('What the answer is for; the question is put only while this has a basis'),
  askAgainAfter: z.string().refine(isDuration, 'is not an ISO 8601 duration such as P90D').default('P6M').describe('Nobody is asked twice within so long'),
  texts: z.record(z.string(), questionText).describe('By locale'),
})

export const questionsEntry = z
  .array(questionEntry)
  .max(100)
  .default([])
  .describe('What the profile may grow by, the most useful first; at most one is put to a person in a day')

type QuestionEntry = z.infer<typeof questionEntry>
export type QuestionAbout = QuestionEntry['about']

export interface Question {
  readonly id: string
  readonly about: QuestionAbout
  /** The purpose in whose name it is asked. */
  readonly purpose: string
  /** ISO 8601 duration. */
  readonly askAgainAfter: string
  /** By locale. */
  readonly texts: Readonly<Record<string, z.infer<typeof questionText>>>
}

const named = z.object({
  locales: z.array(z.string()).catch([]),
  purposes: z.array(
    z.object({ id: z.string().catch(''), legalBasis: z.string().catch(''), covers: z.array(z.object({ category: z.string().catch('') })).catch([]) }),
  ),
  attributes: z.array(z.object({ name: z.string().catch(''), category: z.string().catch('') })).catch([]),
})
type Named = z.infer<typeof named>

/** What a question names must be there, and its purpose must cover it: nothing is asked for that nobody may use. */
export function* questionProblems(content: unknown): Generator<Problem> {
  const file = named.safeParse(content).data
  const questions = z.object({ questions: z.array(z.unknown()) }).safeParse(content).data?.questions ?? []
  if (file === undefined) return
  const seen = new Set<string>()
  for (const [at, entry] of questions.entries()) {
    const { data } = questionEntry.safeParse(entry)
    if (data === undefined) continue
    if (seen.has(data.id)) yield { path: ['questions', at, 'id'], message: `${data.id} is already there` }
    seen.add(data.id)
    for (const locale of file.locales)
      if (!Object.hasOwn(data.texts, locale)) yield { path: ['questions', at, 'texts'], message: `the text in ${locale} is missing` }
    yield* aboutProblems(data, file, ['questions', at])
  }
}

function* aboutProblems({ about: asks, purpose }: QuestionEntry, file: Named, path: readonly PropertyKey[]): Generator<Problem> {
  const acting = file.purposes.find(({ id }) => id === purpose)
  if (acting === undefined) yield { path: [...path, 'purpose'], message: `${purpose} is no purpose` }
  if ('purpose' in asks) {
    const decided = file.purposes.find(({ id }) => id === asks.purpose)
    if (decided?.legalBasis !== 'CONSENT') yield { path: [...path, 'about', 'purpose'], message: `${asks.purpose} is no purpose that waits for consent` }
    return
  }
  const category = 'field' in asks ? askable[asks.field] : file.attributes.find(({ name }) => name === asks.trait)?.category
  if (category === undefined) yield { path: [...path, 'about', 'trait'], message: 'is no attribute' }
  else if (acting && !acting.covers.some((entry) => includesCategory(entry.category, category)))
    yield { path: [...path, 'about'], message: `${purpose} does not cover ${category}` }
}
