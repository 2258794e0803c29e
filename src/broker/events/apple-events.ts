import { z } from 'zod'
import type { ProviderKeys } from '../provider-keys.ts'
import type { EventKind } from '../../linking/decide-provider-event.ts'
import type { EventReader } from './event.ts'
import { parsed, refusedNotice, verifiedNotice } from './signed-notice.ts'

export interface AppleEventParts {
  readonly keys: ProviderKeys
  readonly now: () => number
  readonly clientId: string
  readonly issuers: readonly string[]
  readonly family: string
}

const body = z.object({ payload: z.string() })
const token = z.object({
  iss: z.string(),
  aud: z.union([z.string(), z.array(z.string())]),
  iat: z.number().positive(),
  jti: z.string().min(1).max(200),
  // The manual shows an object; what comes is text that holds one.
  events: z.union([z.string(), z.record(z.string(), z.unknown())]),
})
const happened = z.object({ type: z.string(), sub: z.string().min(1).max(255), event_time: z.number().positive().optional() })

const kinds: Readonly<Record<string, EventKind>> = {
  'consent-revoked': 'grantRevoked',
  'account-delete': 'accountDeleted',
  'account-deleted': 'accountDeleted',
  'email-disabled': 'addressDisabled',
  'email-enabled': 'addressEnabled',
}
const leeway = 30 // seconds

/** Sign in with Apple's server-to-server notifications: a JWT in JSON, with the event as text in it, its time in milliseconds and the token's in seconds. */
export function appleEvents({ keys, now, clientId, issuers, family }: AppleEventParts): EventReader {
  const rules = { provider: 'apple', algorithms: ['RS256'], keys }
  return {
    mediaType: 'application/json',
    async read(notice) {
      const posted = body.safeParse(parsed(notice.body))
      if (!posted.success) throw refusedNotice('apple', 'body')
      const said = token.safeParse(await verifiedNotice(rules, posted.data.payload))
      if (!said.success) throw refusedNotice('apple', 'claims')
      const { iss, aud, iat, jti, events } = said.data
      if (!issuers.includes(iss)) throw refusedNotice('apple', 'iss')
      if (![aud].flat().includes(clientId)) throw refusedNotice('apple', 'aud')
      if (iat > now() / 1000 + leeway) throw refusedNotice('apple', 'iat')
      const event = happened.safeParse(typeof events === 'string' ? parsed(events) : events)
      if (!event.success) throw refusedNotice('apple', 'events')
      const { type, sub, event_time: time } = event.data
      return [{ id: jti, provider: 'apple', kind: kinds[type] ?? 'other', identity: { issuer: family, subject: sub }, at: new Date(time ?? iat * 1000) }]
    },
  }
}
