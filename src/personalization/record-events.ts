import type { Connection } from 'mongoose'
import { EntenteError } from '../errors.ts'
import type { AnonymousEventStore } from '../storage/anonymous-events.ts'
import type { CustomerBatches } from '../storage/customer-batches.ts'
import type { EventStore } from '../storage/events.ts'
import { isRefusal } from '../storage/away.ts'
import { inTransaction, isDuplicateKey, type Tx } from '../storage/transaction.ts'
import type { Refusal } from './capture.ts'
import { planBatch, type BatchPlan, type Incoming, type Move, type Outcome, type PlanParts } from './plan-batch.ts'

export interface RecordEventsParts extends PlanParts {
  readonly db: Connection
  readonly batches: CustomerBatches
  /** Puts into the transaction that audiences learn of it. */
  readonly moved: (tx: Tx, moves: readonly Move[], at: Date) => Promise<void>
  readonly behaviour: Pick<EventStore, 'known' | 'insert'>
  readonly anonymous: Pick<AnonymousEventStore, 'known' | 'insert' | 'of' | 'empty'>
  /** Something that could not be written although MongoDB was there. */
  readonly report: (error: unknown) => void
  /** Milliseconds. */
  readonly now: () => number
}

export type RecordEvents = (incoming: readonly Incoming[]) => Promise<readonly (Outcome | Extract<Refusal, 'INVALID_PROPERTIES'>)[]>

/** Events that wait at most, and that go into one transaction. */
const mostWaiting = 20_000
const together = 1_000
/** Transactions under way at once: while MongoDB writes one, the next is worked out. */
const atOnce = 2
const mostJoined = 1_000
const mostAttempts = 5

interface Request {
  readonly incoming: readonly Incoming[]
  readonly settle: (outcomes: Awaited<ReturnType<RecordEvents>>) => void
  readonly fail: (error: unknown) => void
}

/**
 * Keeps what was sent: when the answer comes, it is durable, and counted once however often it is sent. Requests that come while a
 * transaction is under way go into the next one together, so many small ones cost little more than a large one. OVERLOADED when too many
 * wait, or while MongoDB is away: who repeats it loses and doubles nothing.
 */
export function recordEvents(parts: RecordEventsParts): RecordEvents {
  const lanes = Array.from({ length: atOnce }, (_, n) => laneOf(parts, `events/${n}`))
  return async (incoming) => {
    const waiting = lanes.reduce((all, lane) => all + lane.waiting(), 0)
    if (waiting + incoming.length > mostWaiting) throw new EntenteError('OVERLOADED', { waiting }, { retryAfter: 1 })
    const own = lanes.map((lane, n) => ({ lane, share: incoming.filter((one) => placeOf(one) === n) }))
    const answers = await Promise.all(own.map(({ lane, share }) => (share.length === 0 ? Promise.resolve([]) : lane.keep(share))))
    const next = answers.map((outcomes) => outcomes.values())
    return incoming.flatMap((one) => next[placeOf(one)]?.next().value ?? [])
  }
}

/** One person's events never meet in two transactions at once. What hangs on a browser keeps its order; should it meet its person, MongoDB notices. */
const placeOf = ({ customer, bucket }: Incoming): number => (customer === null || bucket !== null ? 0 : customer.charCodeAt(0) % atOnce)

/** One transaction after the other. */
function laneOf(parts: RecordEventsParts, name: string) {
  const waiting: Request[] = []
  let events = 0
  let working = false

  async function work(): Promise<void> {
    working = true
    for (let group = next(); group.length > 0; group = next()) await answer(parts, name, group)
    working = false
  }

  function next(): Request[] {
    let [requests, size] = [0, 0]
    for (; requests < waiting.length; requests++) {
      size += waiting[requests]?.incoming.length ?? 0
      if (requests > 0 && size > together) break
    }
    const group = waiting.splice(0, requests)
    for (const { incoming } of group) events -= incoming.length
    return group
  }

  return {
    waiting: (): number => events,
    keep(incoming: readonly Incoming[]): ReturnType<RecordEvents> {
      events += incoming.length
      const { promise, resolve: settle, reject: fail } = Promise.withResolvers<Awaited<ReturnType<RecordEvents>>>()
      waiting.push({ incoming, settle, fail })
      if (!working) void work()
      return promise
    },
  }
}

async function answer(parts: RecordEventsParts, lane: string, group: readonly Request[]): Promise<void> {
  try {
    const outcomes = await kept(
      parts,
      lane,
      group.flatMap(({ incoming }) => incoming),
    )
    let from = 0
    for (const { incoming, settle } of group) settle(outcomes.slice(from, (from += incoming.length)))
  } catch (error) {
    for (const { fail } of group) fail(error)
  }
}

/** What cannot be written spoils nothing but itself: it is looked for by halves. */
async function kept(parts: RecordEventsParts, lane: string, incoming: readonly Incoming[]): Promise<(Outcome | 'INVALID_PROPERTIES')[]> {
  try {
    return [...(await keptTogether(parts, lane, incoming))]
  } catch (error) {
    if (!isRefusal(error)) throw error
    if (incoming.length > 1) {
      const middle = Math.ceil(incoming.length / 2)
      return [...(await kept(parts, lane, incoming.slice(0, middle))), ...(await kept(parts, lane, incoming.slice(middle)))]
    }
    parts.report(error)
    return ['INVALID_PROPERTIES']
  }
}

/** Events are hardly ever sent twice, so whether they are known is asked only after one of them was. */
async function keptTogether(parts: RecordEventsParts, lane: string, incoming: readonly Incoming[]): Promise<readonly Outcome[]> {
  const now = parts.now()
  for (let attempt = 1; ; attempt++) {
    try {
      return await inTransaction(parts.db, lane, (tx) => keptIn(parts, tx, incoming, now, attempt > 1))
    } catch (error) {
      if (!isDuplicateKey(error) || attempt === mostAttempts) throw error
    }
  }
}

async function keptIn(parts: RecordEventsParts, tx: Tx, incoming: readonly Incoming[], now: number, look: boolean): Promise<readonly Outcome[]> {
  const { batches, behaviour, anonymous } = parts
  const keys = [...new Set(incoming.flatMap(({ customer }) => customer ?? []))]
  const buckets = [...new Set(incoming.flatMap(({ customer, bucket, joins }) => (joins && customer !== null && bucket !== null ? [bucket] : [])))]
  const rows = keys.length === 0 ? [] : await batches.read(keys, tx)
  const waiting = buckets.length === 0 ? [] : await anonymous.of(buckets, mostJoined, tx)
  const ids = [...waiting.map(({ _id }) => _id), ...(look ? incoming.flatMap(({ event }) => event?.id ?? []) : [])]
  const known = new Set(ids.length === 0 ? [] : await behaviour.known(ids, tx))
  if (look) for (const id of await anonymous.known(ids, tx)) if (!waiting.some(({ _id }) => _id === id)) known.add(id)
  const plan = planBatch(parts, incoming, { rows: new Map(rows.map((row) => [row._id, row])), known, waiting, now })
  await written(parts, tx, plan, new Date(now))
  return plan.outcomes
}

async function written({ batches, moved, behaviour, anonymous }: RecordEventsParts, tx: Tx, plan: BatchPlan, at: Date): Promise<void> {
  if (plan.changes.length > 0) await batches.write(tx, plan.changes)
  if (plan.moves.length > 0) await moved(tx, plan.moves, at)
  if (plan.events.length > 0) await behaviour.insert(tx, plan.events)
  if (plan.anonymous.length > 0) await anonymous.insert(tx, [...plan.anonymous])
  if (plan.emptied.length > 0) await anonymous.empty(plan.emptied, tx)
}
