import { z } from 'zod'
import { duration, fieldName, purposeId, text, titles } from './policy-values.ts'
import { segmentRule } from './segment-rule.ts'

export const computations = ['count', 'sum', 'last', 'first', 'topN', 'distinct'] as const
export type Computation = (typeof computations)[number]

export const computedEntry = z.strictObject({
  name: fieldName,
  compute: z.enum(computations),
  event: text(100),
  property: z.string().min(1).max(41).optional().describe('Of what; count takes none'),
  window: duration.optional().describe('How far back; never further than the event is kept'),
  n: z.int().min(1).max(20).optional().describe('With topN: how many; 3 when it is left out'),
  titles,
})

export const affinityEntry = z.strictObject({
  kind: fieldName,
  events: z.record(text(100), z.number().min(0.01).max(1000)).describe('Event → what one of them adds'),
  property: z.string().min(1).max(41).describe('What the interest is in'),
  halfLife: duration.describe('After so long without an event an interest counts half'),
})

export const segmentEntry = z.strictObject({
  id: purposeId,
  title: z.record(z.string(), text(120)).describe('In each of the locales'),
  purposes: z.array(purposeId).min(1).max(29),
  rule: segmentRule,
})
