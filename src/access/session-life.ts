import type { Policy } from '../config/policy.ts'
import { addDuration } from '../config/duration.ts'
import { readMarks } from './session-marks.ts'

type Lives = Pick<Policy, 'sessions'>

const refreshTokenDays = 30

/** For how many seconds a session is kept on being used now. What it already has of its absolute life counts from the sign-in, not from its use. */
export const sessionSeconds = ({ sessions }: Lives, amr: readonly string[] | undefined, now: Date): number =>
  until(addDuration(now, sessions.idle), sessions.absolute, amr, now)

/** The same for a refresh token: each renewal gives thirty days, and all of them end with the absolute life of the sign-in. */
export const refreshTokenSeconds = ({ sessions }: Lives, amr: readonly string[] | undefined, now: Date): number =>
  until(addDuration(now, `P${refreshTokenDays}D`), sessions.absolute, amr, now)

function until(idleEnd: Date, absolute: string, amr: readonly string[] | undefined, now: Date): number {
  const { signedInAt } = readMarks(amr)
  const end = Math.min(idleEnd.getTime(), addDuration(signedInAt === null ? now : new Date(signedInAt), absolute).getTime())
  // The library wants a positive number; what is over ends in the next second.
  return Math.max(1, Math.floor((end - now.getTime()) / 1000))
}
