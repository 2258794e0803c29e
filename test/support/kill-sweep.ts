import { expect } from 'vitest'
import { contradictions } from './consistency.ts'
import { ownMongod } from './own-servers.ts'
import { startProcesses, type Death, type Gateway, type Processes } from './processes.ts'

/** A house whose gateways may be killed: what one of them had begun holds its customer for a second or two, not for a minute. */
export async function houseForKilling(): Promise<Processes> {
  await using stack = new AsyncDisposableStack()
  const mongod = stack.use(await ownMongod(1))
  const house = stack.use(await startProcesses({ gateways: 1, env: { MONGODB_URI: mongod.uri } }))
  const running = stack.move()
  return { ...house, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

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
export async function killAtEveryCommand(house: Processes, counting: Death['counting'], round: (n: number) => Round): Promise<number> {
  let next = another(house)
  for (let n = 1; ; n++) {
    const victim = await next
    next = another(house)
    const sent = await killed(house, victim, { counting, dieBefore: n }, round(n))
    if (sent === null) continue
    await next
    return n
  }
}

/**
 * The same for the writes of an attempt that is watched first: the first of each kind, and each whose place in the row divides by `every`
 * (1: all of them). Answers the kinds that a gateway was killed before.
 */
export async function killAtEachKindOfWrite(house: Processes, every: number, round: (n: number) => Round): Promise<ReadonlySet<string>> {
  const writes = await killed(house, await house.more(), { counting: 'writes' }, round(1))
  if (writes === null) throw new Error('nobody was to be killed yet')
  const moments = writes.flatMap((named, at) => {
    const dieBefore = writes.slice(0, at + 1).filter((one) => one === named).length
    return dieBefore === 1 || at % every === 0 ? [{ named, dieBefore }] : []
  })
  const tried = new Set<string>()
  let next = another(house)
  for (const [at, moment] of moments.entries()) {
    const victim = await next
    if (at + 1 < moments.length) next = another(house)
    if ((await killed(house, victim, { counting: 'writes', ...moment }, round(at + 2))) === null) tried.add(moment.named)
  }
  return tried
}

function another(house: Processes): Promise<Gateway> {
  const coming = house.more()
  // Looked at when it is its turn; a test that fails before does not wait for it.
  coming.catch(() => {})
  return coming
}

/** One round, at the latest killed after the answer. What had been sent when it was answered; null if it never was. */
async function killed(house: Processes, victim: Gateway, death: Death, { prepare, attempt, again }: Round): Promise<readonly string[] | null> {
  const [survivor] = house.gateways
  if (survivor === undefined) throw new Error('nobody would take over')
  house.serve([survivor])
  await prepare()
  await victim.tell(death)
  house.serve([victim])
  const sent = await attempt().then(
    () => victim.commands(),
    () => null,
  )
  victim.signal('SIGKILL')
  await victim.ended
  house.serve([survivor])
  await again()
  expect(await contradictions(house.db), `killed before ${death.named ?? 'command'} ${death.dieBefore}`).toEqual([])
  return sent
}
