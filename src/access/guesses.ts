import { EntenteError } from '../errors.ts'
import type { CustomerKey } from '../operation.ts'
import type { FactorKind } from '../storage/customers.ts'
import type { GuessLimits, GuessStore } from '../storage/guesses.ts'

/** Kinds whose proofs can be guessed; a passkey's signature cannot. */
export type GuessedKind = Exclude<FactorKind, 'passkey'>
const guessedKinds: readonly GuessedKind[] = ['totp', 'recoveryCodes']

export const guessLimits: GuessLimits = { free: 5, wait: 60_000, longestWait: 24 * 3_600_000, forgottenAfter: 30 * 24 * 3_600_000 }

/**
 * One counter per customer and kind of factor, whatever session, address or channel the guesses come by. It goes up before anything is
 * compared, so of a hundred guesses at once five are looked at; only the right code takes it back, and each lock is twice as long as the
 * one before. One kind's lock leaves the others usable, so it shuts nobody out who has another way.
 */
export function guesses({ store, now }: { readonly store: GuessStore; readonly now: () => number }) {
  const idOf = (customer: CustomerKey, kind: GuessedKind) => `${customer}/${kind}`
  return {
    /** To be called before comparing. Says whether this was the guess that locks, should it be wrong. RATE_LIMITED, for the right code too. */
    async count(customer: CustomerKey, kind: GuessedKind): Promise<{ readonly locks: boolean }> {
      const at = now()
      const row = await store.count(idOf(customer, kind), new Date(at), guessLimits)
      if (!row.counted) throw new EntenteError('RATE_LIMITED', { kind }, { retryAfter: Math.ceil((row.lockedUntil.getTime() - at) / 1000) })
      return { locks: row.count === guessLimits.free }
    },

    /** The code was right. */
    right: (customer: CustomerKey, kind: GuessedKind): Promise<void> => store.clear(idOf(customer, kind)),

    /** Whether so many were wrong lately, of the kinds that the customer has, that a sign-in is doubtful. */
    async many(customer: CustomerKey, kinds: ReadonlySet<FactorKind>): Promise<boolean> {
      const guessed = guessedKinds.filter((kind) => kinds.has(kind))
      if (guessed.length === 0) return false
      const rows = await store.read(guessed.map((kind) => idOf(customer, kind)))
      return rows.some(({ count }) => count >= guessLimits.free)
    },
  }
}

export type Guesses = ReturnType<typeof guesses>
