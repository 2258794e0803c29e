import { Provider, type KoaContextWithOIDC } from 'oidc-provider'
import type { NewOpenIdRecord, OpenIdRecords } from '../storage/openid-records.ts'

/** Made on the way to a code, and written with the session that it is made by. */
const withSession: ReadonlySet<string> = new Set(['Grant', 'AuthorizationCode'])
const onTheWay: ReadonlySet<string> = new Set(['authorization', 'resume'])

/**
 * What the library writes one after the other in a request, and what stands or falls together, goes in one command: it is kept before the
 * browser or the client gets to know of it. On the way to a code the session is always written, last; and a refresh token that is consumed is
 * always replaced.
 */
export function writtenTogether(records: Pick<OpenIdRecords, 'put' | 'consume' | 'succeed'>) {
  const held = new WeakMap<KoaContextWithOIDC, NewOpenIdRecord[]>()
  const replacing = new WeakMap<KoaContextWithOIDC, string>()
  return {
    /** False when the token in whose place it comes was used at the same moment. */
    async put(record: NewOpenIdRecord): Promise<boolean> {
      const { ctx } = Provider
      const before = ctx && record.kind === 'RefreshToken' ? replacing.get(ctx) : undefined
      if (before !== undefined) return records.succeed(record.kind, before, record)
      if (ctx && withSession.has(record.kind) && onTheWay.has(ctx.oidc.route)) held.set(ctx, [...(held.get(ctx) ?? []), record])
      else await records.put(record)
      return true
    },

    /** False for who comes second; of a refresh token that is told when the next one is put. */
    async consume(kind: string, id: string): Promise<boolean> {
      const { ctx } = Provider
      if (ctx === undefined || kind !== 'RefreshToken') return records.consume(kind, id)
      replacing.set(ctx, id)
      return true
    },

    /** What waits for this request's session. */
    takeHeld(): readonly NewOpenIdRecord[] {
      const { ctx } = Provider
      const taken = (ctx && held.get(ctx)) ?? []
      if (ctx) held.delete(ctx)
      return taken
    },
  }
}

export type WrittenTogether = ReturnType<typeof writtenTogether>
