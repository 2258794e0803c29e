import type { Policy } from '../config/policy.ts'
import type { DerivedPart, DerivedValues, ReadDerived } from '../consent/derived.ts'
import type { GatedRow, TraitValue } from '../storage/customers.ts'
import { interestsAt } from './affinities.ts'
import { computedValue } from './computed-traits.ts'
import { factsFor } from './memberships.ts'
import { segmentRules } from './segment-rules.ts'

/** Nobody needs more, and a finer one would tell the second of the last event. */
const rounded = (score: number): number => Math.round(score * 100) / 100

/**
 * Works out what a view shows of behaviour, from the states of the purposes that allow it and of no other. At the moment of reading: what
 * has left its window, faded or been switched off is gone without anybody having written anything.
 */
export function derivedReader(policy: Policy): ReadDerived {
  const traits = new Map(policy.computed.map((trait) => [trait.name, trait]))
  const kinds = new Map(policy.affinities.map((kind) => [kind.kind, kind]))
  const segments = new Map(policy.segments.map((segment) => [segment.id, segment]))
  const rules = segmentRules(policy)

  const told = (row: GatedRow, purposes: readonly string[]) => purposes.find((id) => row.derived?.[id] !== undefined)

  function affinitiesOf(row: GatedRow, { name }: DerivedPart, purposes: readonly string[], now: number): DerivedValues['affinities'] {
    const kind = kinds.get(name)
    const purpose = told(row, purposes)
    if (!kind || purpose === undefined) return []
    const off = new Set(row.interestsOff)
    return interestsAt(kind, row.derived?.[purpose]?.interests?.[name], now, off).map((interest) => ({
      kind: name,
      name: interest.name,
      score: rounded(interest.score),
    }))
  }

  function isIn(row: GatedRow, id: string, purposes: readonly string[], now: number): boolean {
    const segment = segments.get(id)
    return segment !== undefined && purposes.some((purpose) => rules.holds(segment.rule, factsFor(row, purpose), now))
  }

  return (row, parts, now) => {
    const values: Record<string, TraitValue | null> = {}
    const affinities: DerivedValues['affinities'][number][] = []
    const belongsTo: string[] = []
    for (const { part, purposes } of parts) {
      const purpose = told(row, purposes)
      const trait = traits.get(part.name)
      if (part.kind === 'computed' && trait) values[part.name] = purpose === undefined ? null : computedValue(trait, row.derived?.[purpose], now)
      else if (part.kind === 'affinity') affinities.push(...affinitiesOf(row, part, purposes, now))
      else if (part.kind === 'segment' && isIn(row, part.name, purposes, now)) belongsTo.push(part.name)
    }
    return { traits: values, affinities, segments: belongsTo }
  }
}
