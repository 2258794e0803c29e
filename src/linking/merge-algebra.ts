import type { CustomerRow, Decision, DecisionState } from '../storage/customers.ts'
import { isAfter, joined, profileOf, saidIn, weightier, type SaidProfile } from './profile-by-source.ts'

type Decisions = CustomerRow['decisions']

/** What is joined when two records turn out to be one person: all that has an order of its own. */
export type Person = Pick<CustomerRow, 'createdAt' | 'decisions' | 'restricted'> & SaidProfile

/**
 * One person from two records. Order and repetition make no difference, and no purpose has a basis afterwards that it lacked in either.
 * What becomes of decisions is the table in `docs/merge.md`.
 */
export function merged(a: Person, b: Person): Person {
  return {
    ...profileOf(joined(saidIn(a), saidIn(b), weightier)),
    createdAt: a.createdAt < b.createdAt ? a.createdAt : b.createdAt,
    decisions: narrowerOfAll(a.decisions, b.decisions),
    restricted: a.restricted || b.restricted,
  }
}

/** How far a word about a purpose protects. None at all is no consent, but leaves a legitimate interest as it is. */
const protection: ReadonlyMap<DecisionState | undefined, number> = new Map([
  ['granted', 0],
  [undefined, 1],
  ['pending', 2],
  ['refused', 3],
  ['withdrawn', 4],
  ['objected', 5],
])

const protectionOf = (decision: Decision | undefined): number => protection.get(decision?.state) ?? protection.size

/** The word that protects more, whatever basis the purpose stands on. Undefined: nothing is decided, so it is asked again. */
export function narrower(a: Decision | undefined, b: Decision | undefined): Decision | undefined {
  const ahead = protectionOf(a) - protectionOf(b)
  if (ahead !== 0) return ahead > 0 ? a : b
  if (a === undefined || b === undefined) return undefined
  return a.state === 'granted' ? bothYes(a, b) : isAfter(orderOf(a), orderOf(b)) ? a : b
}

/** Two yeses count where they say the same, and no longer than the one that ends first. */
function bothYes(a: Decision, b: Decision): Decision | undefined {
  if (a.textVersion !== b.textVersion || (a.expiresAt === undefined) !== (b.expiresAt === undefined)) return undefined
  const at = a.at < b.at ? a.at : b.at
  if (a.expiresAt === undefined || b.expiresAt === undefined) return { state: 'granted', textVersion: a.textVersion, at }
  return { state: 'granted', textVersion: a.textVersion, at, expiresAt: a.expiresAt < b.expiresAt ? a.expiresAt : b.expiresAt }
}

const orderOf = ({ at, textVersion, expiresAt, state }: Decision) => [at.getTime(), textVersion, expiresAt?.getTime() ?? 0, state]

function narrowerOfAll(a: Decisions, b: Decisions): Decisions {
  const both = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()
  return Object.fromEntries(
    both.flatMap((purpose) => {
      const decision = narrower(a[purpose], b[purpose])
      return decision === undefined ? [] : [[purpose, decision] as const]
    }),
  )
}
