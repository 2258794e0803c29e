import type { FastifyReply, FastifyRequest } from 'fastify'
import type { NotMeDoor } from '../access/not-me.ts'
import type { Interactions, PendingQuestion } from '../access/interactions.ts'
import type { PasskeyQuestion } from '../access/passkeys.ts'
import type { ConfirmQuestion } from '../access/sign-in-door.ts'
import type { StepUpProof } from '../access/step-up.ts'
import type { LoginFunnel } from '../audit/funnel-resolver.ts'
import type { FunnelCell } from '../audit/login-funnel.ts'
import type { ReportFile } from '../audit/report-files.ts'
import type { Policy } from '../config/policy.ts'
import type { ConfirmationDoor } from '../consent/confirmation.ts'
import type { OpenedExport } from '../privacy/export-door.ts'
import type { Language } from './words.ts'

/** What every page needs. */
export interface FrameParts {
  readonly publicUrl: string
  readonly policy: Policy
  /** 32 bytes for the tokens of forms alone. */
  readonly formKey: Buffer
  /** Encrypts what a cookie or a link of ours carries; `label` says which, and is bound to it. */
  readonly seal: (text: string, label: string) => string
  /** What `seal` closed under the same label, or null. */
  readonly unseal: (sealed: string, label: string) => string | null
  readonly now: () => Date
  /** Counts how far a login has come, for `loginFunnel`; nothing waits for it. */
  readonly countLogin: (cell: FunnelCell) => void
}

export interface Way {
  readonly id: string
  readonly name: string
  available(): boolean
}

export interface LoginStart {
  readonly question: PendingQuestion
  readonly provider: string
  readonly language: Language
}

/** Ways in beside the providers. Each ends with the URL to go on to. */
export interface OwnWayParts {
  readonly ownWays: {
    /** Whether codes can be sent. */
    readonly mail: boolean
    /** The provider whose login waits here to be linked to the account that is signed in to. */
    readonly waitingFor: (question: PendingQuestion, request: FastifyRequest) => Promise<string | null>
    /** For a passkey of anybody's. */
    readonly passkeyQuestion: (request: FastifyRequest, reply: FastifyReply) => Promise<PasskeyQuestion>
    /** BAD_USER_INPUT RATE_LIMITED PROVIDER_UNAVAILABLE; nothing else tells one address from another. */
    readonly sendCode: (
      question: PendingQuestion,
      to: { readonly address: string; readonly locale: Language },
      request: FastifyRequest,
      reply: FastifyReply,
    ) => Promise<void>
    /** BAD_USER_INPUT LOGIN_EXPIRED LOGIN_DENIED LINK_REQUIRED PROVIDER_UNAVAILABLE */
    readonly byCode: (question: PendingQuestion, code: string, request: FastifyRequest, reply: FastifyReply) => Promise<string>
    /** The same codes. */
    readonly byPasskey: (
      question: PendingQuestion,
      answer: { readonly handle: string; readonly response: unknown },
      request: FastifyRequest,
      reply: FastifyReply,
    ) => Promise<string>
  }
}

export interface ConfirmParts {
  readonly confirm: {
    /** Null when nothing is asked for. */
    readonly question: (question: PendingQuestion, request: FastifyRequest, reply: FastifyReply) => Promise<ConfirmQuestion | null>
    readonly sendCode: (question: PendingQuestion, locale: Language, request: FastifyRequest, reply: FastifyReply) => Promise<void>
    /** The URL to go on to. BAD_USER_INPUT RATE_LIMITED LOGIN_EXPIRED */
    readonly prove: (question: PendingQuestion, proof: StepUpProof, request: FastifyRequest, reply: FastifyReply) => Promise<string>
  }
}

export interface LoginParts extends FrameParts, OwnWayParts, ConfirmParts {
  readonly interactions: Pick<Interactions, 'read' | 'aborted'>
  readonly providers: readonly Way[]
  /** Opens the login transaction, binds it to the browser (sets a cookie on `reply`) and says where to go. PROVIDER_UNKNOWN PROVIDER_UNAVAILABLE */
  readonly beginLogin: (start: LoginStart, request: FastifyRequest, reply: FastifyReply) => Promise<string>
}

export interface Answer {
  readonly purpose: string
  readonly granted: boolean
  readonly textVersion: string
}

export interface ConsentParts extends FrameParts {
  readonly interactions: Pick<Interactions, 'read' | 'answered' | 'aborted'>
  /** Stores what the asked customer answered on this page, to texts in that language. CONSENT_TEXT_OUTDATED */
  readonly decide: (question: PendingQuestion, answers: readonly Answer[], locale: string) => Promise<void>
  /** Remembers which questions were shown and not answered. */
  readonly leaveOpen: (question: PendingQuestion, purposes: readonly string[]) => Promise<void>
}

export interface NotMeParts extends FrameParts {
  readonly notMe: NotMeDoor
}

export interface ConfirmConsentParts extends FrameParts {
  readonly confirmations: ConfirmationDoor
}

export interface AnonymousParts extends FrameParts {
  readonly clients: () => readonly { readonly id: string; readonly name: string }[]
}

export interface GraphqlAnswer {
  readonly data?: unknown
  readonly errors?: readonly { readonly extensions?: { readonly code?: unknown; readonly action?: unknown; readonly reasons?: unknown } }[]
}

export type OwnClientId = 'account' | 'operators'

/** What a page needs that is a client of our own API. */
export interface OwnClientParts extends FrameParts {
  /** Asks our own endpoint in-process, with every check that a stranger's request meets. */
  readonly graphql: (query: string, variables: Readonly<Record<string, unknown>>, accessToken: string) => Promise<GraphqlAnswer>
  /** The code grant of such a client, in-process. LOGIN_EXPIRED */
  readonly completeLogin: (grant: {
    readonly clientId: OwnClientId
    readonly code: string
    readonly codeVerifier: string
    readonly redirectUri: string
  }) => Promise<{ readonly accessToken: string; readonly expiresIn: number }>
}

export interface AccountParts extends OwnClientParts {
  readonly providers: readonly Way[]
  readonly clients: () => readonly { readonly id: string; readonly name: string }[]
  /** The archive of that id, for the person of that token; null for whatever is not theirs to fetch now. UNAUTHENTICATED */
  readonly fetchExport: (id: string, accessToken: string) => Promise<OpenedExport | null>
  /** A browser's Global Privacy Control, sent with a page of whoever this token stands for. UNAUTHENTICATED */
  readonly heedGpc: (accessToken: string) => Promise<void>
}

/** What is asked under the role `audit:read`. UNAUTHENTICATED FORBIDDEN; BAD_USER_INPUT for a period that is empty or longer than 400 days. */
export interface OperatorParts extends OwnClientParts {
  readonly loginFunnel: (from: Date, to: Date, accessToken: string) => Promise<LoginFunnel>
  /** The signed report, and the keys that check it; `to` is not included. */
  readonly auditReport: (from: Date, to: Date, accessToken: string) => Promise<readonly ReportFile[]>
}

export interface DeletionParts extends FrameParts {
  /** How far a request is that a provider passed on under this confirmation; null for none. */
  readonly deletion: (confirmation: string) => Promise<'received' | 'done' | null>
}

export type PageParts = LoginParts & ConsentParts & AccountParts & DeletionParts & NotMeParts & ConfirmConsentParts & AnonymousParts & OperatorParts
