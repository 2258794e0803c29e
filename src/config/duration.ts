/** An ISO 8601 duration in calendar units, as policies write it: `P13M`, `P2Y`, `P30D`, `P1Y6M`. */
const pattern = /^P(?=\d)(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?$/

export const isDuration = (text: string): boolean => pattern.test(text) && /[1-9]/.test(text)

/** The moment that lies `duration` after `from`, by the UTC calendar; the 31st plus one month is the month's last day. */
export function addDuration(from: Date, duration: string): Date {
  const [, years = 0, months = 0, weeks = 0, days = 0] = (pattern.exec(duration) ?? []).map((part) => Number(part ?? 0))
  const end = new Date(from)
  end.setUTCDate(1)
  end.setUTCMonth(end.getUTCMonth() + years * 12 + months)
  const lastDay = new Date(Date.UTC(end.getUTCFullYear(), end.getUTCMonth() + 1, 0)).getUTCDate()
  end.setUTCDate(Math.min(from.getUTCDate(), lastDay) + weeks * 7 + days)
  return end
}
