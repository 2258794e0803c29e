import { createHmac } from 'node:crypto'
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes, type RateLimiterAbstract } from 'rate-limiter-flexible'
import { EntenteError } from '../errors.ts'
import type { Caller } from '../operation.ts'
import type { RedisConnection } from '../storage/redis.ts'

/** How many requests within how many seconds. */
export interface Rate {
  readonly points: number
  readonly seconds: number
}

export interface Rates {
  readonly client: Rate
  readonly customer: Rate
  /** For requests without a token, by address. */
  readonly address: Rate
  /** Starting and finishing logins, by address. */
  readonly login: Rate
  /** Events by client. */
  readonly events: Rate
  /** Events by address: the write key stands in the shop's pages, and one address alone cannot use up what it may send. */
  readonly eventsFrom: Rate
}

export const usualRates: Rates = {
  client: { points: 300_000, seconds: 10 },
  customer: { points: 600, seconds: 10 },
  address: { points: 1_200, seconds: 10 },
  login: { points: 6_000, seconds: 60 },
  events: { points: 600_000, seconds: 10 },
  eventsFrom: { points: 300_000, seconds: 10 },
}

export type RateLimits = ReturnType<typeof rateLimits>
type Kind = keyof Rates

const flushEvery = 250
/** A process tells Redis of a name in portions of this part of its rate: the many who come seldom cost nothing there. */
const portions = 50

/**
 * Requests are counted for all processes together in Redis, yet a read never waits for Redis: each process adds up what it sees and
 * tells Redis, four times a second, of names that have come often. Who is over is then refused here from memory until the window ends. So
 * a burst may exceed its rate for a quarter of a second, and each process by a portion. Logins wait for the count. While Redis is away
 * each process counts for itself. Names are hashed under `key`.
 */
export function rateLimits(redis: RedisConnection, key: Buffer, rates: Rates = usualRates) {
  const limiters = new Map<Kind, RateLimiterAbstract>()
  const seen = new Map<Kind, { since: number; readonly counts: Map<string, number> }>()
  let toTell: { readonly kind: Kind; readonly name: string; readonly count: number }[] = []
  const blockedUntil = new Map<string, number>()
  const timer = setInterval(() => void flush(), flushEvery)
  timer.unref()

  function limiterOf(kind: Kind): RateLimiterAbstract {
    const known = limiters.get(kind)
    if (known) return known
    const { points, seconds: duration } = rates[kind]
    const insuranceLimiter = new RateLimiterMemory({ points, duration })
    const made = new RateLimiterRedis({
      storeClient: redis,
      keyPrefix: `rate:${kind}`,
      points,
      duration,
      inMemoryBlockOnConsumed: points + 1,
      insuranceLimiter,
    })
    limiters.set(kind, made)
    return made
  }

  async function flush(): Promise<void> {
    const told = toTell
    toTell = []
    for (const [id, until] of blockedUntil) if (until <= Date.now()) blockedUntil.delete(id)
    await Promise.all(told.map(({ kind, name, count }) => consume(kind, name, count)))
  }

  async function consume(kind: Kind, name: string, count: number): Promise<void> {
    try {
      await limiterOf(kind).consume(createHmac('sha256', key).update(`${kind}:${name}`).digest('base64url').slice(0, 22), count)
    } catch (over) {
      // Anything else is a failure of the limiter itself, which must not stop the shop.
      if (over instanceof RateLimiterRes) blockedUntil.set(`${kind}:${name}`, Date.now() + over.msBeforeNext)
    }
  }

  function refuseBlocked(id: string): void {
    const left = (blockedUntil.get(id) ?? 0) - Date.now()
    if (left > 0) throw new EntenteError('RATE_LIMITED', { rate: id.slice(0, id.indexOf(':')) }, { retryAfter: Math.ceil(left / 1000) })
  }

  function count(kind: Kind, name: string, many = 1): void {
    const portion = Math.ceil(rates[kind].points / portions)
    const counts = countsOf(kind)
    const times = (counts.get(name) ?? 0) + many
    counts.set(name, times < portion ? times : 0)
    if (times >= portion) toTell.push({ kind, name, count: times })
    if (blockedUntil.size > 0) refuseBlocked(`${kind}:${name}`)
  }

  /** Counted since the window began, at most as long as it lasts. */
  function countsOf(kind: Kind): Map<string, number> {
    const now = Date.now()
    const window = seen.get(kind) ?? { since: now, counts: new Map<string, number>() }
    seen.set(kind, window)
    if (window.since + rates[kind].seconds * 1_000 > now) return window.counts
    window.since = now
    window.counts.clear()
    return window.counts
  }

  return {
    /** Counts a request for whom it is made. RATE_LIMITED, with the seconds to wait. */
    admit(caller: Caller | null, ip: string): void {
      if (caller === null) return count('address', ip)
      count('client', caller.clientId)
      if (caller.customer !== null) count('customer', caller.customer)
    },
    /** Counts events that a client sends. RATE_LIMITED, with the seconds to wait. */
    admitEvents: (client: string, events: number): void => count('events', client, events),
    /** Counts events that come from an address. RATE_LIMITED, with the seconds to wait. */
    admitEventsFrom: (address: string, events: number): void => count('eventsFrom', address, events),
    /** Counts logins from this address, in Redis, before they go on. RATE_LIMITED */
    async admitLogin(ip: string, logins: number): Promise<void> {
      refuseBlocked(`login:${ip}`)
      await consume('login', ip, logins)
      refuseBlocked(`login:${ip}`)
    },
    async close(): Promise<void> {
      clearInterval(timer)
      await flush()
    },
  }
}
