import { createHash, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { EntenteError } from '../errors.ts'
import type { CustomerKey } from '../operation.ts'
import type { OnceStore } from '../storage/redis.ts'

/** A signed-in customer has just shown a login of another one, and may merge the two: with the same token, at the same client. */
export interface MergeOffer {
  readonly survivor: CustomerKey
  readonly absorbed: CustomerKey
  readonly grant: string
  readonly clientId: string
}

const offer: z.ZodType<MergeOffer> = z.strictObject({ survivor: z.string(), absorbed: z.string(), grant: z.string(), clientId: z.string() })
const seconds = 600

/** Proofs that two customers are one person: random, ten minutes, used once. They say nothing by themselves. */
export function mergeProofs(handles: OnceStore) {
  const placeOf = (proof: string) => createHash('sha256').update(proof).digest('base64url')
  return {
    async give(offered: MergeOffer): Promise<string> {
      const proof = randomBytes(32).toString('base64url')
      await handles.put(placeOf(proof), JSON.stringify(offered), seconds)
      return proof
    },

    /** What it stands for, once, and only for whom it was given. Who may not use it does not spend it either. BAD_USER_INPUT */
    async take(proof: string, by: Omit<MergeOffer, 'absorbed'>): Promise<MergeOffer> {
      const peeked = await handles.peek(placeOf(proof))
      const offered = peeked === null ? null : offer.parse(JSON.parse(peeked))
      const isTheirs = offered?.survivor === by.survivor && offered.grant === by.grant && offered.clientId === by.clientId
      if (offered === null || !isTheirs || (await handles.take(placeOf(proof))) === null) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'proof' })
      return offered
    },
  }
}

export type MergeProofs = ReturnType<typeof mergeProofs>
