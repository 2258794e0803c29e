import { z } from 'zod'
import { category, duration, purposeId, text } from './policy-values.ts'

export const propertyTypes = ['String', 'Int', 'Float', 'Boolean'] as const

const property = z.strictObject({ type: z.enum(propertyTypes), category })

export const catalogueEntry = z.strictObject({
  name: text(100).describe("The event's name as it is sent; $identify, $page and $group for calls of these kinds"),
  purposes: z.array(purposeId).min(1).max(29).describe('It is kept for those of them that have a legal basis at that moment'),
  retention: duration.optional().describe('The shortest retention of its purposes counts too'),
  properties: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,40}$/, 'must be letters, digits and _, at most 41'), property).default({}),
})

export type CatalogueEntry = z.infer<typeof catalogueEntry>

/** A kind of event that may be kept. */
export interface CatalogueEvent {
  readonly name: string
  readonly purposes: readonly string[]
  /** ISO 8601 durations: all of them end it. */
  readonly retention: readonly string[]
  readonly properties: ReadonlyMap<string, { readonly type: (typeof propertyTypes)[number]; readonly category: string }>
}

/** The catalogue by name, with what ends each event. */
export function catalogueOf(entries: readonly CatalogueEntry[], retentionOf: (purpose: string) => string | undefined): ReadonlyMap<string, CatalogueEvent> {
  return new Map(
    entries.map(({ name, purposes, retention, properties }) => {
      const all = [retention, ...purposes.map(retentionOf)].filter((one) => one !== undefined)
      return [name, { name, purposes, retention: [...new Set(all)], properties: new Map(Object.entries(properties)) }]
    }),
  )
}
