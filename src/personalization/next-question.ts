import { isOver } from '../config/duration.ts'
import type { Policy } from '../config/policy.ts'
import type { Question, QuestionAbout } from '../config/questions.ts'
import { gate, mayOf, type FieldMasks } from '../consent/gate.ts'
import { isToBeAsked } from '../consent/undecided.ts'
import type { Caller } from '../operation.ts'
import type { CustomerRow } from '../storage/customers.ts'

export interface Asking {
  readonly policy: Policy
  /** Masks by path: `birthYear`, `traits.clothingSize`. */
  readonly fields: ReadonlyMap<string, { readonly masks: FieldMasks }>
  readonly caller: Caller
  readonly row: CustomerRow
  /** In whose name it would be asked. */
  readonly purpose: string
  /** Milliseconds. */
  readonly now: number
}

/** Whatever the shop would like to know: nobody is asked a second thing on the same day. */
const rest = 'P1D'

/** As `updateProfile` calls it; null for a question about a purpose. */
export function pathOf(about: QuestionAbout): string | null {
  if ('field' in about) return about.field
  return 'trait' in about ? `traits.${about.trait}` : null
}

/**
 * The one thing worth asking now, or null. Never what is known, nor what was asked within its pause, nor what the purpose does not cover or
 * has no basis for: then the answer could not be used.
 */
export function nextQuestion(asking: Asking): Question | null {
  const { policy, caller, row, now } = asking
  const purpose = policy.purpose(asking.purpose)
  if (purpose === undefined || (mayOf(caller, row, policy, now) & purpose.mask) === 0) return null
  if (Object.values(row.asked ?? {}).some((at) => !isOver(at, rest, now))) return null
  return policy.questions.find((question) => question.purpose === purpose.id && !isPaused(question, row, now) && isOpen(question, asking, purpose.mask)) ?? null
}

function isPaused({ id, askAgainAfter, about }: Question, { asked, sources }: CustomerRow, now: number): boolean {
  const path = pathOf(about)
  // Who cleared a value has answered too.
  const answered = path === null ? undefined : sources[path.replace('.', ':')]?.at
  return [asked?.[id], answered].some((at) => at !== undefined && !isOver(at, askAgainAfter, now))
}

function isOpen({ about }: Question, { policy, fields, caller, row, now }: Asking, mask: number): boolean {
  if ('purpose' in about) {
    const decided = policy.purpose(about.purpose)
    // A client hears of decisions about its own purposes only.
    return decided !== undefined && (decided.mask & caller.purposes) !== 0 && isToBeAsked(decided, row, now)
  }
  const field = fields.get(pathOf(about) ?? '')
  if (field === undefined || gate(field.masks, mask) === 'withheld') return false
  return ('field' in about ? row[about.field] : row.traits?.[about.trait]) === undefined
}
