import { dataSubjectAccess, type Policy } from '../config/policy.ts'
import { basisOf } from '../consent/gate.ts'
import { localeFor } from '../consent/texts.ts'
import { EntenteError } from '../errors.ts'
import { personOf, tokenOf, type Caller } from '../operation.ts'
import type { CustomerStore } from '../storage/customers.ts'
import type { DayBudget } from '../storage/redis.ts'
import { explainer, type SegmentExplanation } from './explain.ts'
import { segmentRules } from './segment-rules.ts'
import { ruleTrials, type RuleTrial } from './try-rule.ts'

/** For operators who make up rules. */
export const segmentsScope = 'segments:read'

export interface SegmentsDoor {
  readonly title: (id: string, locale: string | null) => string
  /** For the person alone: every segment, or one. UNAUTHENTICATED FORBIDDEN; BAD_USER_INPUT for an unknown one. */
  readonly explain: (caller: Caller | null, id: string | null, locale: string | null) => Promise<SegmentExplanation[]>
  /** UNAUTHENTICATED FORBIDDEN BAD_USER_INPUT RATE_LIMITED */
  readonly tryRule: (caller: Caller | null, rule: string, purpose: string) => Promise<RuleTrial>
}

export interface SegmentsParts {
  readonly customers: Pick<CustomerStore, 'page' | 'read'>
  readonly policy: Policy
  readonly trialKey: Buffer
  readonly trialBudget: DayBudget
  readonly now: () => number
}

export function segmentsDoor({ customers, policy, trialKey, trialBudget, now }: SegmentsParts): SegmentsDoor {
  const rules = segmentRules(policy)
  const explain = explainer(policy, rules)
  const trial = ruleTrials({ customers, policy, rules, key: trialKey, budget: trialBudget, now })
  const titles = new Map(policy.segments.map(({ id, titles: byLocale }) => [id, byLocale]))
  return {
    title: (id, locale) => titles.get(id)?.get(localeFor(locale, policy)) ?? id,

    async explain(caller, id, locale) {
      const customer = personOf(caller)
      if ((tokenOf(caller).purposes & dataSubjectAccess) === 0) throw new EntenteError('FORBIDDEN', { why: 'not the person' })
      const row = await customers.read(customer)
      if (row === null || row.state !== 'active') throw new EntenteError('UNAUTHENTICATED', { why: 'customer is not active' })
      if (id !== null && !titles.has(id)) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'id' })
      const held = policy.namesOf(basisOf(row, policy, now()))
      const wanted = id === null ? [...titles.keys()] : [id]
      return wanted.flatMap((one) => explain(one, row, held, localeFor(locale, policy), now()) ?? [])
    },

    async tryRule(caller, rule, purpose) {
      const { scopes, clientId } = tokenOf(caller)
      if (!scopes.has(segmentsScope)) throw new EntenteError('FORBIDDEN', { scope: segmentsScope })
      return trial(clientId, rule, purpose)
    },
  }
}
