import { z } from 'zod'
import { ruleFields } from './categories.ts'
import { duration, fieldName, text } from './policy-values.ts'

const fields = ['birthYear', 'postcode', 'country', 'locale'] as const satisfies readonly (keyof typeof ruleFields)[]

const scalar = z.union([text(200), z.number(), z.boolean()])
const comparison = {
  op: z.enum(['eq', 'in', 'gte', 'lte', 'startsWith']).describe('in takes a list, gte and lte a number, startsWith a text'),
  value: z.union([scalar, z.array(scalar).min(1).max(100)]),
}

const leaf = z.union([
  z.strictObject({ profile: z.strictObject({ field: z.enum(fields), ...comparison }) }),
  z.strictObject({ trait: z.strictObject({ name: fieldName, ...comparison }).describe('An attribute or a computed trait') }),
  z.strictObject({ affinity: z.strictObject({ kind: fieldName, name: text(100), atLeast: z.number().positive() }) }),
  z.strictObject({
    event: z
      .strictObject({ name: text(100), atLeast: z.int().min(1).max(10_000), within: duration.optional() })
      .describe('Without within: as long as it is kept'),
  }),
])

export type RuleLeaf = z.infer<typeof leaf>
export type Rule = RuleLeaf | { readonly all: readonly Rule[] } | { readonly any: readonly Rule[] } | { readonly not: Rule }

/** Who belongs to a segment. Bounded in breadth here, in depth and size by `tooLarge`. */
export const segmentRule: z.ZodType<Rule> = z
  .lazy(() =>
    z.union([
      leaf,
      z.strictObject({ all: z.array(segmentRule).min(1).max(20) }),
      z.strictObject({ any: z.array(segmentRule).min(1).max(20) }),
      z.strictObject({ not: segmentRule }),
    ]),
  )
  .meta({ id: 'Rule', title: 'Entente segment rule', description: 'Who belongs to a segment: conditions on profile, traits, affinities and events.' })

const deepest = 6
const mostLeaves = 50

/** The conditions at the ends of a rule. */
export function leavesOf(rule: Rule): RuleLeaf[] {
  if ('all' in rule) return rule.all.flatMap(leavesOf)
  if ('any' in rule) return rule.any.flatMap(leavesOf)
  return 'not' in rule ? leavesOf(rule.not) : [rule]
}

const depthOf = (rule: Rule): number => {
  const below = 'all' in rule ? rule.all : 'any' in rule ? rule.any : 'not' in rule ? [rule.not] : []
  return 1 + Math.max(0, ...below.map(depthOf))
}

/** Why a rule costs more than one may; null when it does not. */
export function tooLarge(rule: Rule): string | null {
  if (depthOf(rule) > deepest) return `is nested deeper than ${deepest}`
  return leavesOf(rule).length > mostLeaves ? `has more than ${mostLeaves} conditions` : null
}

/** What a condition compares with must fit its operator. */
export function misfit({ op, value }: { readonly op: string; readonly value: unknown }): string | null {
  if (Array.isArray(value) !== (op === 'in')) return op === 'in' ? 'in takes a list' : `${op} takes one value`
  if ((op === 'gte' || op === 'lte') && typeof value !== 'number') return `${op} takes a number`
  return op === 'startsWith' && typeof value !== 'string' ? 'startsWith takes a text' : null
}

/** For editors, and for whoever writes rules by a tool: `schema/segment-rule.schema.json`. */
export const segmentRuleSchema = (): object => z.toJSONSchema(segmentRule, { io: 'input', target: 'draft-2020-12' })
