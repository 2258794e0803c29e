/** An ISO 8601 duration in calendar units, as policies write it: `P13M`, `P2Y`, `P30D`, `P1Y6M`. */
const pattern = /^P(?=\d)(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?$/

interface Duration {
  readonly months: number
  readonly days: number
}

const read = new Map<string, Duration>()

/** A policy has a handful of durations, and every read of a customer asks about them. */
function partsOf(duration: string): Duration {
  const known = read.get(duration)
  if (known) return known
  const [, years = 0, months = 0, weeks = 0, days = 0] = (pattern.exec(duration) ?? []).map((part) => Number(part ?? 0))
  const parts = { months: years * 12 + months, days: weeks * 7 + days }
  read.set(duration, parts)
  return parts
}

export const isDuration = (text: string): boolean => pattern.test(text) && /[1-9]/.test(text)

/** The moment that lies `duration` after `from`, by the UTC calendar; the 31st plus one month is the month's last day. */
export function addDuration(from: Date, duration: string): Date {
  const { months, days } = partsOf(duration)
  const end = new Date(from)
  end.setUTCDate(1)
  end.setUTCMonth(end.getUTCMonth() + months)
  const lastDay = new Date(Date.UTC(end.getUTCFullYear(), end.getUTCMonth() + 1, 0)).getUTCDate()
  end.setUTCDate(Math.min(from.getUTCDate(), lastDay) + days)
  return end
}

const day = 86_400_000
const shortestMonth = 28 * day

/** Whether `duration` after `from` has come by `now` (milliseconds). The calendar is asked only where the shortest months could be over. */
export function isOver(from: Date, duration: string, now: number): boolean {
  const { months, days } = partsOf(duration)
  if (now < from.getTime() + months * shortestMonth + days * day) return false
  return addDuration(from, duration).getTime() <= now
}

/** Whole days that surely lie within the duration: a year has 365, a month 28. */
export function daysOf(duration: string): number {
  const { months, days } = partsOf(duration)
  return Math.floor(months / 12) * 365 + (months % 12) * 28 + days
}

/** An ISO 8601 duration of fixed length: `PT10M`, `PT12H`, `P1D`, `P1DT6H`. */
const spanPattern = /^P(?=\d|T\d)(?:(\d{1,4})D)?(?:T(?=\d)(?:(\d{1,4})H)?(?:(\d{1,5})M)?)?$/

export const isSpan = (text: string): boolean => spanPattern.test(text) && /[1-9]/.test(text)

/** Its length in milliseconds. */
export function spanOf(text: string): number {
  const [, days = 0, hours = 0, minutes = 0] = (spanPattern.exec(text) ?? []).map((part) => Number(part ?? 0))
  return ((days * 24 + hours) * 60 + minutes) * 60_000
}
