import type { AlertPolicy, AlertRuleName } from '../config/alerts.ts'
import type { AuditRow } from '../storage/audit-log.ts'
import type { AuditType } from './event.ts'

/** An audit event as far as alerts look at it. */
export type Watched = Pick<AuditRow, '_id' | 'at' | 'type' | 'client' | 'subjects' | 'categories' | 'detail'>

interface Rule {
  readonly type: AuditType
  /** Whom the alert is about: a client, a customer (by key), a provider, a chain, a queue, or the house as a whole. */
  readonly subject: (event: Watched) => string
  /** How often it happened. */
  readonly times: (event: Watched) => number
  /** Only when there was none for so long before. Milliseconds. */
  readonly afterQuiet?: number
}

const once = (): number => 1
const house = (): string => 'house'
const client = (event: Watched): string => `client:${event.client ?? ''}`
const counted = ({ detail }: Watched): number => (typeof detail['times'] === 'number' ? detail['times'] : 1)
const day = 86_400_000

const rules: Readonly<Record<AlertRuleName, Rule>> = {
  deniedOften: { type: 'access.denied', subject: client, times: counted },
  deniedSuddenly: { type: 'access.denied', subject: client, times: counted, afterQuiet: day },
  enumeration: { type: 'customer.not_found', subject: client, times: counted },
  guesses: { type: 'factor.refused', subject: ({ subjects }) => `customer:${subjects[0] ?? ''}`, times: once },
  guessesEverywhere: { type: 'factor.refused', subject: house, times: once },
  tokenReuse: { type: 'token.reused', subject: client, times: once },
  forgedNotices: { type: 'provider.event_refused', subject: ({ detail }) => `provider:${String(detail['provider'])}`, times: once },
  chainBroken: { type: 'chain.broken', subject: ({ detail, subjects }) => `chain:${String(detail['kind'])}/${subjects[0] ?? 'gateway'}`, times: once },
  requestsOverdue: { type: 'requests.overdue', subject: house, times: once },
  suppressionsOverdue: { type: 'suppressions.overdue', subject: client, times: once },
  rulesRefused: { type: 'rules.refused', subject: house, times: once },
  jobParked: { type: 'job.parked', subject: ({ detail }) => `queue:${String(detail['kind'])}`, times: once },
}

/** What there is to be told, in codes and counts. */
export interface Raised {
  readonly rule: AlertRuleName
  readonly subject: string
  readonly times: number
  readonly firstAt: Date
  readonly lastAt: Date
  readonly categories: readonly string[]
  /** The newest of the events behind it. */
  readonly event: string
}

/** So long before now events matter to some rule. Milliseconds. */
export const lookBack = (policy: AlertPolicy): number => Math.max(...ruleNames.map((name) => policy.rules[name].within + (rules[name].afterQuiet ?? 0)))

const ruleNames = Object.keys(rules).filter((name): name is AlertRuleName => name in rules)

/**
 * Which rules these events break, in a window that ends now. Pure. `answered` says until when an operator has answered an alert of that
 * rule and subject: what happened up to then raises no other.
 */
export function raisedBy(events: readonly Watched[], policy: AlertPolicy, now: number, answered: (rule: AlertRuleName, subject: string) => number): Raised[] {
  return ruleNames.flatMap((name) => {
    const { type, subject } = rules[name]
    const concerned = Map.groupBy(
      events.filter((event) => event.type === type),
      subject,
    )
    return [...concerned].flatMap(([about, all]) => {
      const found = broken(name, policy, all, now, answered(name, about))
      return found === null ? [] : [{ ...found, rule: name, subject: about }]
    })
  })
}

function broken(name: AlertRuleName, policy: AlertPolicy, all: readonly Watched[], now: number, answered: number): Omit<Raised, 'rule' | 'subject'> | null {
  const { within, times } = policy.rules[name]
  const { afterQuiet, times: timesOf } = rules[name]
  const begin = now - within
  const counting = all.filter(({ at }) => at.getTime() > Math.max(begin, answered)).toSorted((a, b) => a.at.getTime() - b.at.getTime())
  const sum = counting.reduce((total, event) => total + timesOf(event), 0)
  const [first, last] = [counting[0], counting.at(-1)]
  if (sum < times || first === undefined || last === undefined) return null
  const isNoisy = afterQuiet !== undefined && all.some(({ at }) => at.getTime() <= begin && at.getTime() > begin - afterQuiet)
  if (isNoisy) return null
  const categories = [...new Set(counting.flatMap((event) => event.categories))].sort()
  return { times: sum, firstAt: first.at, lastAt: last.at, categories, event: last._id }
}
