import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { EntenteError } from '../errors.ts'
import type { CustomerKey } from '../operation.ts'
import type { OnceStore } from '../storage/redis.ts'

export type PasskeyUse = 'register' | 'signIn' | 'stepUp'

/** For whom a challenge is: it serves nobody and nothing else. */
export interface ChallengeFor {
  readonly use: PasskeyUse
  /** The browser's binding value at our pages, the grant in GraphQL. */
  readonly holder: string
  /** Null where anybody may sign in. */
  readonly customer: CustomerKey | null
}

const stored = z.strictObject({ challenge: z.string(), userHandle: z.string(), bound: z.string() })
const seconds = 300

const bindingOf = ({ use, holder, customer }: ChallengeFor): string =>
  createHash('sha256')
    .update(JSON.stringify([use, holder, customer]))
    .digest('base64url')

/** Challenges under way: drawn here, bound, taken at most once whatever comes of it (WebAuthn L3, 13.4.3). */
export function passkeyChallenges(handles: OnceStore) {
  return {
    async draw(whom: ChallengeFor, userHandle = ''): Promise<{ readonly handle: string; readonly challenge: Uint8Array<ArrayBuffer> }> {
      const handle = randomBytes(32).toString('base64url')
      const challenge = new Uint8Array(randomBytes(32))
      const value = { challenge: Buffer.from(challenge).toString('base64url'), userHandle, bound: bindingOf(whom) } satisfies z.infer<typeof stored>
      await handles.put(handle, JSON.stringify(value), seconds)
      return { handle, challenge }
    },

    /** BAD_USER_INPUT for one that is used, over, or somebody else's. */
    async take(handle: string, whom: ChallengeFor): Promise<{ readonly challenge: string; readonly userHandle: string }> {
      const value = /^[A-Za-z0-9_-]{43}$/.test(handle) ? await handles.take(handle) : null
      if (value === null) throw new EntenteError('BAD_USER_INPUT', { why: 'no such challenge' }, { field: 'handle' })
      const { bound, ...challenge } = stored.parse(JSON.parse(value))
      if (!timingSafeEqual(Buffer.from(bound), Buffer.from(bindingOf(whom)))) {
        throw new EntenteError('BAD_USER_INPUT', { why: 'the challenge of another' }, { field: 'handle' })
      }
      return challenge
    },
  }
}

export type PasskeyChallenges = ReturnType<typeof passkeyChallenges>
