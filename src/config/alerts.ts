import { z } from 'zod'
import { isSpan, spanOf } from './duration.ts'

const span = z.string().refine(isSpan, 'is not an ISO 8601 duration such as PT10M or P1D').describe('ISO 8601 duration in days, hours and minutes')
const times = z.int().min(1).max(1_000_000)

/** What an operator is told of, each with how often it must happen within how long. */
const usual = {
  deniedOften: { within: 'PT10M', times: 300 },
  deniedSuddenly: { within: 'PT10M', times: 50 },
  enumeration: { within: 'PT10M', times: 100 },
  guesses: { within: 'PT1H', times: 8 },
  guessesEverywhere: { within: 'PT10M', times: 60 },
  tokenReuse: { within: 'PT1H', times: 1 },
  forgedNotices: { within: 'PT1H', times: 10 },
  chainBroken: { within: 'PT1H', times: 1 },
  requestsOverdue: { within: 'P1D', times: 1 },
  suppressionsOverdue: { within: 'P1D', times: 1 },
  rulesRefused: { within: 'P1D', times: 1 },
  jobParked: { within: 'P1D', times: 1 },
} as const
export type AlertRuleName = keyof typeof usual
const meanings: Readonly<Record<AlertRuleName, string>> = {
  deniedOften: 'A client asks for fields that none of its purposes covers',
  deniedSuddenly: 'The same, by a client that did not for a day',
  enumeration: 'A client asks for customers who are not there: different ids',
  guesses: 'Wrong proofs of second factors, for one customer',
  guessesEverywhere: 'Wrong proofs of second factors, for all customers together',
  tokenReuse: 'A refresh token or a code is used twice, at one client',
  forgedNotices: 'Notices that a provider did not sign',
  chainBroken: 'A record of the ledger or the audit log is not what it was',
  requestsOverdue: 'A request under privacy law is past its day',
  suppressionsOverdue: 'A tool that was handed people does not fetch who is gone',
  rulesRefused: 'A change of policy, clients or providers cannot be used; the rules of before stay',
  jobParked: 'What was to follow a change cannot be done, and waits for somebody to look at it',
}

const ruleEntry = (name: AlertRuleName) =>
  z
    .strictObject({ within: span.default(usual[name].within), times: times.default(usual[name].times) })
    .prefault({})
    .describe(meanings[name])

export const alertsEntry = z
  .strictObject({
    mail: z.email().optional().describe('Who is told by mail'),
    webhook: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('Where a signed JWT is posted'),
    rules: z
      .strictObject({
        deniedOften: ruleEntry('deniedOften'),
        deniedSuddenly: ruleEntry('deniedSuddenly'),
        enumeration: ruleEntry('enumeration'),
        guesses: ruleEntry('guesses'),
        guessesEverywhere: ruleEntry('guessesEverywhere'),
        tokenReuse: ruleEntry('tokenReuse'),
        forgedNotices: ruleEntry('forgedNotices'),
        chainBroken: ruleEntry('chainBroken'),
        requestsOverdue: ruleEntry('requestsOverdue'),
        suppressionsOverdue: ruleEntry('suppressionsOverdue'),
        rulesRefused: ruleEntry('rulesRefused'),
        jobParked: ruleEntry('jobParked'),
      })
      .prefault({}),
  })
  .prefault({})
  .describe('What operators are told of, and where')

export const checkpointsEntry = z
  .strictObject({ every: span.default('PT1H') })
  .prefault({})
  .describe('How often all chains of records are put under one signature')

/** In milliseconds. */
export interface AlertThreshold {
  readonly within: number
  readonly times: number
}

export interface AlertPolicy {
  readonly mail: string | null
  readonly webhook: string | null
  readonly rules: Readonly<Record<AlertRuleName, AlertThreshold>>
}

export function alertPolicy({ mail, webhook, rules }: z.infer<typeof alertsEntry>): AlertPolicy {
  const threshold = (name: AlertRuleName): AlertThreshold => ({ within: spanOf(rules[name].within), times: rules[name].times })
  return {
    mail: mail ?? null,
    webhook: webhook ?? null,
    rules: {
      deniedOften: threshold('deniedOften'),
      deniedSuddenly: threshold('deniedSuddenly'),
      enumeration: threshold('enumeration'),
      guesses: threshold('guesses'),
      guessesEverywhere: threshold('guessesEverywhere'),
      tokenReuse: threshold('tokenReuse'),
      forgedNotices: threshold('forgedNotices'),
      chainBroken: threshold('chainBroken'),
      requestsOverdue: threshold('requestsOverdue'),
      suppressionsOverdue: threshold('suppressionsOverdue'),
      rulesRefused: threshold('rulesRefused'),
      jobParked: threshold('jobParked'),
    },
  }
}
