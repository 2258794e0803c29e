import { dataSubjectAccess } from '../config/policy.ts'
import { EntenteError } from '../errors.ts'
import { personOf } from '../operation.ts'
import { comeAlong } from './before-login.ts'
import type { ConsentDoor } from './resolver.ts'
import { setDecisions, signed, type DecisionParts } from './set-decisions.ts'
import { consentSignals, type SignalParts } from './signals.ts'
import { saidByTcf } from './tcf.ts'
import { localeFor, purposesIn } from './texts.ts'

export type ConsentDoorParts = DecisionParts & SignalParts

/** What the GraphQL fields about consent call. */
export function consentDoor(parts: ConsentDoorParts): ConsentDoor {
  const decide = setDecisions(parts)
  const bring = comeAlong(parts)
  return {
    purposes: (wanted) => purposesIn(localeFor(wanted, parts.policy), parts.policy),
    decide: (caller, { decisions, idempotencyKey, wanted }) => decide(caller, { decisions, idempotencyKey, locale: localeFor(wanted, parts.policy) }),
    signals: consentSignals(parts),
    async importTcf(caller, tcString) {
      const customer = personOf(caller)
      if (caller === null) throw new EntenteError('UNAUTHENTICATED')
      const said = saidByTcf(tcString, parts.policy, parts.now())
      // Whether it was news tells what was decided before: a client hears that of its own purposes only.
      const reach = (caller.purposes & dataSubjectAccess) !== 0 ? ~0 : caller.purposes
      const done = await bring(caller, customer, { ...said, choices: said.choices.filter(({ purpose }) => (purpose.mask & reach) !== 0) })
      return done && signed(parts, caller, done)
    },
  }
}
