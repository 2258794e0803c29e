import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Connection } from 'mongoose'
import type { Chained, ChainedRows, Head } from '../storage/chain-heads.ts'
import type { CheckpointRow, CheckpointStore } from '../storage/checkpoints.ts'
import type { LeaseStore } from '../storage/leases.ts'
import { inTransaction } from '../storage/transaction.ts'
import type { AuditLog } from './log.ts'
import { MerkleTree } from './merkle.ts'

export interface CheckpointParts {
  readonly db: Connection
  readonly store: CheckpointStore
  readonly leases: LeaseStore
  readonly audit: Pick<AuditLog, 'note'>
  /** What a row hashes to. */
  readonly hashOf: { readonly [Kind in Chained]: (row: ChainedRows[Kind]) => string }
  readonly sign: (claims: Record<string, unknown>, type: string) => Promise<string>
  /** Public parts of the keys of now. */
  readonly publicKeys: () => readonly { readonly kid?: string }[]
  /** Milliseconds between two. */
  readonly every: number
  /** Whoever stops does not wait for a whole one: it is given up between two batches, and begun again elsewhere. */
  readonly stopping?: AbortSignal
  readonly now: () => number
}

const lease = 'checkpoints'
const held = 60_000 // ms without a sign of life
/** After each step, times what that took: a process that also answers is there for it most of the time. */
const rests = 3

/** The line of a head in a Merkle tree. */
const leafOf = ({ id, hash }: Head): string => `${id} ${hash}`

/** What the next checkpoint names this one by. */
export const checkpointHash = ({ jws }: Pick<CheckpointRow, 'jws'>): string => createHash('sha256').update(jws).digest('base64url')

/**
 * Signed checkpoints over the heads of all chains (customers' ledgers and audit chains, processes' audit chains), each naming the one
 * before: whoever holds one can tell later whether anything from before it was changed. `heads` is the root over all of them in the order
 * of their ids, `moved` the root over those that no earlier checkpoint named; these are kept, so that every checkpoint can be checked for ever.
 * Memory does not grow with the number of customers.
 */
export function checkpoints({ db, store, leases, audit, hashOf, sign, publicKeys, every, stopping, now }: CheckpointParts) {
  const until = () => new Date(now() + held)

  /** Heads that are not what they were, or whose record is not what it hashed to: told once each, and recorded as they are now. */
  async function checked<Kind extends Chained>(kind: Kind, moved: readonly Head[], changed: readonly Head[]): Promise<void> {
    const rows = new Map((await store.rowsOf(kind, moved.map(recordId))).map((row) => [row._id, row]))
    const isAsHashed = (head: Head): boolean => {
      const row = rows.get(recordId(head))
      return row?.hash === head.hash && hashOf[kind](row) === head.hash
    }
    for (const head of [...moved.filter((one) => !isAsHashed(one)), ...changed]) await noteBroken(audit, kind, recordId(head))
  }

  async function take(holder: string, seq: number, before: CheckpointRow | null, isGentle: boolean): Promise<boolean> {
    const all = new MerkleTree()
    for (const kind of ['audit', 'ledger'] as const) {
      let begun = performance.now()
      for await (const heads of store.heads(kind)) {
        if (stopping?.aborted === true) return false
        for (const head of heads) all.add(leafOf(head))
        const known = await store.recorded(heads.map(({ id }) => id))
        const moved = heads.filter(({ id }) => !known.has(id))
        const changed = heads.filter(({ id, hash }) => known.has(id) && known.get(id)?.hash !== hash)
        await checked(kind, moved, changed)
        await inTransaction(db, lease, async (tx) => {
          await leases.hold(tx, lease, holder, until())
          if (moved.length > 0) await store.record(tx, seq, moved)
        })
        if (isGentle) await pause((performance.now() - begun) * rests)
        begun = performance.now()
      }
    }
    const moved = new MerkleTree()
    for await (const head of store.recordedFor(seq)) moved.add(leafOf(head))
    const at = new Date(now())
    await store.publish(publicKeys(), at)
    const claims = {
      seq,
      iat: Math.floor(at.getTime() / 1000),
      prev: before === null ? '' : checkpointHash(before),
      heads: { size: all.size, root: all.root() },
      moved: { size: moved.size, root: moved.root() },
    }
    const jws = await sign(claims, 'entente-checkpoint+jwt')
    await inTransaction(db, lease, async (tx) => {
      await leases.hold(tx, lease, holder, until())
      await store.insert(tx, { _id: seq, at, jws })
    })
    return true
  }

  return {
    /** Makes one if it is time, or if it is wanted now. False when it is not, or when another process is at it. */
    async make(wanted: 'when due' | 'now'): Promise<boolean> {
      const isDue = (before: CheckpointRow | null) => wanted === 'now' || before === null || before.at.getTime() + every <= now()
      if (!isDue(await store.last())) return false
      const holder = randomBytes(16).toString('base64url')
      if (!(await leases.claim(lease, holder, new Date(now()), until()))) return false
      try {
        const before = await store.last()
        if (!isDue(before)) return false
        return await take(holder, (before?._id ?? 0) + 1, before, wanted === 'when due')
      } finally {
        await leases.release(lease, holder)
      }
    },
  }
}

export type Checkpoints = ReturnType<typeof checkpoints>

/** `audit/<chain>/0000000012` → the row's own id. */
const recordId = ({ id }: Head): string => id.slice(id.indexOf('/') + 1)

/** For the audit log: a record is not what it was. */
export async function noteBroken(audit: Pick<AuditLog, 'note'>, kind: Chained, id: string): Promise<void> {
  const at = id.lastIndexOf('/')
  const chain = id.slice(0, at)
  const subjects = chain.startsWith('gateway-') ? [] : [chain]
  await audit.note({ type: 'chain.broken', client: null, actor: 'system', subjects, detail: { kind, record: Number(id.slice(at + 1)) } })
}
