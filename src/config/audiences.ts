import { z } from 'zod'
import { isSpan, spanOf } from './duration.ts'

const longest = spanOf('P30D')

export const audiencesEntry = z
  .strictObject({
    suppressionsWithin: z
      .string()
      .refine((text) => isSpan(text) && spanOf(text) <= longest, 'is not an ISO 8601 duration such as PT12H or P1D, of at most P30D')
      .default('P1D')
      .describe('A tool that was handed people and does not fetch for so long who is gone is handed nobody more, and an alert is raised'),
  })
  .prefault({})
  .describe('What tools take out')

/** In milliseconds. */
export interface AudiencePolicy {
  readonly suppressionsWithin: number
}

export const audiencePolicy = ({ suppressionsWithin }: z.infer<typeof audiencesEntry>): AudiencePolicy => ({ suppressionsWithin: spanOf(suppressionsWithin) })
