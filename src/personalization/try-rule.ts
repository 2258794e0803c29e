import { createHash, createHmac } from 'node:crypto'
import { parseDocument } from 'yaml'
import type { Policy } from '../config/policy.ts'
import { leavesOf, segmentRule, type Rule } from '../config/segment-rule.ts'
import { basisOf } from '../consent/gate.ts'
import { withBasis } from '../customers/permission.ts'
import { EntenteError } from '../errors.ts'
import type { CustomerKey } from '../operation.ts'
import type { CustomerStore, Projection } from '../storage/customers.ts'
import type { DayBudget } from '../storage/redis.ts'
import { factsFor } from './memberships.ts'
import type { SegmentRules } from './segment-rules.ts'

/** How many people a rule would have. */
export interface RuleTrial {
  /** About so many of those who were looked at, a multiple of the policy's k; null: too few to be told. */
  readonly people: number | null
  /** So many were looked at, rounded alike. */
  readonly among: number
  /** Whether that is everybody with a basis for the purpose. */
  readonly complete: boolean
}

export interface TrialParts {
  readonly customers: Pick<CustomerStore, 'page'>
  readonly policy: Policy
  readonly rules: SegmentRules
  /** Chooses whom a count is of, and by how much it is out. */
  readonly key: Buffer
  /** Of rules that a client may try. */
  readonly budget: DayBudget
  readonly now: () => number
}

const mostLookedAt = 20_000
const atOnce = 1_000
const trialsADay = 100
const day = 86_400_000
/** In multiples of the policy's k: by how much counts are out (standard deviation), and from how many on they are told. */
const spread = 2
const fewestTold = 3

/**
 * Counts without telling of anybody. A count is of a secret half of the people, always the same half, doubled, made wrong by about 2k, and
 * rounded down to a multiple of k. By how much it is wrong is drawn for each rule and day, so asking again gives the same, while two rules
 * that hold for the same people, for all but one of them, or for all others are wrong by different amounts: that they differ tells nothing,
 * and to average it away takes more rules than may be tried. Whom the conditions of the rule single out among fewer than k is not counted at all.
 * At most 20,000 people are looked at, in the order of their keys, which are random. BAD_USER_INPUT names what is wrong with the rule, or
 * the index that is missing; RATE_LIMITED
 */
export function ruleTrials(parts: TrialParts) {
  const { customers, policy, rules, now } = parts
  const answers = new Map<string, Promise<RuleTrial>>()
  let today = 0

  const isCounted = (customer: CustomerKey): boolean => (createHmac('sha256', parts.key).update(customer).digest()[0] ?? 0) % 2 === 0
  const rounded = (people: number): number => Math.floor(people / policy.k) * policy.k
  /** As many as a hash has ones, less those expected: near enough to a normal distribution, with a standard deviation of eight. */
  const drawnFor = (question: string): number => {
    const hash = createHmac('sha256', parts.key).update(`${today}/${question}`).digest()
    const ones = hash.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0)
    return ((ones - 128) / 8) * spread * policy.k
  }

  async function count(rule: Rule, purpose: string, error: number): Promise<RuleTrial> {
    const mask = policy.maskOf([purpose])
    const at = now()
    const query = withBasis(mask, policy, new Date(at))
    const leaves = leavesOf(rule)
    // People of whom the conditions say the same.
    const alike = new Map<string, { people: number; counted: number }>()
    let [looked, after]: [number, CustomerKey | null] = [0, null]
    for (let isMore = true; isMore && looked < mostLookedAt;) {
      const rows = await customers.page(query, after, atOnce, projectionFor(purpose, policy))
      for (const row of rows) {
        const facts = factsFor(row, purpose)
        if ((basisOf(row, policy, at) & mask) === 0 || !rules.holds(rule, facts, at)) continue
        const said = leaves.map((leaf) => Number(rules.leafHolds(leaf, facts, at))).join('')
        const { people, counted } = alike.get(said) ?? { people: 0, counted: 0 }
        alike.set(said, { people: people + 1, counted: counted + Number(isCounted(row._id)) })
      }
      looked += rows.length
      after = rows.at(-1)?._id ?? after
      isMore = rows.length === atOnce
    }
    const holding = [...alike.values()].reduce((sum, { people, counted }) => (people < policy.k ? sum : sum + counted), 0)
    const among = rounded(looked)
    const people = Math.min(rounded(holding * 2 + error), among)
    return { people: people < fewestTold * policy.k ? null : people, among, complete: looked < mostLookedAt }
  }

  return async (client: string, text: string, purposeId: string): Promise<RuleTrial> => {
    const rule = checked(text, purposeId, policy)
    if (today !== Math.floor(now() / day)) {
      answers.clear()
      today = Math.floor(now() / day)
    }
    const question = createHash('sha256')
      .update(JSON.stringify([purposeId, rule]))
      .digest('base64url')
    const known = answers.get(question)
    if (known) return known
    if (!(await parts.budget.spend(client, today, question, trialsADay))) throw new EntenteError('RATE_LIMITED', { why: 'rules tried' }, { retryAfter: 3_600 })
    const answer = count(rule, purposeId, drawnFor(question))
    answers.set(question, answer)
    answer.catch(() => answers.delete(question))
    return answer
  }
}

function projectionFor(purpose: string, { purposes }: Policy): Projection {
  const paths = ['state', 'restricted', 'birthYear', 'postcode', 'country', 'locale', 'traits', 'interestsOff', `derived.${purpose}`]
  return Object.fromEntries([...paths, ...purposes.map(({ id }) => `decisions.${id}`)].map((path) => [path, 1]))
}

function checked(text: string, purposeId: string, policy: Policy): Rule {
  const purpose = policy.purpose(purposeId)
  if (!purpose || purpose.builtIn) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'purpose' })
  const refused = (reasons: readonly string[]) => new EntenteError('BAD_USER_INPUT', { why: 'rule' }, { field: 'rule', reasons })
  if (text.length > 10_000) throw refused(['is too long'])
  const document = parseDocument(text, { prettyErrors: false })
  const read = document.errors.length > 0 ? undefined : segmentRule.safeParse(document.toJS({ maxAliasCount: 0 }))
  if (!read?.success) throw refused(['is no rule: see schema/segment-rule.schema.json'])
  const problems = [...policy.problemsOf(read.data, [purposeId])]
  // Without consents in an index, whoever has no decision at all would have to be looked for among everybody.
  if (purpose.legalBasis !== 'CONSENT')
    problems.push(`${purposeId} stands on no consent, so it takes a scan of all customers: there is no index { objections: 1, _id: 1 }`)
  if (problems.length > 0) throw refused(problems)
  return read.data
}
