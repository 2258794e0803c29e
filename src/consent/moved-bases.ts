import { PolicyError } from '../config/policy-source.ts'
import type { Purpose } from '../config/policy.ts'
import type { SeenScopeStore } from '../storage/seen-scopes.ts'

/**
 * Who was asked, or could object, is not passed over by calling the purpose something else: a purpose that moves to another basis says why
 * (`formerBases`). To ask for consent from now on takes no reason. Throws `PolicyError`, which names every purpose that moved without one.
 */
export async function refuseMovedBases(purposes: readonly Purpose[], seen: SeenScopeStore): Promise<void> {
  const own = purposes.filter(({ builtIn }) => !builtIn)
  // A policy that is refused leaves nothing behind.
  const moved = await Promise.all(own.map(async (purpose) => ({ purpose, from: unsaid(purpose, await seen.read(keyOf(purpose))) })))
  const problems = moved.flatMap(({ purpose, from }) =>
    from.map((basis) => `purposes: ${purpose.id} has stood on ${basis} here; why that changed belongs under formerBases`),
  )
  if (problems.length > 0) throw new PolicyError(problems)
  await Promise.all(own.map((purpose) => seen.remember(keyOf(purpose), purpose.legalBasis)))
}

/** Scopes of texts are kept beside it under `purpose@version`. */
const keyOf = ({ id }: Purpose): string => `basis of ${id}`

const unsaid = ({ legalBasis, formerBases }: Purpose, before: readonly string[]): readonly string[] =>
  legalBasis === 'CONSENT' ? [] : before.filter((basis) => basis !== legalBasis && !formerBases.has(basis))
