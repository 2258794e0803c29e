import type { CustomerKey } from '../operation.ts'
import type { JobStore } from '../storage/jobs.ts'
import { seal, unseal } from '../storage/keys.ts'
import type { Tx } from '../storage/transaction.ts'

export type JobKind =
  | 'endSessions'
  | 'followRules'
  | 'forgetEvents'
  | 'mail'
  | 'mailCode'
  | 'providerEvent'
  | 'logoutToken'
  | 'revokeGrant'
  | 'export'
  | 'erase'
  | 'retention'
  | 'clientHook'
  | 'alertHook'

export type Json = string | number | boolean | null | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [name: string]: Json | undefined
}

export interface NewJob {
  readonly kind: JobKind
  /** The same id twice is one job, for eight days after it is done. */
  readonly id: string
  readonly payload: JsonObject
  readonly customer?: CustomerKey
  readonly notBefore?: Date
}

/** A job that is this worker's until its lease ends. */
export interface LeasedJob {
  readonly id: string
  readonly kind: string
  /** How often it was begun, this time included. */
  readonly attempts: number
  /** As it was put; undefined when no key opens it any more. */
  readonly payload: unknown
  readonly customer: CustomerKey | null
}

/** How long one process has for one job; after that another may begin it. Milliseconds. */
export const lease = 30_000

const day = 24 * 3_600_000
const doneKept = 8 * day // Providers repeat what they have said for up to a week.
const parkedKept = 30 * day

/**
 * What must happen after a change is committed, and may fail meanwhile: kept in MongoDB and done at least once, by whichever process comes
 * first. `put` inside the transaction of the change leaves nothing behind when that aborts. Payloads are encrypted at rest.
 */
export function jobQueue({ store, key, now = Date.now }: { readonly store: JobStore; readonly key: Buffer; readonly now?: () => number }) {
  const listeners = new Set<() => void>()
  const after = (milliseconds: number) => new Date(now() + milliseconds)

  async function takeSome(kinds: readonly string[], most: number): Promise<LeasedJob[]> {
    const rows = await store.lease(kinds, after(0), after(lease), most)
    return rows.map(({ _id: id, kind, attempts, customer = null, sealed }) => {
      const plain = unseal(key, sealed, id)
      return { id, kind, attempts, customer, payload: plain === null ? undefined : (JSON.parse(plain.toString()) as unknown) }
    })
  }

  return {
    /** False when a job of this kind and id was there already. */
    put({ kind, id, payload, customer, notBefore }: NewJob, tx?: Tx): Promise<boolean> {
      const _id = `${kind}:${id}`
      const sealed = seal(key, JSON.stringify(payload), _id)
      return store.putNew({ _id, kind, sealed, dueAt: notBefore ?? after(0), ...(customer !== undefined && { customer }) }, tx)
    },

    /** Whether an earlier job of a series waits: one whose id begins with `series` and sorts before `id`, which is a leased job's own. */
    isBehind: (kind: JobKind, series: string, id: string): Promise<boolean> => store.waitsBefore(`${kind}:${series}`, id),

    /** Null when no job of this kind and id is known, or when it was done too long ago. */
    stateOf: (kind: JobKind, id: string, tx?: Tx): Promise<'waiting' | 'done' | null> => store.stateOf(`${kind}:${id}`, tx),

    /** Work at this process begins now, not at the next look at the clock. For after the commit. */
    wake(): void {
      for (const listener of listeners) listener()
    },

    /** Calls `listener` at every `wake`, until what is returned is called. */
    onWake(listener: () => void): () => void {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },

    take: async (kinds: readonly string[]): Promise<LeasedJob | null> => (await takeSome(kinds, 1))[0] ?? null,
    takeSome,

    done: (job: LeasedJob): Promise<void> => store.done(job.id, after(0), after(doneKept)),
    /** False when another worker has it. */
    keep: (job: LeasedJob): Promise<boolean> => store.putOff(job.id, job.attempts, after(lease)),
    putOff: async (job: LeasedJob, milliseconds: number): Promise<void> => void (await store.putOff(job.id, job.attempts, after(milliseconds))),
    park: (job: LeasedJob): Promise<void> => store.park(job.id, job.attempts, after(0), after(parkedKept)),
  }
}

export type JobQueue = ReturnType<typeof jobQueue>
