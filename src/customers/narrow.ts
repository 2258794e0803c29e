import { dataSubjectAccess, type Policy } from '../config/policy.ts'
import type { Site } from '../consent/site.ts'
import type { Caller, Mask } from '../operation.ts'
import type { Projection } from '../storage/customers.ts'

/** Strangers choose scopes and selections: what is kept for them is bounded. */
const mostKept = 256

/**
 * The projection of a read: as planned, but of the permission only what this caller's purposes hang on. Decisions about other purposes are
 * not even read, nor, for a tool, what ends a person's token: its own ends by itself.
 */
export function narrowing(policy: Policy) {
  const people = new WeakMap<Site, Map<Mask, Projection>>()
  const tools = new WeakMap<Site, Map<Mask, Projection>>()

  return (site: Site, { purposes, customer }: Pick<Caller, 'purposes' | 'customer'>): Projection => {
    const bySite = customer === null ? tools : people
    const known = bySite.get(site) ?? new Map<Mask, Projection>()
    bySite.set(site, known)
    const before = known.get(purposes)
    if (before) return before
    const made = customer === null ? forTool(site, purposes, policy) : forPerson(site, purposes, policy)
    if (known.size < mostKept) known.set(purposes, made)
    return made
  }
}

function forTool(site: Site, purposes: Mask, policy: Policy): Projection {
  const { tokensValidFrom: _from, endedGrants: _ended, ...rest } = forPerson(site, purposes, policy)
  return rest
}

function forPerson({ projection, fields }: Site, purposes: Mask, policy: Policy): Projection {
  const { consentVersion: _version, decisions, derived: _allOfIt, ...planned } = projection
  if (decisions === undefined || (purposes & dataSubjectAccess) !== 0) return projection
  const derived = fields
    .flatMap((field) => field.derived ?? [])
    .flatMap(({ mask, state }) => policy.namesOf(mask & purposes).flatMap((id) => state.map((path) => `derived.${id}.${path}`)))
  const needed = withRequired(purposes, policy)
  const named = policy.purposes.filter(({ mask, builtIn }) => !builtIn && (mask & needed) !== 0)
  return { ...planned, ...Object.fromEntries([...named.map(({ id }) => `decisions.${id}`), ...derived].map((path) => [path, 1 as const])) }
}

function withRequired(purposes: Mask, policy: Policy): Mask {
  const all = policy.purposes.reduce((mask, purpose) => ((purpose.mask & mask) === 0 ? mask : mask | purpose.requires), purposes)
  return all === purposes ? all : withRequired(all, policy)
}
