import { sources, type SourceFile } from './made-from.ts'
import { leavesOf, misfit, tooLarge, type Rule, type RuleLeaf } from './segment-rule.ts'

/** What is wrong with a rule whose members are to be known for these purposes, in words. */
export function ruleProblems(rule: Rule, purposes: readonly string[], file: SourceFile): string[] {
  const large = tooLarge(rule)
  if (large !== null) return [large]
  const leaves = leavesOf(rule)
  const unknown = leaves.flatMap((leaf) => leafProblem(leaf, file) ?? [])
  if (unknown.length > 0) return unknown
  const made = sources(file)
  const untold = leaves.flatMap((leaf) => {
    const told = made.leaf(leaf)
    return purposes.filter((id) => !told.purposes.includes(id)).map((id) => `${id} is not told all of ${nameOf(leaf)}: ${told.from.join(', ')}`)
  })
  const missing = scans(rule) ? [`holds for whoever nothing is known of, which takes a scan of all customers: there is no index ${indexFor(leaves)}`] : []
  return [...new Set([...untold, ...missing])]
}

function leafProblem(leaf: RuleLeaf, file: SourceFile): string | null {
  if ('profile' in leaf) return misfit(leaf.profile)
  if ('event' in leaf) return file.events.some(({ name }) => name === leaf.event.name) ? null : `${leaf.event.name} is not among the events`
  if ('affinity' in leaf) return file.affinities.some(({ kind }) => kind === leaf.affinity.kind) ? null : `${leaf.affinity.kind} is no kind of affinity`
  const isTrait = [...file.attributes, ...file.computed].some(({ name }) => name === leaf.trait.name)
  return isTrait ? misfit(leaf.trait) : `${leaf.trait.name} is no trait`
}

const nameOf = (leaf: RuleLeaf): string =>
  'profile' in leaf ? leaf.profile.field : 'event' in leaf ? leaf.event.name : 'affinity' in leaf ? leaf.affinity.kind : leaf.trait.name

/**
 * Memberships are worked out when something becomes known of a person. A rule that holds where nothing is known could only be answered by
 * going through everybody.
 */
function scans(rule: Rule): boolean {
  if ('all' in rule) return rule.all.every(scans)
  if ('any' in rule) return rule.any.some(scans)
  return 'not' in rule ? !scans(rule.not) : false
}

function indexFor([leaf]: readonly RuleLeaf[]): string {
  if (leaf === undefined || 'event' in leaf) return '{ "derived.happened": 1, _id: 1 }'
  if ('affinity' in leaf) return `{ "derived.interests.${leaf.affinity.kind}": 1, _id: 1 }`
  return 'profile' in leaf ? `{ ${leaf.profile.field}: 1, _id: 1 }` : `{ "traits.${leaf.trait.name}": 1, _id: 1 }`
}
