import { dataSubjectAccess, type Policy } from '../config/policy.ts'
import type { Derived } from '../config/personalization.ts'
import { leavesOf, type Rule } from '../config/segment-rule.ts'
import type { Mask } from '../operation.ts'
import type { GatedRow, TraitValue } from '../storage/customers.ts'
import type { FieldMasks } from './gate.ts'

/** One value that is worked out: of what, for which purposes, and where in the row the parts of it stand. */
export interface DerivedPart extends Derived {
  readonly kind: 'computed' | 'affinity' | 'segment'
  /** Of the trait, of the kind of affinity, of the segment. */
  readonly name: string
  /** Paths below `derived.<purpose>`. */
  readonly state: readonly string[]
  /** Paths elsewhere in the row. */
  readonly row: readonly string[]
}

/** A part that may be read now, and the purposes that allow it, in the order of the policy. */
export interface OpenPart {
  readonly part: DerivedPart
  readonly purposes: readonly string[]
}

/** What was worked out for one view. */
export interface DerivedValues {
  readonly traits: Readonly<Record<string, TraitValue | null>>
  /** The strongest first. */
  readonly affinities: readonly { readonly kind: string; readonly name: string; readonly score: number }[]
  /** Ids. */
  readonly segments: readonly string[]
}

export type ReadDerived = (row: GatedRow, parts: readonly OpenPart[], now: number) => DerivedValues

export const nothingDerived: DerivedValues = Object.freeze({ traits: {}, affinities: [], segments: [] })

/** Schema coordinate → what is worked out there. A field with many parts is open when one of them is; each part by its own mask. */
export function derivedFields(policy: Policy): ReadonlyMap<string, readonly DerivedPart[]> {
  const where = { count: 'sums', sum: 'sums', topN: 'tallies', distinct: 'tallies', first: 'marks', last: 'marks' } as const
  const computed = policy.computed.map(({ name, from, mask, compute }): DerivedPart => ({
    kind: 'computed',
    name,
    from,
    mask,
    state: [`${where[compute]}.${name}`],
    row: [],
  }))
  const affinities = policy.affinities.map(({ kind, from, mask }): DerivedPart => ({
    kind: 'affinity',
    name: kind,
    from,
    mask,
    state: [`interests.${kind}`],
    row: ['interestsOff'],
  }))
  const segments = policy.segments.map(({ id, from, mask, rule }): DerivedPart => ({ kind: 'segment', name: id, from, mask, ...readBy(rule, computed) }))
  return new Map<string, readonly DerivedPart[]>([
    ...computed.map((part): [string, readonly DerivedPart[]] => [`Traits.${part.name}`, [part]]),
    ['Customer.affinities', affinities],
    ['Customer.segments', segments],
    ['Customer.recommendationContext', [...computed, ...affinities, ...segments]],
  ])
}

function readBy(rule: Rule, computed: readonly DerivedPart[]): Pick<DerivedPart, 'state' | 'row'> {
  const state = new Set<string>()
  const row = new Set<string>()
  for (const leaf of leavesOf(rule)) {
    if ('profile' in leaf) row.add(leaf.profile.field)
    else if ('event' in leaf) state.add('happened')
    else if ('affinity' in leaf) {
      state.add(`interests.${leaf.affinity.kind}`)
      row.add('interestsOff')
    } else {
      const trait = computed.find(({ name }) => name === leaf.trait.name)
      if (trait) for (const path of trait.state) state.add(path)
      else row.add(`traits.${leaf.trait.name}`)
    }
  }
  return { state: [...state], row: [...row] }
}

/** Derived values are never reduced: in full, or not at all. */
export function derivedMasks(parts: readonly DerivedPart[]): FieldMasks {
  const mask = parts.reduce((all, part) => all | part.mask, dataSubjectAccess)
  return { widestFirst: [{ form: 'FULL', matchable: false, mask }], any: mask }
}

/** The parts that these purposes open; the person is shown what is held for any. */
export function openParts(parts: readonly DerivedPart[], may: Mask, policy: Policy): OpenPart[] {
  const toThePerson = (may & dataSubjectAccess) !== 0
  return parts.flatMap((part) => {
    const purposes = policy.namesOf(toThePerson ? part.mask : part.mask & may)
    return purposes.length === 0 ? [] : [{ part, purposes }]
  })
}

/** The category that all of these lie below, for naming the field. */
export function commonCategory(categories: readonly string[]): string {
  const [parts = ['user', 'behavior'], ...others] = categories.map((one) => one.split('.'))
  const parted = parts.findIndex((part, i) => others.some((other) => other[i] !== part))
  return (parted === -1 ? parts : parts.slice(0, parted)).join('.')
}
