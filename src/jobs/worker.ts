import { setImmediate } from 'node:timers/promises'
import { lease, type JobKind, type JobQueue, type LeasedJob } from './queue.ts'

/** Does one job, within the time of `signal`. It may have been begun before, so doing it twice must be like doing it once. */
export type JobHandler = (job: LeasedJob, signal: AbortSignal) => Promise<void>

/** The same for long work: it says with `goOn`, every few seconds, that it still goes on. Throws when another worker has taken over. */
export type LongJobHandler = (job: LeasedJob, signal: AbortSignal, goOn: () => Promise<void>) => Promise<void>

/** Thrown by a handler when trying again cannot help: the job is parked at once. */
export class Hopeless extends Error {}

/** The same when whoever it is for wants none of it: parked too, and no operator need look at it. */
export class Declined extends Hopeless {}

/** What an operator should see; the error's message may repeat personal values and stays out of logs. */
export type JobNotice =
  | { readonly type: 'job.failed' | 'job.parked' | 'job.declined'; readonly kind: string; readonly attempts: number; readonly error: Error }
  | { readonly type: 'jobs.away'; readonly error: unknown }

export interface WorkerParts {
  readonly jobs: JobQueue
  /** Kinds that are absent are left to processes that know them. */
  readonly handlers: Readonly<Partial<Record<JobKind, LongJobHandler>>>
  /** Waited for before a job is parked, so that none is put away unseen. */
  readonly noticed: (notice: JobNotice) => void | Promise<void>
}

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const lookEvery = second
const atOnce = 8
const longest = lease - 10 * second
const lastWait = 5 * second

/** How long a job waits after its first, second … failure; after the last it is parked. Some nineteen hours in all. Milliseconds. */
export const waits = [second, 5 * second, 30 * second, 5 * minute, 30 * minute, ...Array<number>(6).fill(3 * hour)] as const

/** Works the queue off until it is disposed: then begins nothing more, and gives what is under way five seconds. */
export function jobWorker({ jobs, handlers, noticed }: WorkerParts): AsyncDisposable {
  const doing = new Map<string, LongJobHandler>(Object.entries(handlers))
  const running = new Set<Promise<void>>()
  const cutOff = new AbortController()
  let stopped = false
  let looking: Promise<void> | null = null
  let lookAgain = false

  function look(): void {
    if (stopped) return
    lookAgain = true
    looking ??= beginAll()
  }

  async function beginAll(): Promise<void> {
    try {
      while (lookAgain) {
        // What was begun together ends together, and makes room for as many.
        await setImmediate()
        lookAgain = false
        await beginDue()
      }
    } catch (error) {
      await noticed({ type: 'jobs.away', error })
    } finally {
      looking = null
    }
  }

  async function beginDue(): Promise<void> {
    for (let free = atOnce - running.size; free > 0; free = atOnce - running.size) {
      const taken = await jobs.takeSome([...doing.keys()], free)
      for (const job of taken) {
        if (stopped) await jobs.putOff(job, 0)
        else begin(job)
      }
      if (stopped || taken.length < free) return
    }
  }

  function begin(job: LeasedJob): void {
    const work = carryOut(job).finally(() => {
      running.delete(work)
      look()
    })
    running.add(work)
  }

  async function carryOut(job: LeasedJob): Promise<void> {
    try {
      const error = await attempt(job)
      await (error === null ? jobs.done(job) : setAside(job, error))
    } catch (error) {
      // Its lease runs out, and somebody begins it again.
      await noticed({ type: 'jobs.away', error })
    }
  }

  /** What it failed with; null when it is done. */
  async function attempt(job: LeasedJob): Promise<Error | null> {
    const handler = doing.get(job.kind)
    // The second: each time it was begun, the process ended.
    if (handler === undefined || job.payload === undefined || job.attempts > waits.length + 1) return new Hopeless('nobody can do it')
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), longest)
    const goOn = async (): Promise<void> => {
      if (!(await jobs.keep(job))) throw new Error('another worker has it')
      timer.refresh()
    }
    const signal = AbortSignal.any([late.signal, cutOff.signal])
    const over = new Promise<Error>((resolve) => signal.addEventListener('abort', () => resolve(new Error('not done in time')), { once: true }))
    const done = handler(job, signal, goOn).then(
      () => null,
      (error: unknown) => (error instanceof Error ? error : new Error('no error was thrown')),
    )
    return Promise.race([done, over]).finally(() => clearTimeout(timer))
  }

  async function setAside(job: LeasedJob, error: Error): Promise<void> {
    const wait = error instanceof Hopeless ? undefined : waits[job.attempts - 1]
    const type = wait !== undefined ? 'job.failed' : error instanceof Declined ? 'job.declined' : 'job.parked'
    await noticed({ type, kind: job.kind, attempts: job.attempts, error })
    await (wait === undefined ? jobs.park(job) : jobs.putOff(job, wait))
  }

  const timer = setInterval(look, lookEvery)
  timer.unref()
  const deafen = jobs.onWake(look)
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      deafen()
      stopped = true
      await looking
      const patience = setTimeout(() => cutOff.abort(), lastWait)
      await Promise.all(running)
      clearTimeout(patience)
    },
  }
}
