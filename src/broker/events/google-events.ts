import { z } from 'zod'
import { readJson, type ProviderHttp } from '../provider-http.ts'
import { openKeys } from '../provider-keys.ts'
import { EntenteError } from '../../errors.ts'
import type { EventKind, ProviderEvent } from '../../linking/decide-provider-event.ts'
import type { EventReader } from './event.ts'
import { refusedNotice, verifiedNotice } from './signed-notice.ts'

export interface GoogleEventParts {
  readonly http: ProviderHttp
  readonly now: () => number
  readonly clientId: string
  /** Where the configuration is read: Google itself or what stands for it. */
  readonly base: string
  readonly pinned: (url: URL) => boolean
  /** As identities name it. */
  readonly family: string
}

const configuration = z.object({ issuer: z.string().max(200), jwks_uri: z.url().max(500) })
const subject = z.object({ subject_type: z.string(), iss: z.string(), sub: z.string().min(1).max(255) })
const token = z.object({
  iss: z.string(),
  aud: z.union([z.string(), z.array(z.string())]),
  iat: z.number().positive(),
  jti: z.string().min(1).max(200),
  events: z.record(z.string(), z.looseObject({ subject: subject.optional().catch(undefined), reason: z.string().max(60).optional().catch(undefined) })),
})

const kinds: Readonly<Record<string, EventKind>> = {
  'risc/event-type/sessions-revoked': 'sessionsRevoked',
  'oauth/event-type/tokens-revoked': 'grantRevoked',
  'risc/event-type/account-disabled': 'accountDisabled',
  'risc/event-type/account-enabled': 'accountEnabled',
  'risc/event-type/account-purged': 'accountDeleted',
  'risc/event-type/account-credential-change-required': 'credentialsChanged',
}
const prefix = 'https://schemas.openid.net/secevent/'
const olderPrefix = 'https://accounts.google.com/risc/event/'
const leeway = 30 // seconds

/** Cross-Account Protection: security event tokens (RFC 8417) by push (RFC 8935), `aud` our client, no meaningful `exp`, issuer with or without a slash at its end. */
export function googleEvents(parts: GoogleEventParts): EventReader {
  const { http, now, clientId, family } = parts
  let issuer: string | null = null
  const readConfiguration = async (): Promise<readonly string[]> => {
    const found = configuration.safeParse(await readJson(await http.fetch(`${parts.base}/.well-known/risc-configuration`)))
    if (!found.success || !http.permits(found.data.jwks_uri) || !parts.pinned(new URL(found.data.jwks_uri))) {
      throw new EntenteError('PROVIDER_UNAVAILABLE', { provider: 'google', reason: 'RISC configuration' })
    }
    issuer = withoutSlash(found.data.issuer)
    return [found.data.jwks_uri]
  }
  const rules = { provider: 'google', algorithms: ['RS256'], keys: openKeys({ http, now, urls: readConfiguration }) }
  return {
    mediaType: 'application/secevent+jwt',
    async read({ body }) {
      const said = token.safeParse(await verifiedNotice(rules, body.trim()))
      if (!said.success) throw refusedNotice('google', 'claims')
      const { iss, aud, iat, jti, events } = said.data
      if (withoutSlash(iss) !== issuer) throw refusedNotice('google', 'iss')
      if (![aud].flat().includes(clientId)) throw refusedNotice('google', 'aud')
      if (iat > now() / 1000 + leeway) throw refusedNotice('google', 'iat')
      const at = new Date(iat * 1000)
      return Object.entries(events).map(([type, { subject: about, reason }], n): ProviderEvent => {
        // Only whom this very issuer names by its own number: a mail address alone is nobody.
        const isOurs = about?.subject_type === 'iss-sub' && withoutSlash(about.iss) === issuer
        return {
          id: n === 0 ? jti : `${jti}/${n}`,
          provider: 'google',
          kind: kinds[shortName(type)] ?? 'other',
          identity: isOurs ? { issuer: family, subject: about.sub } : null,
          at,
          ...(reason !== undefined && { reason }),
        }
      })
    },
  }
}

const withoutSlash = (url: string): string => url.replace(/\/$/, '')

function shortName(type: string): string {
  if (type.startsWith(olderPrefix)) return `risc/event-type/${type.slice(olderPrefix.length)}`
  return type.startsWith(prefix) ? type.slice(prefix.length) : type
}
