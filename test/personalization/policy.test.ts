import { expect, test } from 'vitest'
import { PolicyError } from '../../src/config/policy-source.ts'
import { readPolicy } from '../../src/config/policy.ts'
import { segmentRuleSchema } from '../../src/config/segment-rule.ts'
import { readFileSync } from 'node:fs'
import { policyText } from './policy.ts'

function problemsOf(text: string): readonly string[] {
  try {
    readPolicy(text, 'policy.yaml')
    return []
  } catch (error) {
    if (error instanceof PolicyError) return error.problems
    throw error
  }
}

test.each([
  ['computed: [{ name: x, compute: sum, event: Order Completed, property: gift }]', 'computed.0.property: sum takes a number'],
  ['computed: [{ name: x, compute: sum, event: Order Completed }]', 'computed.0: sum needs a property'],
  ['computed: [{ name: x, compute: count, event: Nothing }]', 'computed.0.event: Nothing is not among the events'],
  ['computed: [{ name: toString, compute: count, event: Order Completed }]', 'computed.0.name: toString is reserved'],
  ['affinities: [{ kind: x, events: { Order Completed: 1 }, property: brand, halfLife: P1D }]', 'affinities.0.property: Order Completed has no property brand'],
  [
    'segments: [{ id: xx, title: {}, purposes: [personalised_shop], rule: { trait: { name: orders, op: gte, value: 1 } } }]',
    'segments.0.title: the title in en is missing',
  ],
  [
    'segments: [{ id: xx, title: { en: X }, purposes: [email_marketing], rule: { profile: { field: birthYear, op: gte, value: 1990 } } }]',
    'segments.0.rule: email_marketing is not told all of birthYear: user.demographic',
  ],
  [
    'segments: [{ id: xx, title: { en: X }, purposes: [personalised_ads], rule: { event: { name: Order Completed, atLeast: 1 } } }]',
    'segments.0.rule: personalised_ads is not told all of Order Completed: user.behavior.purchase_history',
  ],
  [
    'segments: [{ id: xx, title: { en: X }, purposes: [personalised_shop], rule: { not: { event: { name: Order Completed, atLeast: 1 } } } }]',
    'there is no index { "derived.happened": 1, _id: 1 }',
  ],
])('%s is refused: %s', (section, problem) => {
  const [name = ''] = section.split(':')
  const text = `${policyText.replace(new RegExp(`^${name}:\\n(?:  .*\\n)*`, 'm'), '')}\n${section}\n`
  const problems = problemsOf(name === 'segments' ? text : text.replace(/^segments:\n(?: .*\n)*/m, ''))
  expect(problems.join('\n')).toContain(problem)
  expect(problems[0]).toMatch(/^policy\.yaml:\d+:\d+ /)
})

test('an event is kept for no purpose that does not cover all of it in full', () =>
  expect(problemsOf(policyText.replace('purposes: [personalised_shop, email_marketing]', 'purposes: [personalised_ads]')).join('\n')).toContain(
    'events.0.properties.category: personalised_ads does not cover user.behavior.browsing_history in full',
  ))

test('the JSON Schema of rules is printed from the code', () =>
  expect(JSON.parse(readFileSync('schema/segment-rule.schema.json', 'utf8'))).toEqual(segmentRuleSchema()))
