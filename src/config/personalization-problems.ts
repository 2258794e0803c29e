import { z } from 'zod'
import { dataForms, mostSpecific } from './categories.ts'
import { catalogueEntry, type CatalogueEntry } from './event-catalogue.ts'
import { sources, type MadeFrom, type SourceFile } from './made-from.ts'
import { affinityEntry, computedEntry, segmentEntry } from './personalization-entries.ts'
import type { Problem } from './problem.ts'
import { ruleProblems } from './rule-problems.ts'
import { unnamed } from './special-categories.ts'

const known = z.object({
  locales: z.array(z.string()).catch([]),
  purposes: z.array(z.object({ id: z.string().catch(''), covers: z.array(z.object({ category: z.string(), form: z.enum(dataForms) }).loose()).catch([]) })),
  attributes: z.array(z.object({ name: z.string().catch(''), category: z.string().catch('') })).catch([]),
})

type Placed<T> = readonly (readonly [at: number, entry: T])[]
type File = SourceFile & { readonly locales: readonly string[] }

/** What events, values and segments name must be there, and the purposes they are for must be told all that they are made from. */
export function* personalizationProblems(content: unknown): Generator<Problem> {
  const file = known.safeParse(content).data
  if (file === undefined) return
  const events = entriesIn(content, 'events', catalogueEntry)
  const computed = entriesIn(content, 'computed', computedEntry)
  const affinities = entriesIn(content, 'affinities', affinityEntry)
  const segments = entriesIn(content, 'segments', segmentEntry)
  const whole: File = { ...file, events: entries(events), computed: entries(computed), affinities: entries(affinities), segments: entries(segments) }
  const made = sources(whole)
  yield* twice('events', 'name', events, ({ name }) => name)
  yield* twice('computed', 'name', computed, ({ name }) => name)
  yield* twice('affinities', 'kind', affinities, ({ kind }) => kind)
  yield* twice('segments', 'id', segments, ({ id }) => id)
  for (const [at, event] of events) yield* eventProblems(event, whole, ['events', at])
  for (const [at, entry] of computed) yield* computedProblems(entry, whole, made.computed(entry), ['computed', at])
  for (const [at, entry] of affinities) yield* affinityProblems(entry, whole, made.affinity(entry), ['affinities', at])
  for (const [at, entry] of segments) yield* segmentProblems(entry, whole, ['segments', at])
}

const entries = <T>(placed: Placed<T>): T[] => placed.map(([, entry]) => entry)

function entriesIn<T>(content: unknown, member: string, entry: z.ZodType<T>): Placed<T> {
  const list: unknown = typeof content === 'object' && content !== null ? Reflect.get(content, member) : undefined
  return Array.isArray(list) ? list.flatMap((item: unknown, at) => (entry.safeParse(item).success ? [[at, entry.parse(item)] as const] : [])) : []
}

function* twice<T>(list: string, member: string, placed: Placed<T>, nameOf: (entry: T) => string): Generator<Problem> {
  const seen = new Set<string>()
  for (const [at, entry] of placed) {
    const name = nameOf(entry)
    if (seen.has(name)) yield { path: [list, at, member], message: `${name} is already there` }
    seen.add(name)
  }
}

type Path = readonly PropertyKey[]

function* eventProblems({ purposes, properties }: CatalogueEntry, file: File, path: Path): Generator<Problem> {
  for (const [i, id] of purposes.entries()) {
    const purpose = file.purposes.find((one) => one.id === id)
    if (!purpose) yield { path: [...path, 'purposes', i], message: `${id} is no purpose` }
    for (const [name, { category }] of Object.entries(properties)) {
      const problem = purpose ? unnamed(purpose.covers, category) : null
      if (problem !== null) yield { path: [...path, 'properties', name], message: `${id} ${problem}` }
      if (purpose && mostSpecific(purpose.covers, category)?.form !== 'FULL')
        yield { path: [...path, 'properties', name], message: `${id} does not cover ${category} in full, so nothing of it may be kept for that` }
    }
  }
}

function* computedProblems(entry: z.infer<typeof computedEntry>, file: File, { purposes }: MadeFrom, path: Path): Generator<Problem> {
  const event = file.events.find(({ name }) => name === entry.event)
  if (entry.name in Object.prototype) yield { path: [...path, 'name'], message: `${entry.name} is reserved` }
  if (file.attributes.some(({ name }) => name === entry.name)) yield { path: [...path, 'name'], message: `${entry.name} is an attribute already` }
  if (entry.n !== undefined && entry.compute !== 'topN') yield { path: [...path, 'n'], message: 'n goes with topN only' }
  if (!event) return yield { path: [...path, 'event'], message: `${entry.event} is not among the events` }
  if (entry.property === undefined) {
    if (entry.compute !== 'count') return yield { path, message: `${entry.compute} needs a property` }
  } else {
    const property = event.properties[entry.property]
    if (!property) return yield { path: [...path, 'property'], message: `${entry.event} has no property ${entry.property}` }
    if (entry.compute === 'sum' && property.type !== 'Int' && property.type !== 'Float') yield { path: [...path, 'property'], message: 'sum takes a number' }
  }
  yield* forSomebody(purposes, path)
}

function* affinityProblems(entry: z.infer<typeof affinityEntry>, file: File, { purposes }: MadeFrom, path: Path): Generator<Problem> {
  let isComplete = Object.keys(entry.events).length > 0
  if (!isComplete) yield { path: [...path, 'events'], message: 'names no event' }
  for (const name of Object.keys(entry.events)) {
    const event = file.events.find((one) => one.name === name)
    const property = event?.properties[entry.property]
    isComplete &&= property !== undefined
    if (!event) yield { path: [...path, 'events', name], message: `${name} is not among the events` }
    else if (!property) yield { path: [...path, 'property'], message: `${name} has no property ${entry.property}` }
  }
  if (isComplete) yield* forSomebody(purposes, path)
}

function* forSomebody(purposes: readonly string[], path: Path): Generator<Problem> {
  if (purposes.length === 0) yield { path, message: 'no purpose is told all that it is made from' }
}

function* segmentProblems(entry: z.infer<typeof segmentEntry>, file: File, path: Path): Generator<Problem> {
  for (const locale of file.locales) if (!Object.hasOwn(entry.title, locale)) yield { path: [...path, 'title'], message: `the title in ${locale} is missing` }
  for (const [i, id] of entry.purposes.entries())
    if (!file.purposes.some((one) => one.id === id)) yield { path: [...path, 'purposes', i], message: `${id} is no purpose` }
  const declared = entry.purposes.filter((id) => file.purposes.some((one) => one.id === id))
  for (const message of ruleProblems(entry.rule, declared, file)) yield { path: [...path, 'rule'], message }
}
