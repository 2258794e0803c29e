import type { OperatorRole } from '../config/operators.ts'
import type { AlertRuleName } from '../config/alerts.ts'

type Texts<Key extends string> = { readonly [key in Key]: string }

/** What the page for operators says. `{…}` is filled in by `filled`. */
export interface OperatorWords extends Texts<'title' | 'sections' | 'you' | 'back' | 'done' | 'again' | 'signOut'> {
  readonly nobody: Texts<'title' | 'text' | 'factor' | 'account' | 'signIn'>
  readonly lacking: Texts<'title' | 'text' | 'account' | 'signIn'>
  readonly roles: { readonly [role in OperatorRole]: string }
  readonly alerts: Texts<'title' | 'none' | 'asOf' | 'times' | 'note' | 'button'>
  readonly rules: { readonly [rule in AlertRuleName]: string }
  readonly clients: Texts<
    | 'title'
    | 'waiting'
    | 'waitingText'
    | 'noneWaiting'
    | 'by'
    | 'until'
    | 'adds'
    | 'removes'
    | 'approve'
    | 'own'
    | 'purposes'
    | 'noPurpose'
    | 'scopes'
    | 'change'
    | 'inFile'
    | 'changeText'
    | 'name'
    | 'lines'
    | 'redirectUris'
    | 'postLogoutRedirectUris'
    | 'origins'
    | 'propose'
    | 'create'
    | 'newText'
    | 'id'
    | 'kind'
    | 'secret'
    | 'secretText'
  > & { readonly kinds: Texts<'STOREFRONT' | 'SERVER' | 'APP' | 'TOOL'> }
  readonly requests: Texts<
    | 'title'
    | 'none'
    | 'kind'
    | 'due'
    | 'overdue'
    | 'person'
    | 'answer'
    | 'answerText'
    | 'done'
    | 'refused'
    | 'erases'
    | 'open'
    | 'reason'
    | 'reasonText'
    | 'button'
  > & { readonly kinds: Texts<'ACCESS' | 'ERASURE'> }
  readonly erasing: Texts<'title' | 'goes' | 'signedOut' | 'stays' | 'final' | 'reason' | 'reasonText' | 'button'>
  readonly lookUp: Texts<
    | 'title'
    | 'text'
    | 'email'
    | 'id'
    | 'either'
    | 'reason'
    | 'button'
    | 'nobody'
    | 'found'
    | 'since'
    | 'name'
    | 'language'
    | 'logins'
    | 'restricted'
    | 'yes'
    | 'no'
  >
  readonly log: Texts<
    | 'title'
    | 'text'
    | 'type'
    | 'all'
    | 'client'
    | 'from'
    | 'to'
    | 'button'
    | 'none'
    | 'when'
    | 'what'
    | 'who'
    | 'subjects'
    | 'purposes'
    | 'categories'
    | 'older'
  >
  readonly rule: Texts<'title' | 'text' | 'rule' | 'purpose' | 'button' | 'people' | 'few' | 'more' | 'wrong'>
  readonly report: Texts<'title' | 'text' | 'button'>
  readonly funnel: Texts<'title' | 'text' | 'button'>
}
