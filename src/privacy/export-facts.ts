import type { OpenSession } from '../access/endings.ts'
import type { Policy } from '../config/policy.ts'
import type { CustomerRow } from '../storage/customers.ts'
import type { EmailRow } from '../storage/emails.ts'
import type { ExportRow } from '../storage/exports.ts'
import type { Merge } from '../storage/merges.ts'
import type { PrivacyRequestRow } from '../storage/privacy-requests.ts'
import type { Recipient } from './export-purposes.ts'

/** What is bounded, read before the first byte; histories are read while they are written. */
export interface ExportFacts {
  readonly at: Date
  readonly policy: Policy
  readonly person: CustomerRow
  readonly emails: readonly EmailRow[]
  readonly sessions: readonly OpenSession[]
  readonly merges: readonly Merge[]
  readonly exports: readonly ExportRow[]
  readonly requests: readonly PrivacyRequestRow[]
  readonly recipients: readonly Recipient[]
}
