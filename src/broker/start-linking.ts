import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { EntenteError } from '../errors.ts'
import type { CustomerKey } from '../operation.ts'
import type { OnceStore } from '../storage/redis.ts'
import type { LoginGoal, Provider, ProviderId } from './provider.ts'

type LinkGoal = Extract<LoginGoal, { kind: 'link' }>

/** A linking that a signed-in customer has asked for and whose browser has not come yet. */
export interface AskedLinking {
  readonly provider: ProviderId
  readonly goal: LinkGoal
}

const asked: z.ZodType<AskedLinking> = z.strictObject({
  provider: z.string(),
  goal: z.strictObject({ kind: z.literal('link'), customer: z.string(), grant: z.string(), clientId: z.string(), returnTo: z.string() }),
})

const seconds = 600

/**
 * Linking begins in GraphQL and goes on in the browser: the url leads to us first, where the browser must hold the session of the very
 * customer who asked. So nobody adds his own login to another's account, nor lures another into adding theirs to his (RFC 9700, 4.7).
 */
export function startLinking(parts: { readonly handles: OnceStore; readonly providers: ReadonlyMap<ProviderId, Provider>; readonly publicUrl: string }) {
  return {
    /** PROVIDER_UNKNOWN PROVIDER_UNAVAILABLE */
    async ask(provider: ProviderId, goal: LinkGoal): Promise<{ readonly url: string; readonly expiresAt: Date }> {
      const found = parts.providers.get(provider)
      if (found === undefined) throw new EntenteError('PROVIDER_UNKNOWN')
      if (!found.available()) throw new EntenteError('PROVIDER_UNAVAILABLE', { provider })
      const handle = randomBytes(32).toString('base64url')
      await parts.handles.put(handle, JSON.stringify({ provider, goal } satisfies AskedLinking), seconds)
      return { url: `${parts.publicUrl}/login/link/${handle}`, expiresAt: new Date(Date.now() + seconds * 1000) }
    },

    /** What was asked under this handle, once, and only for the customer whose session the browser holds. LOGIN_EXPIRED LOGIN_DENIED */
    async take(handle: string, signedIn: CustomerKey | null): Promise<AskedLinking> {
      const peeked = await parts.handles.peek(handle)
      if (peeked === null) throw new EntenteError('LOGIN_EXPIRED')
      if (asked.parse(JSON.parse(peeked)).goal.customer !== signedIn) throw new EntenteError('LOGIN_DENIED', { why: 'another session' })
      const taken = await parts.handles.take(handle)
      if (taken === null) throw new EntenteError('LOGIN_EXPIRED')
      return asked.parse(JSON.parse(taken))
    },
  }
}

export type LinkingStart = ReturnType<typeof startLinking>
