import { createHash } from 'node:crypto'
import { z } from 'zod'
import { EntenteError } from '../errors.ts'
import { changesKept } from '../storage/audience-changes.ts'
import { seal, unseal } from '../storage/keys.ts'

/** Where a receiver stands: among the members of an audience, or among what changed. */
export type AudiencePlace = z.infer<typeof place>

const common = {
  /** Customer key behind which it goes on. */
  after: z.string(),
  /** When the run began, milliseconds: what changes from then on, the next run tells. */
  begun: z.number(),
  /** Under which policy the receiver was told what it holds. */
  policy: z.string(),
}
const place = z.discriminatedUnion('among', [
  /** `again`: they were told before, under another policy, so who may not be told any more is told to be gone. */
  z.strictObject({ among: z.literal('members'), ...common, again: z.boolean() }),
  z.strictObject({ among: z.literal('changes'), ...common, at: z.number() }),
])

/** What a cursor belongs to; it is no good for another. */
export interface CursorOf {
  readonly clientId: string
  readonly audience: string
  readonly fields: readonly string[]
}

const longest = 600
/** A day before the changes behind it begin to go. Milliseconds. */
export const cursorsLast = changesKept - 86_400_000

/** Places as receivers keep them: encrypted, bound to client, segment, purpose and fields. Everything else is BAD_USER_INPUT alike. */
export function audienceCursors(key: Buffer, now: () => number) {
  const label = ({ clientId, audience, fields }: CursorOf): string =>
    createHash('sha256')
      .update(JSON.stringify(['audience', clientId, audience, fields]))
      .digest('base64url')
  return {
    write: (of: CursorOf, at: AudiencePlace): string => seal(key, JSON.stringify(at), label(of)),
    read(of: CursorOf, cursor: string, argument: 'after' | 'since'): AudiencePlace {
      const plain = cursor.length <= longest ? unseal(key, cursor, label(of)) : null
      const read = plain === null ? undefined : place.safeParse(JSON.parse(plain.toString())).data
      if (read === undefined || read.begun + cursorsLast < now()) throw new EntenteError('BAD_USER_INPUT', { argument }, { field: argument })
      return read
    },
  }
}

export type AudienceCursors = ReturnType<typeof audienceCursors>
