import { z } from 'zod'
import { isSpan, spanOf } from './duration.ts'

/** What a person does that somebody else must never do in their place. `acr`: a shop asks for a second factor itself (RFC 9470). */
export const stepUpActions = [
  'linkIdentity',
  'unlinkIdentity',
  'mergeCustomer',
  'undoMerge',
  'requestExport',
  'eraseMe',
  'addFactor',
  'newRecoveryCodes',
  'removeFactor',
  'changeEmail',
] as const
export type StepUpAction = (typeof stepUpActions)[number] | 'signIn' | 'acr'

/** What may make a sign-in doubtful. */
export const risks = ['newDevice', 'impossibleTravel', 'providerEvent', 'manyFailures', 'notMe', 'tokenReuse'] as const
/** `mailWayIn`: by a code to the mailbox, which never opens more than the customer's own factor guards; no policy can leave it out. */
/** A copied token says nothing of who signs in: it has ended with its family, and its alert is for people to read. */
const usually = risks.filter((risk) => risk !== 'tokenReuse')

export type Risk = (typeof risks)[number] | 'mailWayIn'

export interface ActionRule {
  /** So long after signing in nothing more is asked of those who have no second factor. Milliseconds. */
  readonly within: number
  /** Those that make the action ask; only at sign-in. */
  readonly risks: ReadonlySet<Risk>
}

export type StepUpPolicy = Readonly<Record<StepUpAction, ActionRule>>

const span = z.string().refine(isSpan, 'is not an ISO 8601 duration such as PT10M or P1D').describe('ISO 8601 duration in days, hours and minutes')

export const stepUpEntry = z
  .strictObject({
    actions: z.partialRecord(z.enum(stepUpActions), z.strictObject({ within: span })).default({}),
    signIn: z.strictObject({ risks: z.array(z.enum(risks)).describe('Which of them ask for more at sign-in') }).default({ risks: [...usually] }),
  })
  .default({ actions: {}, signIn: { risks: [...usually] } })
  .describe('How long ago one may have signed in to change what guards the account, and what makes a sign-in doubtful')

const tenMinutes = 600_000
const never: ReadonlySet<Risk> = new Set()

export function stepUpPolicy({ actions, signIn }: z.infer<typeof stepUpEntry>): StepUpPolicy {
  const rule = (action: (typeof stepUpActions)[number]): ActionRule => {
    const within = actions[action]?.within
    return { within: within === undefined ? tenMinutes : spanOf(within), risks: never }
  }
  return {
    linkIdentity: rule('linkIdentity'),
    unlinkIdentity: rule('unlinkIdentity'),
    mergeCustomer: rule('mergeCustomer'),
    undoMerge: rule('undoMerge'),
    requestExport: rule('requestExport'),
    eraseMe: rule('eraseMe'),
    addFactor: rule('addFactor'),
    newRecoveryCodes: rule('newRecoveryCodes'),
    removeFactor: rule('removeFactor'),
    changeEmail: rule('changeEmail'),
    signIn: { within: tenMinutes, risks: new Set<Risk>([...signIn.risks, 'mailWayIn']) },
    acr: { within: 0, risks: never },
  }
}
