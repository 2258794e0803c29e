import type { Client } from '../config/clients.ts'
import type { Policy } from '../config/policy.ts'
import type { Classification } from '../consent/classification.ts'
import { audienceFields } from '../personalization/audience-fields.ts'
import { followUp } from '../personalization/follow-up.ts'
import { markedCustomers } from '../personalization/marked-customers.ts'
import { tellSegments } from '../personalization/segment-events.ts'
import { segmentedCustomers } from '../personalization/segmented-customers.ts'
import type { Storage } from './storage.ts'

/** Storage whose customers keep to their segments, and tell audiences of what changes. */
export function markedStorage(storage: Storage, policy: Policy, classification: Classification, clients: () => readonly Client[]): Storage {
  const tell = tellSegments({ jobs: storage.jobs, clients, policy })
  const marking = { changes: storage.rows.audienceChanges, fields: audienceFields(classification), policy, tell, now: () => new Date() }
  const customers = segmentedCustomers(markedCustomers(storage.rows.customers, marking), followUp(policy), marking.now)
  return { ...storage, rows: { ...storage.rows, customers } }
}
