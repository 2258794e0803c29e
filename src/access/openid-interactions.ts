import { createHash } from 'node:crypto'
import type { Adapter } from 'oidc-provider'
import { z } from 'zod'
import { EntenteError } from '../errors.ts'
import { seal, unseal } from '../storage/keys.ts'
import type { OnceStore } from '../storage/redis.ts'

export type InteractionStorage = Pick<Adapter, 'upsert' | 'find' | 'destroy'>

/** How long somebody may take over one question, as over the login at a provider: what was given up lies here no longer than that. */
export const interactionSeconds = 600
const stored = z.record(z.string(), z.unknown())

/**
 * What somebody is asked on the way to a code: ten minutes at most, one browser, read and written at every step, so it lies in Redis. Where it
 * is lost that login begins anew, and nobody is signed out. Encrypted, since it names a session and may hold what a person typed; its id, which
 * opens a door, is kept as a hash. OVERLOADED while Redis is away
 */
export function interactionStorage(store: OnceStore, key: Buffer): InteractionStorage {
  const placeOf = (id: string) => createHash('sha256').update(id).digest('base64url')
  return {
    async upsert(id, { jti: _id, ...payload }, expiresIn = interactionSeconds) {
      const place = placeOf(id)
      await inReach(store.replace(place, seal(key, JSON.stringify(payload), place), expiresIn))
    },
    async find(id) {
      const place = placeOf(id)
      const sealed = await inReach(store.peek(place))
      const plain = sealed === null ? null : unseal(key, sealed, place)
      return plain === null ? undefined : { ...stored.parse(JSON.parse(plain.toString())), jti: id }
    },
    async destroy(id) {
      await inReach(store.take(placeOf(id)))
    },
  }
}

async function inReach<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked
  } catch (error) {
    throw new EntenteError('OVERLOADED', { why: 'Redis is away' }, { retryAfter: 5 }, error)
  }
}
