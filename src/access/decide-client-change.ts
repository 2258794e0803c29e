import type { Client } from '../config/clients.ts'
import type { Policy } from '../config/policy.ts'

/** What of a client can be changed while the house is open; how it proves who it is cannot (`new-client.ts`). */
export interface ChangeableMembers {
  readonly name: string
  readonly redirectUris: readonly string[]
  readonly postLogoutRedirectUris: readonly string[]
  readonly origins: readonly string[]
  readonly purposes: readonly string[]
  readonly scopes: readonly string[]
}
export const changeableLists = ['redirectUris', 'postLogoutRedirectUris', 'origins', 'purposes', 'scopes'] as const

export const membersOf = ({ purposes, ...client }: Client, policy: Policy): ChangeableMembers => ({ ...client, purposes: policy.namesOf(purposes) })

/** What a client may do before it is there. */
export const nothingYet: ChangeableMembers = { name: '', redirectUris: [], postLogoutRedirectUris: [], origins: [], purposes: [], scopes: [] }

/** What a change brings and takes, a line each: `purposes: email_marketing`. */
export interface Difference {
  readonly adds: readonly string[]
  readonly removes: readonly string[]
}

/** Pure. Another name is an addition: it is what people read when they are asked. */
export function differenceOf(before: ChangeableMembers, after: ChangeableMembers): Difference {
  const beyond = (a: ChangeableMembers, b: ChangeableMembers) =>
    changeableLists.flatMap((member) => a[member].filter((one) => !b[member].includes(one)).map((one) => `${member}: ${one}`))
  const renamed = before.name === after.name ? [] : [`name: ${after.name}`]
  return { adds: [...renamed, ...beyond(after, before)], removes: beyond(before, after) }
}

/** What only takes away needs one pair of eyes, what adds anything needs four. */
export const widens = ({ adds }: Difference): boolean => adds.length > 0

export interface ApprovalFacts {
  readonly state: 'proposed' | 'applied'
  readonly isExpired: boolean
  /** The client is what it was when the change was proposed. */
  readonly isSameClient: boolean
  /** Who proposed it: the person, and the names under which they stood in the list of operators. */
  readonly proposer: { readonly customer: string; readonly names: readonly string[] }
  readonly approver: { readonly customer: string; readonly names: readonly string[] }
  /** Names of all who may change clients now. */
  readonly writers: ReadonlySet<string>
}

export type Approval = { readonly do: 'apply' } | { readonly do: 'refuse'; readonly code: 'FORBIDDEN' | 'BAD_USER_INPUT'; readonly why: string }

/**
 * Whether this second person makes the change count. Pure. Two people by every measure there is: two accounts, and no name of the list in
 * common, so that neither another session nor a merge of accounts makes one person two. Both must be operators still.
 */
export function decideApproval({ state, isExpired, isSameClient, proposer, approver, writers }: ApprovalFacts): Approval {
  const refuse = (code: 'FORBIDDEN' | 'BAD_USER_INPUT', why: string): Approval => ({ do: 'refuse', code, why })
  if (!approver.names.some((name) => writers.has(name))) return refuse('FORBIDDEN', 'not an operator for clients')
  if (proposer.customer === approver.customer || proposer.names.some((name) => approver.names.includes(name))) return refuse('FORBIDDEN', 'their own proposal')
  if (state !== 'proposed') return refuse('BAD_USER_INPUT', 'decided before')
  if (isExpired) return refuse('BAD_USER_INPUT', 'expired')
  if (!proposer.names.some((name) => writers.has(name))) return refuse('BAD_USER_INPUT', 'who proposed it is no operator any more')
  return isSameClient ? { do: 'apply' } : refuse('BAD_USER_INPUT', 'the client was changed since')
}
