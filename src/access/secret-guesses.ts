import { createHmac } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { errors, Provider } from 'oidc-provider'
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import type { RedisConnection } from '../storage/redis.ts'

/** Wrong secrets for one client from one address, and for how many seconds they are remembered. */
const rate = { points: 20, duration: 300 } as const

export interface SecretGuesses {
  /** Seconds to wait; 0 when there is no need to. */
  wait(client: string, address: string): number
  /** One wrong secret; true when it was the one too many. Counted for all processes together, and by each for itself while Redis is away. */
  wrong(client: string, address: string): Promise<boolean>
}

/** Names are hashed under `key`. Nothing is asked for a right secret: only who has guessed too often is remembered here. */
export function secretGuesses(redis: RedisConnection, key: Buffer, now: () => number = Date.now): SecretGuesses {
  const limiter = new RateLimiterRedis({ storeClient: redis, keyPrefix: 'rate:secret', ...rate, insuranceLimiter: new RateLimiterMemory(rate) })
  const blockedUntil = new LRUCache<string, number>({ max: 10_000 })
  const nameOf = (client: string, address: string) => createHmac('sha256', key).update(`${client.length}:${client}:${address}`).digest('base64url').slice(0, 22)
  return {
    wait: (client, address) => Math.max(0, Math.ceil(((blockedUntil.get(nameOf(client, address)) ?? 0) - now()) / 1000)),
    async wrong(client, address) {
      const name = nameOf(client, address)
      try {
        await limiter.consume(name)
        return false
      } catch (over) {
        if (!(over instanceof RateLimiterRes)) return false
        blockedUntil.set(name, now() + over.msBeforeNext)
        return true
      }
    },
  }
}

class TooManyGuesses extends errors.OIDCProviderError {
  constructor() {
    super(429, 'temporarily_unavailable')
    this.error_description = 'too many wrong secrets'
  }
}

/** Slows who tries one secret after another (RFC 6819, 4.4.1.11), and nobody else: neither other clients nor the same client elsewhere. */
export function slowGuessing(provider: Provider, guesses: SecretGuesses, noticed: (client: string) => void): void {
  const { prototype } = provider.Client
  const compare: unknown = Reflect.get(prototype, 'compareClientSecret')
  if (typeof compare !== 'function') throw new Error('oidc-provider compares secrets elsewhere')
  Reflect.set(prototype, 'compareClientSecret', async function compareSlowly(this: InstanceType<Provider['Client']>, secret: string): Promise<boolean> {
    const { ctx } = Provider
    const address = ctx?.ip ?? ''
    const wait = guesses.wait(this.clientId, address)
    if (wait > 0) {
      ctx?.set('retry-after', String(wait))
      throw new TooManyGuesses()
    }
    const isRight = (await Reflect.apply(compare, this, [secret])) === true
    if (!isRight && (await guesses.wrong(this.clientId, address))) noticed(this.clientId)
    return isRight
  })
}
