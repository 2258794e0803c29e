import { EntenteError } from '../errors.ts'
import { dayOf, funnelKept, type Counted, type FunnelPlace, type FunnelRow, type FunnelStore } from '../storage/login-funnel.ts'

/**
 * How far somebody has come. `shown`: the login page; `started`: a way in was chosen; `atProvider`: the browser was sent there; `factorAsked`:
 * more was asked for. `took` and `consent` say how long it was and what was answered then; `arrived`: finished, after the page was shown, by
 * whatever way. `linkStarted`, `linked`, `linkFailed`: of somebody who adds a way in.
 */
export const funnelSteps = [
  'shown',
  'started',
  'atProvider',
  'cancelled',
  'failed',
  'factorAsked',
  'finished',
  'took',
  'consent',
  'arrived',
  'linkStarted',
  'linked',
  'linkFailed',
] as const
export type FunnelStep = (typeof funnelSteps)[number]

export const funnelDevices = ['phone', 'tablet', 'desktop', 'other'] as const
export type FunnelDevice = (typeof funnelDevices)[number]

/** How long a login took, from the login page (or the chosen way, where no page was shown) to its end: under so many seconds. */
const bands = [15, 30, 60, 120, 300] as const
export const tookBand = (milliseconds: number): string => {
  const under = bands.find((seconds) => milliseconds < seconds * 1000)
  return under === undefined ? 'longer' : `under ${under} s`
}

export interface FunnelCell extends FunnelPlace {
  readonly step: FunnelStep
  readonly device: FunnelDevice
}
export type ShownCell = FunnelCell & { readonly count: number }

export interface FunnelParts {
  readonly store: FunnelStore
  /** The smallest group that a number may stand for. */
  readonly k: number
  readonly failed: (error: unknown) => void
  readonly now: () => Date
}

const writtenEvery = 1_000 // ms
/** Milliseconds. */
export const longestPeriod = funnelKept * 86_400_000
/** Places come from files of ours; were one not to, memory would still be bounded. */
const mostPlaces = 20_000

/**
 * Counts logins without knowing whose. Adding is a number in memory, written with others once a second and at the end: a login never waits
 * for it, and a process that is killed loses a second of counts.
 */
export function loginFunnel({ store, k, failed, now }: FunnelParts) {
  let waiting = new Map<string, Counted>()
  let writing: Promise<void> | null = null

  function add({ times, ...place }: Counted): void {
    const key = JSON.stringify(place)
    const before = waiting.get(key)?.times ?? 0
    if (before > 0 || waiting.size < mostPlaces) waiting.set(key, { ...place, times: before + times })
  }

  async function write(): Promise<void> {
    const batch = [...waiting.values()]
    waiting = new Map()
    if (batch.length === 0) return
    try {
      await store.add(batch, k, now())
    } catch (error) {
      // Counted with the next ones: rather twice, if it was written after all, than a login not at all.
      for (const one of batch) add(one)
      failed(error)
    }
  }

  function flush(): Promise<void> {
    writing ??= write().finally(() => {
      writing = null
    })
    return writing
  }
  const timer = setInterval(() => void flush(), writtenEvery).unref()

  return {
    count: ({ client, provider, device, variant, step, outcome }: FunnelCell): void => add({ client, provider, device, variant, step, outcome, times: 1 }),

    /** Whole days (UTC) that begin in the period. Every number is a multiple of `k`, so are all their sums and differences. BAD_USER_INPUT */
    async between(from: Date, to: Date): Promise<ShownCell[]> {
      if (!(from < to) || to.getTime() - from.getTime() > longestPeriod) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'to' })
      await flush()
      return (await store.all()).flatMap((row) => shownOf(row, dayOf(from), to, k))
    },

    async close(): Promise<void> {
      clearInterval(timer)
      await writing
      await flush()
    },
  }
}

export type LoginFunnel = ReturnType<typeof loginFunnel>

/** A policy may have raised `k` since: what was entered in smaller groups is cut down to whole ones of today's. */
function shownOf({ client, provider, device, variant, step, outcome, days }: FunnelRow, from: string, to: Date, k: number): ShownCell[] {
  const count = Object.entries(days)
    .filter(([day]) => day >= from && new Date(`${day}T00:00:00Z`) < to)
    .reduce((sum, [, groups]) => sum + groups - (groups % k), 0)
  const known = { step: funnelSteps.find((one) => one === step), device: funnelDevices.find((one) => one === device) }
  if (count === 0 || known.step === undefined || known.device === undefined) return []
  return [{ client, provider, variant, outcome, step: known.step, device: known.device, count }]
}
