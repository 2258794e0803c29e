import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { EventReader } from './event.ts'
import { parsed, refusedNotice } from './signed-notice.ts'

export interface FacebookEventParts {
  readonly now: () => number
  readonly appSecret: string
  /** As identities of our app name it. */
  readonly issuer: string
}

const payload = z.object({ user_id: z.string().regex(/^\d{1,64}$/), algorithm: z.literal('HMAC-SHA256'), issued_at: z.number().int().positive() })
const signedRequest = /^([\w-]+)={0,2}\.([\w-]+)={0,2}$/
const longest = 4096 // characters
const leeway = 30 // seconds

/** Facebook's `signed_request`: to `…/deauthorize` when a person removes our app, to the other address when they ask for what it told us to be deleted. */
export function facebookEvents({ now, appSecret, issuer }: FacebookEventParts): EventReader {
  const check = (holds: boolean, name: string): void => {
    if (!holds) throw refusedNotice('facebook', name)
  }
  return {
    mediaType: 'application/x-www-form-urlencoded',
    async read({ body, topic }) {
      check(topic === null || topic === 'deauthorize', 'topic')
      const sent = new URLSearchParams(body).getAll('signed_request')
      const [, signature = '', encoded = ''] = signedRequest.exec(sent.length === 1 && (sent[0]?.length ?? 0) <= longest ? (sent[0] ?? '') : '') ?? []
      // Over the text as it came, and not over what it decodes to.
      const expected = createHmac('sha256', appSecret).update(encoded).digest()
      const given = Buffer.from(signature, 'base64url')
      check(encoded !== '' && given.length === expected.length && timingSafeEqual(given, expected), 'signature')
      const said = payload.safeParse(parsed(Buffer.from(encoded, 'base64url').toString()))
      if (!said.success) throw refusedNotice('facebook', 'payload')
      const { user_id: user, issued_at: issuedAt } = said.data
      check(issuedAt <= now() / 1000 + leeway, 'issued_at')
      const kind = topic === 'deauthorize' ? ('grantRevoked' as const) : ('dataDeletion' as const)
      const id = createHash('sha256').update(`${kind}.${encoded}`).digest('base64url')
      return [{ id, provider: 'facebook', kind, identity: { issuer, subject: user }, at: new Date(issuedAt * 1000) }]
    },
  }
}
