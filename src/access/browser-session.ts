import type { Adapter } from 'oidc-provider'
import { z } from 'zod'
import type { OpenIdPayload, OpenIdRecords } from '../storage/openid-records.ts'
import type { WrittenTogether } from './written-together.ts'

const stored = z.object({
  loginTs: z.number().default(0),
  amr: z.array(z.string()).default([]),
  /** By client: what the library knows of it, the last grant among that. */
  authorizations: z.record(z.string(), z.looseObject({ sid: z.string().optional(), grantId: z.string().optional() })).default({}),
  /** Every grant that came of this session. */
  grants: z.array(z.string()).default([]),
})

/** A session of the OpenID provider, as it is stored. */
export const readSession = (payload: OpenIdPayload): z.infer<typeof stored> => stored.parse(payload)

/** The id in a session's cookie, which changes with each login; it leads to the session. */
const cookieId = 'SessionId'
const fortnight = 14 * 86_400

export interface SessionParts {
  readonly records: OpenIdRecords
  readonly later: (seconds: number) => Date
  readonly takeHeld: WrittenTogether['takeHeld']
}

/**
 * Sessions are kept under their lasting id (`uid`), and what is written is joined with what is there: logins of one browser at the same
 * moment each know the client that they are about, and the library would keep those of the last one only. A sign-out would then spare the
 * tokens of the others.
 */
export function sessionStorage({ records, later, takeHeld }: SessionParts): Pick<Adapter, 'upsert' | 'find' | 'findByUid' | 'destroy'> {
  const read = async (uid: unknown, id: string) => {
    const session = typeof uid === 'string' ? await records.read('Session', uid) : null
    return session === null ? undefined : { ...session.payload, jti: id }
  }
  return {
    async upsert(id, { jti: _id, ...payload }, expiresIn = fortnight) {
      const { uid = id, accountId } = payload
      const common = { expiresAt: later(expiresIn), ...(accountId !== undefined && { customer: accountId }) }
      await records.change({
        record: { ...common, kind: 'Session', id: uid },
        along: takeHeld(),
        pointer: { ...common, kind: cookieId, id, payload: { uid } },
        expectNew: later(0).getTime() - (payload.iat ?? 0) * 1000 < 1_000,
        next: (before) => withClientsOf(before !== null && before.customer === accountId ? before.payload : {}, payload),
      })
    },
    find: async (id) => read((await records.read(cookieId, id))?.payload['uid'], id),
    findByUid: (uid) => read(uid, uid),
    /** The id only: at a login another one follows. The session itself ends in `endings.ts`. */
    destroy: (id) => records.remove(cookieId, id),
  }
}

function withClientsOf(before: OpenIdPayload, now: OpenIdPayload): OpenIdPayload {
  const [known, added] = [readSession(before), readSession(now)]
  const authorizations = { ...known.authorizations, ...added.authorizations }
  const named = Object.values(added.authorizations).flatMap(({ grantId }) => grantId ?? [])
  return { ...now, authorizations, grants: [...new Set([...known.grants, ...named])] }
}
