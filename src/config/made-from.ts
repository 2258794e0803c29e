import { mostSpecific, ruleFields } from './categories.ts'
import type { CatalogueEntry } from './event-catalogue.ts'
import type { affinityEntry, computedEntry, segmentEntry } from './personalization-entries.ts'
import type { AttributeEntry, PurposeEntry } from './policy-file.ts'
import { leavesOf, type RuleLeaf } from './segment-rule.ts'
import type { z } from 'zod'

type Computed = z.infer<typeof computedEntry>
type Affinity = z.infer<typeof affinityEntry>
type SegmentOf = z.infer<typeof segmentEntry>

/** The sections that say what is known of a person. */
export interface SourceFile {
  readonly purposes: readonly Pick<PurposeEntry, 'id' | 'covers'>[]
  readonly attributes: readonly Pick<AttributeEntry, 'name' | 'category'>[]
  readonly events: readonly CatalogueEntry[]
  readonly computed: readonly Computed[]
  readonly affinities: readonly Affinity[]
  readonly segments: readonly SegmentOf[]
}

/** What a value is made from, and the purposes that may be told it. */
export interface MadeFrom {
  readonly from: readonly string[]
  readonly purposes: readonly string[]
}

/**
 * Derived data inherits: a purpose is told a value only when it is told everything in full that the value was made from, and when the
 * events behind it are kept for that purpose.
 */
export function sources({ purposes, attributes, events, computed, affinities }: SourceFile) {
  const everyPurpose = purposes.map(({ id }) => id)
  const event = (name: string) => events.find((one) => one.name === name)

  const inherits = (from: readonly string[], allowed: readonly string[]): MadeFrom => ({
    from: [...new Set(from)].sort(),
    purposes: purposes
      .filter(({ id, covers }) => allowed.includes(id) && from.every((category) => mostSpecific(covers, category)?.form === 'FULL'))
      .map(({ id }) => id),
  })

  /** That something was done tells what all of its properties are about. */
  function happened(name: string): MadeFrom {
    const { properties = {}, purposes: keptFor = [] } = event(name) ?? {}
    const categories = Object.values(properties).map(({ category }) => category)
    return inherits(categories.length > 0 ? categories : ['user.behavior'], keptFor)
  }

  function said(name: string, property: string): MadeFrom {
    const category = event(name)?.properties[property]?.category
    return inherits(category === undefined ? [] : [category], category === undefined ? [] : (event(name)?.purposes ?? []))
  }

  const together = (parts: readonly MadeFrom[], allowed: readonly string[] = everyPurpose): MadeFrom => ({
    from: [...new Set(parts.flatMap(({ from }) => from))].sort(),
    purposes: allowed.filter((id) => parts.every((part) => part.purposes.includes(id))),
  })

  const ofComputed = ({ event: name, property }: Computed): MadeFrom => (property === undefined ? happened(name) : said(name, property))
  const ofAffinity = (entry: Affinity): MadeFrom => together(Object.keys(entry.events).map((name) => said(name, entry.property)))

  function ofLeaf(leaf: RuleLeaf): MadeFrom {
    if ('profile' in leaf) return inherits([ruleFields[leaf.profile.field]], everyPurpose)
    if ('event' in leaf) return happened(leaf.event.name)
    if ('affinity' in leaf) return together(affinities.filter(({ kind }) => kind === leaf.affinity.kind).map(ofAffinity))
    const attribute = attributes.find(({ name }) => name === leaf.trait.name)
    if (attribute) return inherits([attribute.category], everyPurpose)
    return together(computed.filter(({ name }) => name === leaf.trait.name).map(ofComputed))
  }

  return {
    computed: ofComputed,
    affinity: ofAffinity,
    leaf: ofLeaf,
    segment: ({ rule, purposes: declared }: SegmentOf): MadeFrom => together(leavesOf(rule).map(ofLeaf), declared),
  }
}
