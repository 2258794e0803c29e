import { acrAt, acrs, factorLasts, type Acr, type SessionMarks } from './session-marks.ts'

/** What an authorization request asks of the sign-in: the `acr_values` that are known here, and `max_age` in seconds. */
export interface AskedOfSignIn {
  readonly acr: readonly Acr[]
  readonly maxAge: number | null
}

/** What the decision needs to know of a customer. */
export interface CustomerStanding {
  /** Whether there is a factor to prove. */
  readonly hasFactor: boolean
  /** Since when somebody else may have been in the account; null: nothing is known of it. */
  readonly alertSince: Date | null
}

export type ConfirmReason = 'acr' | 'maxAge' | 'alert'

/**
 * Why a signed-in person is asked to prove a factor before going on; empty: need not. Who has none is never asked: with `max_age` they
 * sign in again, an alert ended with that sign-in, and an `acr` that cannot be had is left to the page, which says so (RFC 9470, 5).
 */
export function reasonsToConfirm(asked: AskedOfSignIn, marks: SessionMarks, standing: CustomerStanding, now: number): readonly ConfirmReason[] {
  const has = acrAt(marks, now)
  const proved = marks.provedAt ?? 0
  const lacksAcr = asked.acr.length > 0 && !asked.acr.includes(acrs.oneWay) && has !== acrs.factor
  const last = Math.max(proved, marks.signedInAt ?? 0)
  const tooOld = asked.maxAge !== null && standing.hasFactor && now - last > asked.maxAge * 1000
  const alarmed = standing.hasFactor && standing.alertSince !== null && (proved < standing.alertSince.getTime() || now - proved > factorLasts)
  return [...(lacksAcr ? (['acr'] as const) : []), ...(tooOld ? (['maxAge'] as const) : []), ...(alarmed ? (['alert'] as const) : [])]
}
