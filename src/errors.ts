/** What the log may say beside a code: never a token, a secret or a personal value. */
export type LogDetail = Readonly<Record<string, string | number | boolean | undefined>>

/**
 * Every way to fail, once: the HTTP status of pages and plain endpoints, and a message that is safe for anybody.
 * `api.graphql` and `docs/errors.md` list the same codes; a test compares the three.
 */
export const catalogue = {
  UNAUTHENTICATED: [401, 'Sign in first.'],
  FORBIDDEN: [403, 'This is not allowed for you.'],
  STEP_UP_REQUIRED: [403, 'Please prove once more that it is you.'],
  PROVIDER_UNKNOWN: [404, 'This way to sign in does not exist here.'],
  PROVIDER_UNAVAILABLE: [503, 'This way to sign in does not work at the moment. Please choose another or try again later.'],
  LOGIN_DENIED: [403, 'The sign-in was not completed.'],
  LOGIN_EXPIRED: [400, 'This sign-in took too long or was already used. Please start again.'],
  LINK_REQUIRED: [409, 'Sign in the way you did before, then this login is added to your account.'],
  IDENTITY_TAKEN: [409, 'This login belongs to another account.'],
  LAST_IDENTITY: [409, 'This is the last way into the account and cannot be removed.'],
  CONSENT_TEXT_OUTDATED: [409, 'The text that was agreed to is not the current one.'],
  BAD_USER_INPUT: [400, 'The request is not valid.'],
  RATE_LIMITED: [429, 'Too many requests. Please try again later.'],
  OVERLOADED: [503, 'Too much is going on at the moment. Please try again later.'],
  QUERY_TOO_COSTLY: [400, 'The query asks for too much at once.'],
  INTERNAL_SERVER_ERROR: [500, 'Something went wrong here.'],
} as const satisfies Record<string, readonly [status: number, message: string]>

export type ErrorCode = keyof typeof catalogue

/** Whom a refusal reaches beyond its code: seconds to wait, or what a step-up accepts. */
export interface ErrorHints {
  readonly retryAfter?: number
  readonly field?: string
  /** Of STEP_UP_REQUIRED: what is asked for, what counts as a proof, and why. */
  readonly action?: string
  readonly accepted?: readonly string[]
  readonly reasons?: readonly string[]
  /** The same for a storefront that asks by OAuth (RFC 9470, 3); `maxAge` in seconds. */
  readonly acrValues?: string
  readonly maxAge?: number
  /** Of FORBIDDEN for an audience: what was handed out is to be called back first, and this is the cursor to fetch from. */
  readonly since?: string
  /** The same when that is too long ago: it lets go of everybody that it holds, and begins anew with this cursor. */
  readonly after?: string
}

/** The one error that domain code throws. `detail` and `cause` go to the log only, `hints` to the caller. */
export class EntenteError extends Error {
  constructor(
    readonly code: ErrorCode,
    readonly detail: LogDetail = {},
    readonly hints: ErrorHints = {},
    cause?: unknown,
  ) {
    super(catalogue[code][1], cause === undefined ? undefined : { cause })
    this.name = 'EntenteError'
  }

  get status(): number {
    return catalogue[this.code][0]
  }
}
