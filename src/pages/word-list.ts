import type { toldToCustomer } from '../audit/reads.ts'
import type { Reason } from '../access/decide-step-up.ts'
import type { stepUpActions } from '../config/step-up.ts'
import type { DataForm, LegalBasis } from '../config/policy.ts'
import type { ErrorCode } from '../errors.ts'
import type { SafetyWords } from './words-safety.ts'

export type DecisionWord = 'NOT_ASKED' | 'GRANTED' | 'REFUSED' | 'WITHDRAWN' | 'OBJECTED' | 'PENDING' | 'OUTDATED' | 'EXPIRED'

type Texts<Key extends string> = { readonly [key in Key]: string }

/** Everything that the pages say, in one language; the policy file brings its own texts. */
export interface Words extends Texts<'name' | 'languages' | 'skip' | 'responsible' | 'accountCentre'> {
  readonly login: Texts<'title' | 'asks' | 'with' | 'ways' | 'usedBefore' | 'unavailable' | 'promise' | 'back' | 'onward' | 'onwardText' | 'onwardLink'> &
    Texts<'or' | 'address' | 'sendCode' | 'passkey' | 'joining' | 'codeTitle' | 'codeText' | 'codeSubmit' | 'codeOther'>
  /** Questions for a proof: what they say, why they come (the reasons of the step-up), and what is wanted (its actions). */
  readonly confirm: Texts<
    | 'title'
    | 'wanted'
    | 'passkey'
    | 'passkeyFailed'
    | 'totp'
    | 'mailCode'
    | 'recoveryCode'
    | 'confirm'
    | 'send'
    | 'sendAgain'
    | 'otherWay'
    | 'notNow'
    | 'signIn'
    | 'leave'
  > &
    Texts<Reason>
  readonly actions: Texts<(typeof stepUpActions)[number]>
  readonly problem: Texts<'reference' | 'otherWays' | 'knownWays' | 'again'> & { readonly [code in ErrorCode]: readonly [title: string, text: string] }
  readonly deletion: Texts<'title' | 'received' | 'done'>
  readonly notMe: Texts<'title' | 'text' | 'ends' | 'asks' | 'keeps' | 'button' | 'leave' | 'doneTitle' | 'done' | 'account' | 'overTitle' | 'over'>
  readonly consent: Texts<'title' | 'asks' | 'intro' | 'why' | 'basis' | 'data' | 'kept' | 'processors' | 'yes' | 'no' | 'submit' | 'later'>
  readonly anonymous: Texts<'intro' | 'submit' | 'done'>
  readonly confirmConsent: Texts<'title' | 'button' | 'leave' | 'done' | 'over'>
  readonly account: Texts<
    | 'title'
    | 'sections'
    | 'saved'
    | 'profile'
    | 'profileText'
    | 'save'
    | 'unset'
    | 'yes'
    | 'no'
    | 'listHint'
    | 'logins'
    | 'loginsText'
    | 'lastUsed'
    | 'linked'
    | 'remove'
    | 'onlyOne'
    | 'add'
    | 'mergeTitle'
    | 'mergeText'
    | 'mergeWays'
    | 'mergeDecisions'
    | 'mergeProfile'
    | 'mergeSessions'
    | 'mergeUndo'
    | 'mergeFactor'
    | 'mergeDo'
    | 'mergeLeave'
    | 'mergedOn'
    | 'takeApart'
    | 'takeApartText'
    | 'decisions'
    | 'decisionsText'
    | 'allow'
    | 'refuse'
    | 'noChoice'
    | 'tooYoung'
    | 'ageUnknown'
    | 'decidedOn'
    | 'until'
    | 'access'
    | 'accessText'
    | 'accessNone'
    | 'older'
    | 'newest'
    | 'when'
    | 'who'
    | 'what'
    | 'whatFor'
    | 'seen'
    | 'seenText'
    | 'seenNothing'
    | 'sessions'
    | 'sessionsText'
    | 'thisBrowser'
    | 'otherBrowser'
    | 'signedInOn'
    | 'usedFor'
    | 'endSession'
    | 'signOutHere'
    | 'signOutHereText'
    | 'signOutEverywhere'
    | 'signOutEverywhereText'
    | 'signedOut'
    | 'signedOutText'
    | 'signIn'
  >
  readonly safety: SafetyWords
  readonly events: Texts<(typeof toldToCustomer)[number]>
  readonly states: Texts<DecisionWord>
  readonly bases: Texts<LegalBasis>
  readonly forms: Texts<DataForm>
  readonly fields: Readonly<Record<string, string>>
  readonly categories: Readonly<Record<string, string>>
}
