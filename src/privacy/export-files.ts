import type { OpenSession } from '../access/endings.ts'
import type { Policy } from '../config/policy.ts'
import type { Classification } from '../consent/classification.ts'
import type { CustomerKey } from '../operation.ts'
import type { AuditStore } from '../storage/audit-log.ts'
import type { LedgerStore } from '../storage/consent-ledger.ts'
import type { CustomerRow } from '../storage/customers.ts'
import type { EmailStore } from '../storage/emails.ts'
import type { EventStore } from '../storage/events.ts'
import type { ExportStore } from '../storage/exports.ts'
import type { MergeStore } from '../storage/merges.ts'
import type { PrivacyRequestStore } from '../storage/privacy-requests.ts'
import { json, type ExportFile } from './export-archive.ts'
import { derivedOf } from './export-derived.ts'
import type { ExportFacts } from './export-facts.ts'
import { accessFiles, behaviourFile, ledgerFile, receiptsFile } from './export-history.ts'
import { accountOf, decisionsOf, devicesOf, factorsOf, identitiesOf, mergesOf, personOf, requestsOf, sourcesOf } from './export-records.ts'
import { purposesOf, recipientsOf, type ExportedClient } from './export-purposes.ts'
import { keysOfPerson } from './person-history.ts'

export interface ExportFileParts {
  readonly policy: Policy
  readonly classification: Classification
  readonly clients: () => readonly ExportedClient[]
  readonly events: Pick<AuditStore, 'find'>
  readonly ledger: Pick<LedgerStore, 'page' | 'turns'>
  readonly behaviour: Pick<EventStore, 'ofCustomer'>
  readonly emails: Pick<EmailStore, 'ofCustomer'>
  readonly merges: Pick<MergeStore, 'ofSurvivor'>
  readonly exports: Pick<ExportStore, 'ofCustomer'>
  readonly requests: Pick<PrivacyRequestStore, 'ofCustomer'>
  readonly sessionsOf: (customer: CustomerKey) => Promise<readonly OpenSession[]>
  /** How each house knows the customer. */
  readonly subjects: { outwardOne(sector: string, customer: CustomerKey): string }
  /** The page that opens the archive: a whole document, in the person's language. */
  readonly index: (facts: ExportFacts) => string
}

/** Everything that is kept about the person, file by file (Art. 15 and 20 GDPR). No secret, no key of the house, nobody else's id. */
export async function filesFor(parts: ExportFileParts, person: CustomerRow, at: Date): Promise<ExportFile[]> {
  const { policy } = parts
  const keys = await keysOfPerson(parts.ledger, person._id)
  const clients = parts.clients()
  const subject = parts.subjects.outwardOne('account', person._id)
  const facts: ExportFacts = {
    at,
    policy,
    person,
    emails: await parts.emails.ofCustomer(person._id),
    sessions: await parts.sessionsOf(person._id),
    merges: await parts.merges.ofSurvivor(person._id, at),
    exports: await parts.exports.ofCustomer(person._id),
    requests: await parts.requests.ofCustomer(person._id),
    recipients: recipientsOf(parts, person, at),
  }
  const whole = (name: string, value: unknown): ExportFile => ({ name, text: () => [json(value)] })
  return [
    { name: 'index.html', text: () => [parts.index(facts)] },
    whole('profile.json', personOf(person, subject)),
    whole('sources.json', sourcesOf(person)),
    whole('account.json', accountOf(facts)),
    whole('identities.json', identitiesOf(person)),
    whole('devices.json', devicesOf(person)),
    whole('factors.json', factorsOf(person)),
    whole('decisions.json', decisionsOf(person, policy, at)),
    whole('purposes.json', purposesOf(policy, clients)),
    whole('derived.json', derivedOf(person, policy, at)),
    whole('recipients.json', facts.recipients),
    whole('merges.json', mergesOf(facts)),
    whole('requests.json', requestsOf(facts)),
    ledgerFile(parts.ledger, keys),
    receiptsFile(parts.ledger, keys, subject, policy),
    behaviourFile(parts.behaviour, keys),
    ...accessFiles(parts.events, keys, clients),
  ]
}
