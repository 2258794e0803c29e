import type { AlertRow } from '../storage/alerts.ts'

/** What mail and webhook tell of an alert: no customer, and no value of anybody. */
export interface ToldAlert {
  readonly id: string
  readonly rule: string
  readonly subject: string
  readonly times: number
  /** ISO 8601 */
  readonly firstAt: string
  readonly lastAt: string
  readonly categories: string[]
}

export const toldOf = ({
  _id: id,
  rule,
  subject,
  times,
  firstAt,
  lastAt,
  categories,
}: AlertRow): ToldAlert & { readonly [name: string]: string | number | string[] } => ({
  id,
  rule,
  subject: outsideSubject(subject),
  times,
  firstAt: firstAt.toISOString(),
  lastAt: lastAt.toISOString(),
  categories: [...categories],
})

/** Customers and their chains stay unnamed: an operator looks at the alert itself. */
export const outsideSubject = (subject: string): string => (/^(customer|chain):/.test(subject) ? subject.slice(0, subject.indexOf(':')) : subject)
