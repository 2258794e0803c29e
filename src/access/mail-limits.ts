import { createHmac } from 'node:crypto'
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import { EntenteError } from '../errors.ts'
import type { RedisConnection } from '../storage/redis.ts'

/** Codes per address and per place in the network. A day's codes for one address are at most a hundred guesses at it. */
const rates = {
  ip: { points: 50, duration: 900 },
  address: { points: 5, duration: 900 },
  addressDay: { points: 20, duration: 86_400 },
} as const

/** How much mail may be asked for, known address or not; counted for all processes together. Names are hashed under `key`. */
export function mailLimits(redis: RedisConnection, key: Buffer) {
  const limiter = (name: keyof typeof rates) => new RateLimiterRedis({ storeClient: redis, keyPrefix: `mail-rate:${name}`, ...rates[name] })
  const [byIp, byAddress, byAddressDay] = [limiter('ip'), limiter('address'), limiter('addressDay')]
  const hashed = (text: string) => createHmac('sha256', key).update(text).digest('base64url').slice(0, 22)
  return {
    /** RATE_LIMITED with the seconds to wait. Fails when Redis is away. */
    async admit(address: string, ip: string): Promise<void> {
      try {
        await byIp.consume(hashed(ip))
        await byAddress.consume(hashed(address))
        await byAddressDay.consume(hashed(address))
      } catch (over) {
        if (!(over instanceof RateLimiterRes)) throw over
        throw new EntenteError('RATE_LIMITED', { rate: 'mail' }, { retryAfter: Math.ceil(over.msBeforeNext / 1000) })
      }
    },
  }
}

export type MailLimits = ReturnType<typeof mailLimits>
