import type { Connection } from 'mongoose'
import { setImmediate } from 'node:timers/promises'
import { EntenteError } from '../errors.ts'
import { committed, inTurn, longestLine, type Tx } from './transaction.ts'
import { longest, within } from './within.ts'

/** Works that go into one transaction at most. */
const together = 32

interface Work {
  readonly run: (tx: Tx) => Promise<void>
  /** Tells whoever asked what it came to. */
  readonly settle: () => void
  readonly fail: (error: unknown) => void
}

/** Works about one customer, in the order in which they came. */
interface Turn {
  readonly customer: string
  readonly works: readonly Work[]
  readonly over: () => void
}

/**
 * `inTransaction` for work that reads and writes one customer and what hangs on that one, by those calls of the stores that can be joined
 * (`joined-commands.ts`). What comes while others are written goes into the next transaction together: works about different customers side by
 * side, with their commands joined, those about one customer one after the other. They are told of it when it is committed. Where one of them
 * fails, or the transaction meets a conflict, nothing was written, and each is done again in a transaction of its own: nobody suffers from
 * another's fault. OVERLOADED
 */
export function inSharedTransaction<T>(db: Connection, customer: string, work: (tx: Tx) => Promise<T>): Promise<T> {
  const lane = lanes.get(db) ?? newLane(db)
  lanes.set(db, lane)
  const begun = Date.now()
  const done = new Promise<T>((resolve, reject) => {
    let settle = (): void => {}
    const run = async (tx: Tx): Promise<void> => {
      // Whoever asked has been told already that it did not happen.
      if (Date.now() - begun >= longest) return
      const result = await work(tx)
      settle = () => resolve(result)
    }
    lane(customer, { run, settle: () => settle(), fail: reject })
  })
  return within(done)
}

type Lane = (customer: string, work: Work) => void

const lanes = new WeakMap<Connection, Lane>()

/** One transaction after the other: the longer one takes, the more go into the next. */
function newLane(db: Connection): Lane {
  const waiting: Turn[] = []
  /** By customer: works that have not been begun, for others to come along with; and how many there are in all. */
  const open = new Map<string, Work[]>()
  const asked = new Map<string, number>()
  let working = false

  async function workAll(): Promise<void> {
    working = true
    await setImmediate() // Requests that came together are written together.
    for (let group = next(); group.length > 0; group = next()) {
      await done(db, group)
      for (const { over } of group) over()
    }
    working = false
  }

  function next(): Turn[] {
    let size = 0
    const end = waiting.findIndex(({ works }, at) => (size += works.length) > together && at > 0)
    const group = waiting.splice(0, end === -1 ? waiting.length : end)
    for (const { customer, works } of group) if (open.get(customer) === works) open.delete(customer)
    return group
  }

  async function takeTurn(customer: string, works: Work[]): Promise<void> {
    const begin = (over: () => void): void => {
      waiting.push({ customer, works, over })
      if (!working) void workAll()
    }
    try {
      await inTurn(db, customer, () => new Promise<void>(begin))
    } catch (error) {
      for (const { fail } of works) fail(error)
    } finally {
      if (open.get(customer) === works) open.delete(customer)
      const left = (asked.get(customer) ?? 0) - works.length
      if (left > 0) asked.set(customer, left)
      else asked.delete(customer)
    }
  }

  return (customer, work) => {
    const before = asked.get(customer) ?? 0
    if (before >= longestLine) return work.fail(new EntenteError('OVERLOADED', { why: 'too many about the same', waiting: before }, { retryAfter: 1 }))
    asked.set(customer, before + 1)
    const along = open.get(customer)
    if (along !== undefined && along.length < together) return void along.push(work)
    const works = [work]
    open.set(customer, works)
    void takeTurn(customer, works)
  }
}

async function done(db: Connection, group: readonly Pick<Turn, 'works'>[]): Promise<void> {
  const all = group.flatMap(({ works }) => works)
  let runs = 0
  let isOver = false
  try {
    await committed(db, async (tx) => {
      isOver = false
      // The driver would begin anew with all of them, as often as one of them meets a conflict.
      if (all.length > 1 && runs++ > 0) throw new Error('each in its own')
      const ended = await Promise.allSettled(group.map(({ works }) => inOrder(works, (one) => one.run(tx))))
      const failed = ended.find((one) => one.status === 'rejected')
      if (failed !== undefined) throw failed.reason
      isOver = true
    })
    for (const { settle } of all) settle()
  } catch (error) {
    // What failed in the commit may have happened nevertheless.
    if (all.length === 1 || isOver) for (const { fail } of all) fail(error)
    else await Promise.all(group.map(({ works }) => inOrder(works, (one) => done(db, [{ works: [one] }]))))
  }
}

async function inOrder(works: readonly Work[], each: (work: Work) => Promise<void>): Promise<void> {
  for (const work of works) await each(work)
}
