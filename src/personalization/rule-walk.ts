import { createHash } from 'node:crypto'
import type { Connection } from 'mongoose'
import { z } from 'zod'
import type { Policy } from '../config/policy.ts'
import { saidTooYoung } from '../consent/age.ts'
import type { TakeBackForAge } from '../consent/taken-back-for-age.ts'
import type { JobQueue } from '../jobs/queue.ts'
import { Hopeless, type JobHandler } from '../jobs/worker.ts'
import type { CustomerRow, CustomerStore, CustomerUpdate } from '../storage/customers.ts'
import type { RuleWalkStore } from '../storage/rule-walks.ts'
import { inTransaction, type Tx } from '../storage/transaction.ts'
import type { FollowUp } from './follow-up.ts'
import type { Rederive } from './rederive.ts'

export interface WalkParts {
  readonly db: Connection
  readonly walks: RuleWalkStore
  readonly customers: Pick<CustomerStore, 'read' | 'update' | 'activeAfter'>
  readonly jobs: Pick<JobQueue, 'put'>
  readonly followUp: FollowUp
  readonly rederive: Rederive
  readonly takeBackForAge: TakeBackForAge
  readonly policy: Policy
  readonly now: () => Date
}

const errand = z.strictObject({ turn: z.number(), after: z.string().nullable(), anew: z.boolean() })
type Errand = z.infer<typeof errand>

const atOnce = 200
const sideBySide = 8
/** A job hands over to the next one after this: well before its lease ends. Milliseconds. */
const shift = 5_000
const mixed = 'mixed'
/** Other processes look at the rules two seconds later, and their houses of before still end what they have begun. Milliseconds. */
const settles = 7_000

/**
 * When the rules change, everybody is looked at again: whose segments are others by the new ones, and, where what is derived changed too,
 * whose values are; and who is too young by them for what they said yes to. A change is one job, which goes through the customers by their keys and hands the rest to a job after it: killed
 * anywhere, the next process begins at the last handing over. What the last policy says holds: a walk by an earlier one ends.
 */
export function ruleWalk({ db, walks, customers, jobs, followUp, rederive, takeBackForAge, policy, now }: WalkParts) {
  const derivation = derivationOf(policy)

  const hand = (errandOf: Errand, notBefore: Date, tx?: Tx): Promise<boolean> =>
    jobs.put({ kind: 'followRules', id: `${errandOf.turn}/${errandOf.after ?? ''}`, payload: { ...errandOf }, notBefore }, tx)

  /** Before a house answers: whoever was built last says by which rules segments are. One that stood unsaid would leave people whom no walk looks at. */
  async function announce(): Promise<void> {
    const soon = new Date(now().getTime() + settles)
    await inTransaction(db, 'segments', async (tx) => {
      const before = await walks.read(tx)
      if (before?.policy === policy.version) return
      const turn = (before?.turn ?? 0) + 1
      // In a house that begins nobody was looked at by other rules.
      const anew = before !== null && before.derivation !== derivation
      // Until a walk has come to its end, values are by these rules or by others.
      await walks.begin(tx, { policy: policy.version, turn, derivation: anew ? mixed : derivation })
      if (before !== null) await hand({ turn, after: null, anew }, soon, tx)
    })
  }

  const work: JobHandler = async ({ payload }, signal) => {
    const read = errand.safeParse(payload)
    if (!read.success) throw new Hopeless('not a walk')
    const { turn, anew } = read.data
    let { after } = read.data
    const held = await walks.read()
    if (held?.turn !== turn) return
    if (held.policy !== policy.version) throw new Error('for a process that has these rules')
    const until = now().getTime() + shift
    const failed: unknown[] = []
    for (;;) {
      const rows = await customers.activeAfter(after, atOnce)
      // Who fails is tried again with the job, and holds up nobody.
      for (let from = 0; from < rows.length; from += sideBySide)
        await Promise.all(rows.slice(from, from + sideBySide).map((row) => follow(row, anew).catch((error: unknown) => failed.push(error))))
      after = rows.at(-1)?._id ?? after
      signal.throwIfAborted()
      if (rows.length === atOnce && now().getTime() < until) continue
      if (rows.length === atOnce) await hand({ turn, after, anew }, now())
      else if (failed.length === 0) await walks.derivedBy(turn, derivation)
      if (failed.length > 0) throw failed[0]
      return
    }
  }

  /** Nearly all stay where they are, and are only read; who does not is decided about once more, on what is there now. */
  async function follow(seen: CustomerRow, anew: boolean): Promise<void> {
    const at = now()
    if (saidTooYoung(policy, seen, at).length > 0)
      await inTransaction(db, seen._id, async (tx) => {
        const row = await customers.read(seen._id, tx)
        if (row?.state === 'active') await takeBackForAge(tx, row, 'rules', at)
      })
    if ((await changeOf(seen, anew, at)) === null) return
    await inTransaction(db, seen._id, async (tx) => {
      const row = await customers.read(seen._id, tx)
      const change = row?.state === 'active' ? await changeOf(row, anew, at, tx) : null
      if (change !== null) await customers.update(tx, seen._id, change)
    })
  }

  async function changeOf(row: CustomerRow, anew: boolean, at: Date, tx?: Tx): Promise<CustomerUpdate | null> {
    return followUp.underRules(row, anew ? await rederive(row, at, tx) : {}, at)
  }

  return {
    announce,
    work,
    /** What follows for somebody whose events count otherwise than before. */
    derivedAnew: (row: CustomerRow, at: Date, tx: Tx): Promise<CustomerUpdate | null> => changeOf(row, true, at, tx),
  }
}

const derivationOf = ({ computed, affinities, counted }: Policy): string =>
  createHash('sha256')
    .update(
      JSON.stringify([
        computed.map(({ titles: _shown, ...trait }) => trait),
        affinities.map((kind) => ({ ...kind, weights: [...kind.weights] })),
        [...counted],
      ]),
    )
    .digest('base64url')
