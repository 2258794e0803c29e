import type { Policy } from '../config/policy.ts'
import { basisOf } from '../consent/gate.ts'
import type { CustomerKey, Mask } from '../operation.ts'
import type { AnonymousEventRow } from '../storage/anonymous-events.ts'
import type { BehaviourRow, DerivedChange } from '../storage/customer-batches.ts'
import type { EventRow, KeptEventRow } from '../storage/events.ts'
import { purposeOf } from './audience-marks.ts'
import type { Capturing, FitEvent } from './capture.ts'
import type { Deriver, KeptEvent } from './derive.ts'

/** What becomes of something that was sent and is fit to be kept. A call that only says who somebody is, is kept too. */
export type Outcome = 'KEPT' | 'DUPLICATE' | 'NO_PURPOSE'

/** Something a client sent, by the keys of this house. */
export interface Incoming {
  readonly client: string
  /** What the client acts for: the outcome that it is told speaks of no other purpose. */
  readonly actsFor: Mask
  /** Null for somebody whom nobody knows. */
  readonly customer: CustomerKey | null
  /** Keyed hash of the client and the id under which the browser goes; null without one. */
  readonly bucket: string | null
  /** Whether what waits in the bucket is the customer's. */
  readonly joins: boolean
  /** Null for a call that only says who somebody is. */
  readonly event: (FitEvent & { readonly id: string }) | null
}

/** What is known when a batch is looked at, all of one moment. */
export interface BatchFacts {
  readonly rows: ReadonlyMap<CustomerKey, BehaviourRow>
  /** Ids that are kept already, as far as anybody has looked. */
  readonly known: ReadonlySet<string>
  readonly waiting: readonly AnonymousEventRow[]
  /** Milliseconds. */
  readonly now: number
}

/** All that one transaction writes. */
export interface BatchPlan {
  readonly outcomes: readonly Outcome[]
  readonly events: readonly EventRow[]
  readonly anonymous: readonly AnonymousEventRow[]
  readonly changes: readonly DerivedChange[]
  /** Whose memberships are others than before, or whose traits are, as members. */
  readonly moves: readonly Move[]
  /** Buckets whose events went to their customer or nowhere. */
  readonly emptied: readonly string[]
}

/** Somebody came into segments or left some, or stays in one as another one. */
export interface Move {
  readonly before: BehaviourRow
  readonly memberships: readonly string[]
  /** Null when memberships are the same. */
  readonly version: number | null
  /** Purposes for which a computed trait of a member became another one. */
  readonly changed: readonly string[]
}

export interface PlanParts {
  readonly policy: Policy
  readonly capturing: Capturing
  readonly deriver: Deriver
}

interface Person {
  readonly row: BehaviourRow
  readonly basis: number
  readonly byPurpose: Map<string, KeptEvent[]>
}

/**
 * Decides a batch: who is known, what has a basis now, what is new, and what follows for what is derived. Pure. An event counts for a
 * purpose when the person gives a basis for it, and when it happened and was received since they did.
 */
export function planBatch({ policy, capturing, deriver }: PlanParts, incoming: readonly Incoming[], { rows, known, waiting, now }: BatchFacts): BatchPlan {
  const seen = new Set(known)
  const people = new Map<CustomerKey, Person>()
  const events: EventRow[] = []
  const anonymous: AnonymousEventRow[] = []
  const emptied = new Set<string>()

  function personOf(key: CustomerKey): Person | null {
    const found = people.get(key)
    if (found) return found
    const row = rows.get(key)
    if (row === undefined) return null
    const person = { row, basis: basisOf(row, policy, now), byPurpose: new Map<string, KeptEvent[]>() }
    people.set(key, person)
    return person
  }

  function keepFor(person: Person, event: KeptEventRow): void {
    const { purposes } = event
    if (purposes.length === 0) return
    const { _id: id, name, at, receivedAt, client, properties, expiresAt } = event
    events.push({ _id: id, customer: person.row._id, name, at, receivedAt, client, purposes, properties, expiresAt })
    const kept = { id, name, at, receivedAt, properties }
    for (const purpose of purposes) {
      const all = person.byPurpose.get(purpose)
      if (all) all.push(kept)
      else person.byPurpose.set(purpose, [kept])
    }
  }

  function join(person: Person, bucket: string): void {
    if (emptied.has(bucket)) return
    emptied.add(bucket)
    const allowed = capturing.purposesOf({ purposes: ~0 }, person.basis)
    for (const { bucket: its, ...event } of waiting) {
      if (its !== bucket || seen.has(event._id)) continue
      seen.add(event._id)
      const purposes = event.purposes.filter((id) => allowed.includes(id))
      keepFor(person, { ...event, purposes: receivedSince(person, event, purposes) })
    }
  }

  function keepAnonymous({ client, bucket }: Incoming, event: FitEvent & { readonly id: string }): Outcome {
    const purposes = bucket === null ? [] : capturing.anonymousPurposesOf(event)
    if (bucket === null || purposes.length === 0) return 'NO_PURPOSE'
    const { id: _id, name, at, receivedAt, properties } = event
    anonymous.push({ _id, bucket, name, at, receivedAt, client, purposes, properties, expiresAt: capturing.anonymousUntil(event) })
    return 'KEPT'
  }

  function outcomeOf(one: Incoming): Outcome {
    const { customer, bucket, event } = one
    const person = customer === null ? null : personOf(customer)
    if (person !== null && one.joins && bucket !== null) join(person, bucket)
    if (event === null) return 'KEPT'
    const isNew = !seen.has(event.id)
    seen.add(event.id)
    if (customer === null) return isNew ? keepAnonymous(one, event) : 'DUPLICATE'
    if (person === null) return 'NO_PURPOSE'
    const purposes = happenedSince(person, event, receivedSince(person, event, capturing.purposesOf(event, person.basis)))
    const { id: _id, name, at, receivedAt, properties, expiresAt } = event
    if (isNew) keepFor(person, { _id, name, at, receivedAt, client: one.client, purposes, properties, expiresAt })
    const own = capturing.purposesOf(event, one.actsFor)
    if (!purposes.some((id) => own.includes(id))) return 'NO_PURPOSE'
    return isNew ? 'KEPT' : 'DUPLICATE'
  }

  const outcomes = incoming.map(outcomeOf)
  const active = [...people.values()].filter(({ byPurpose }) => byPurpose.size > 0)
  const changes = active.map((person) => changeOf(deriver, person, now))
  const moves = active.flatMap((person, n): Move[] => {
    const change = changes[n]
    if (change === undefined) return []
    const { memberships, version } = change
    const changed = memberships.length === 0 ? [] : shownAnew(deriver, person, change, now)
    return version === null && changed.length === 0 ? [] : [{ before: person.row, memberships, version, changed }]
  })
  return { outcomes, events, anonymous, changes, moves, emptied: [...emptied] }
}

/** Nothing from before a purpose ended counts for it, however it comes back. */
const receivedSince = ({ row: { behaviourFrom } }: Person, { receivedAt }: Pick<FitEvent, 'receivedAt'>, purposes: readonly string[]) =>
  behaviourFrom ? purposes.filter((id) => !(receivedAt < (behaviourFrom[id] ?? 0))) : purposes

/** Nor does what a device kept back from before the yes. */
const happenedSince = ({ row: { decisions } }: Person, { at }: FitEvent, purposes: readonly string[]) =>
  purposes.filter((id) => !(at < (decisions[id]?.at ?? 0)))

/** Written for everybody who did something, so that a decision at the same moment comes before it or after it as a whole. */
function changeOf(deriver: Deriver, { row, byPurpose }: Person, now: number): DerivedChange {
  const derived = new Map(
    [...byPurpose].map(([purpose, events]) => [purpose, deriver.apply(row.derived?.[purpose], purpose, events, now, row.interestsOff ?? [])]),
  )
  const after = { ...row, derived: { ...row.derived, ...Object.fromEntries(derived) } }
  const { memberships, due } = deriver.memberships(after, now)
  const isSame = memberships.join() === (row.memberships ?? []).join()
  return { customer: row._id, derived, memberships, due, version: isSame ? null : (row.membershipVersion ?? 0) + 1 }
}

/** Members of an audience are handed out with their computed traits, so audiences learn when these become others. */
function shownAnew(deriver: Deriver, { row, byPurpose }: Person, { derived, memberships }: DerivedChange, now: number): string[] {
  return [...byPurpose].flatMap(([purpose, events]) => {
    const isMember = memberships.some((audience) => purposeOf(audience) === purpose)
    return isMember && deriver.shows(row.derived?.[purpose], derived.get(purpose), purpose, events, now) ? [purpose] : []
  })
}
