import type { z } from 'zod'
import type { Mask } from '../operation.ts'
import { daysOf } from './duration.ts'
import type { CatalogueEvent } from './event-catalogue.ts'
import { sources, type SourceFile } from './made-from.ts'
import type { computedEntry, Computation } from './personalization-entries.ts'
import { ruleProblems } from './rule-problems.ts'
import { leavesOf, type Rule } from './segment-rule.ts'

/** A value that was worked out, and what reading it takes. */
export interface Derived {
  /** Categories that it was made from. */
  readonly from: readonly string[]
  /** Purposes that were told of all of it in full, and that its events are kept for. */
  readonly mask: Mask
}

export interface ComputedTrait extends Derived {
  readonly name: string
  readonly compute: Computation
  readonly event: string
  readonly property: string | null
  /** Days that count, today included. */
  readonly days: number
  readonly n: number
  readonly type: 'String' | 'Int' | 'Float' | 'Boolean'
  readonly list: boolean
  /** By locale. */
  readonly titles: ReadonlyMap<string, string>
}

export interface AffinityKind extends Derived {
  readonly kind: string
  /** Event → what one of them adds. */
  readonly weights: ReadonlyMap<string, number>
  readonly property: string
  /** Days after which an interest counts half. */
  readonly halfLife: number
  /** Days that count. */
  readonly days: number
}

export interface Segment extends Derived {
  readonly id: string
  /** By locale. */
  readonly titles: ReadonlyMap<string, string>
  readonly rule: Rule
}

export interface Personalization {
  readonly events: ReadonlyMap<string, CatalogueEvent>
  readonly computed: readonly ComputedTrait[]
  readonly affinities: readonly AffinityKind[]
  readonly segments: readonly Segment[]
  /** Event → days of which rules ask how often it happened. */
  readonly counted: ReadonlyMap<string, number>
  /** What is wrong with a rule whose members are to be known for these purposes, in words. */
  readonly problemsOf: (rule: Rule, purposes: readonly string[]) => string[]
}

/** The sections of a checked file, with what each value is made from and for whom. */
export function personalizationOf(file: SourceFile, events: ReadonlyMap<string, CatalogueEvent>, maskOf: (ids: Iterable<string>) => Mask): Personalization {
  const made = sources(file)
  const keptDays = (event: string): number => Math.min(...(events.get(event)?.retention ?? []).map(daysOf))
  const daysBack = (event: string, window: string | undefined): number => Math.min(keptDays(event), window === undefined ? Infinity : daysOf(window))
  const derived = ({ from, purposes }: { readonly from: readonly string[]; readonly purposes: readonly string[] }): Derived => ({
    from,
    mask: maskOf(purposes),
  })
  return {
    events,
    computed: file.computed.map((entry) => ({
      ...derived(made.computed(entry)),
      name: entry.name,
      compute: entry.compute,
      event: entry.event,
      property: entry.property ?? null,
      days: daysBack(entry.event, entry.window),
      n: entry.n ?? 3,
      ...typeOf(entry, events),
      titles: new Map(Object.entries(entry.titles ?? {})),
    })),
    affinities: file.affinities.map((entry) => ({
      ...derived(made.affinity(entry)),
      kind: entry.kind,
      weights: new Map(Object.entries(entry.events)),
      property: entry.property,
      halfLife: daysOf(entry.halfLife),
      days: Math.min(...Object.keys(entry.events).map(keptDays)),
    })),
    segments: file.segments.map((entry) => ({ ...derived(made.segment(entry)), id: entry.id, titles: new Map(Object.entries(entry.title)), rule: entry.rule })),
    counted: countedIn(file.segments, daysBack),
    problemsOf: (rule, purposes) => ruleProblems(rule, purposes, file),
  }
}

function typeOf(
  { compute, event, property }: z.infer<typeof computedEntry>,
  events: ReadonlyMap<string, CatalogueEvent>,
): Pick<ComputedTrait, 'type' | 'list'> {
  if (compute === 'count' || compute === 'distinct') return { type: 'Int', list: false }
  if (compute === 'sum') return { type: 'Float', list: false }
  if (compute === 'topN') return { type: 'String', list: true }
  return { type: events.get(event)?.properties.get(property ?? '')?.type ?? 'String', list: false }
}

function countedIn(segments: readonly { readonly rule: Rule }[], daysBack: (event: string, window: string | undefined) => number): ReadonlyMap<string, number> {
  const counted = new Map<string, number>()
  for (const leaf of segments.flatMap(({ rule }) => leavesOf(rule)))
    if ('event' in leaf) counted.set(leaf.event.name, Math.max(counted.get(leaf.event.name) ?? 0, daysBack(leaf.event.name, leaf.event.within)))
  return counted
}
