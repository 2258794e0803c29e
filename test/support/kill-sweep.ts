import { expect } from 'vitest'
import { contradictions } from './consistency.ts'
import { ownMongod } from './own-servers.ts'
import { startProcesses, type Gateway, type Processes } from './processes.ts'

/** A house whose gateways may be killed: what one of them had begun holds its customer for a second or two, not for a minute. */
export async function houseForKilling(): Promise<Processes> {
  await using stack = new AsyncDisposableStack()
  const mongod = stack.use(await ownMongod(1))
  const house = stack.use(await startProcesses({ gateways: 1, env: { MONGODB_URI: mongod.uri } }))
  const running = stack.move()
  return { ...house, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

type Counting = 'writes' | 'all'

/** What is done on a process that dies in the middle, and again on one that lives. `n` makes each round a person of its own. */
export interface Round {
  /** On a process that is not counted yet. */
  readonly prepare: () => Promise<void>
  readonly attempt: () => Promise<void>
  /** The same once more, as a person or a program does it who got no answer. */
  readonly again: () => Promise<void>
}

/**
 * Kills a gateway before its first counted command of `attempt`, in the next round before its second and so on, until an attempt gets
 * through; then once more right after that answer. After each kill another process takes over: the next try succeeds, and nothing that is
 * stored contradicts anything else. Answers how many moments were tried.
 */
export async function killAtEveryCommand(house: Processes, counting: Counting, round: (n: number) => Round): Promise<number> {
  const [survivor] = house.gateways
  if (survivor === undefined) throw new Error('nobody would take over')
  const another = (): Promise<Gateway> => {
    const coming = house.more()
    // Looked at when it is its turn; a test that fails before does not wait for it.
    coming.catch(() => {})
    return coming
  }
  let next = another()
  for (let n = 1; ; n++) {
    const victim = await next
    next = another()
    const { prepare, attempt, again } = round(n)
    house.serve([survivor])
    await prepare()
    await victim.tell({ dieBefore: n, counting })
    house.serve([victim])
    const isDone = await attempt().then(
      () => true,
      () => false,
    )
    victim.signal('SIGKILL')
    await victim.ended
    house.serve([survivor])
    await again()
    expect(await contradictions(house.db), `killed before command ${n}`).toEqual([])
    if (!isDone) continue
    await next
    return n
  }
}
