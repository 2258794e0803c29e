import { setDecisions, type DecisionParts } from './set-decisions.ts'
import type { ConsentDoor } from './resolver.ts'
import { localeFor, purposesIn } from './texts.ts'

/** What the GraphQL fields about consent call. */
export function consentDoor(parts: DecisionParts): ConsentDoor {
  const decide = setDecisions(parts)
  return {
    purposes: (wanted) => purposesIn(localeFor(wanted, parts.policy), parts.policy),
    decide: (caller, { decisions, idempotencyKey, wanted }) => decide(caller, { decisions, idempotencyKey, locale: localeFor(wanted, parts.policy) }),
  }
}
