import type { Connection } from 'mongoose'
import { setImmediate } from 'node:timers/promises'
import { committed, inTurn, type Tx } from './transaction.ts'

/** Works that go into one transaction at most. */
const together = 32

interface Work {
  readonly run: (tx: Tx) => Promise<void>
  /** Tells whoever asked what it came to. */
  readonly settle: () => void
  readonly fail: (error: unknown) => void
}

/**
 * `inTransaction` for work that reads and writes one customer and what hangs on that one, by those calls of the stores that can be joined
 * (`joined-commands.ts`): works about different customers that come while others are written go into one transaction, side by side, and
 * their commands are joined. They are told of it when it is committed. Where one of them fails, or the transaction meets a conflict,
 * nothing was written, and each is done again in a transaction of its own: nobody suffers from another's fault.
 */
export function inSharedTransaction<T>(db: Connection, customer: string, work: (tx: Tx) => Promise<T>): Promise<T> {
  return inTurn(db, customer, () => laneOf(db)(work))
}

const lanes = new WeakMap<Connection, ReturnType<typeof newLane>>()

function laneOf(db: Connection): ReturnType<typeof newLane> {
  const lane = lanes.get(db) ?? newLane(db)
  lanes.set(db, lane)
  return lane
}

/** One transaction after the other; while MongoDB commits one, the next is worked out. No two of them are about the same customer. */
function newLane(db: Connection) {
  const waiting: Work[] = []
  let working = false

  async function workAll(): Promise<void> {
    working = true
    await setImmediate() // Requests that came together are written together.
    for (let group = waiting.splice(0, together); group.length > 0; group = waiting.splice(0, together)) {
      const { promise: next, resolve: goOn } = Promise.withResolvers<void>()
      void done(db, group, goOn).finally(goOn)
      await next
    }
    working = false
  }

  return <T>(work: (tx: Tx) => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      let settle = (): void => {}
      const run = async (tx: Tx): Promise<void> => {
        const result = await work(tx)
        settle = () => resolve(result)
      }
      waiting.push({ run, settle: () => settle(), fail: reject })
      if (!working) void workAll()
    })
}

async function done(db: Connection, group: readonly Work[], workedOut: () => void): Promise<void> {
  let runs = 0
  let isOver = false
  try {
    await committed(db, async (tx) => {
      isOver = false
      // The driver would begin anew with all of them, as often as one of them meets a conflict.
      if (group.length > 1 && runs++ > 0) throw new Error('each in its own')
      const ended = await Promise.allSettled(group.map(({ run }) => run(tx)))
      const failed = ended.find((one) => one.status === 'rejected')
      if (failed !== undefined) throw failed.reason
      isOver = true
      workedOut()
    })
    for (const { settle } of group) settle()
  } catch (error) {
    // What failed in the commit may have happened nevertheless.
    if (group.length === 1 || isOver) for (const { fail } of group) fail(error)
    else await Promise.all(group.map((one) => done(db, [one], workedOut)))
  }
}
