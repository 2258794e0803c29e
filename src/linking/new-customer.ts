import { chainStart } from '../audit/log.ts'
import type { CustomerKey } from '../operation.ts'
import type { CustomerRow } from '../storage/customers.ts'

/** A customer of whom nothing is known and who has decided nothing. */
export function newCustomer(key: CustomerKey, at: Date): CustomerRow {
  return {
    _id: key,
    state: 'active',
    createdAt: at,
    sources: {},
    traits: {},
    decisions: {},
    grants: [],
    objections: [],
    restricted: false,
    tokensValidFrom: new Date(0),
    endedGrants: [],
    consentVersion: 0,
    identities: [],
    ledger: chainStart,
    audit: chainStart,
  }
}
