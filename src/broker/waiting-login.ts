import { createHash } from 'node:crypto'
import { z } from 'zod'
import { seal, unseal } from '../storage/keys.ts'
import type { RedisConnection } from '../storage/redis.ts'
import type { Claims } from '../linking/claims.ts'

const claims: z.ZodType<Claims> = z.strictObject({
  provider: z.string(),
  issuer: z.string(),
  subject: z.string(),
  address: z.strictObject({ value: z.string(), proof: z.enum(['authoritative', 'verified', 'none']), relay: z.boolean().exactOptional() }).exactOptional(),
  givenName: z.string().exactOptional(),
  familyName: z.string().exactOptional(),
  pictureUrl: z.string().exactOptional(),
  locale: z.string().exactOptional(),
  authTime: z.coerce.date().exactOptional(),
  assurance: z.record(z.string(), z.string()),
  grant: z.string().exactOptional(),
})

const seconds = 600

/**
 * A login that got LINK_REQUIRED waits here, ten minutes at most, for its owner to sign in the way known: same browser, same OpenID
 * interaction. It holds what a provider said about a person, so it lies in Redis encrypted.
 */
export function waitingLogins(redis: RedisConnection, key: Buffer) {
  const place = (interaction: string, browser: string) =>
    `waiting:${createHash('sha256').update(`${interaction.length}:${interaction}:${browser}`).digest('base64url')}`
  return {
    async keep(interaction: string, browser: string, said: Claims): Promise<void> {
      const at = place(interaction, browser)
      await redis.set(at, seal(key, JSON.stringify(said), at), 'EX', seconds)
    },
    async read(interaction: string, browser: string): Promise<Claims | null> {
      const at = place(interaction, browser)
      const sealed = await redis.get(at)
      const plain = sealed === null ? null : unseal(key, sealed, at)
      return plain === null ? null : claims.parse(JSON.parse(plain.toString()))
    },
    async forget(interaction: string, browser: string): Promise<void> {
      await redis.del(place(interaction, browser))
    },
  }
}

export type WaitingLogins = ReturnType<typeof waitingLogins>
