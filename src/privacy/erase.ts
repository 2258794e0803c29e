import type { AuditLog } from '../audit/log.ts'
import type { Policy } from '../config/policy.ts'
import type { Classification } from '../consent/classification.ts'
import { turnAfter } from '../consent/ledger.ts'
import type { Recorded } from '../consent/receipt.ts'
import { newCustomer } from '../linking/new-customer.ts'
import type { ProviderGrants } from '../linking/provider-grants.ts'
import type { CustomerKey } from '../operation.ts'
import type { CustomerKeyStore } from '../storage/customer-keys.ts'
import type { LedgerStore } from '../storage/consent-ledger.ts'
import type { CustomerRow, CustomerStore } from '../storage/customers.ts'
import type { ErasedFacts, ErasedRecord, ErasureRow, Kept } from '../storage/erasures.ts'
import type { CustomerRows } from '../storage/fates.ts'
import type { HeldDataStore } from '../storage/held-data.ts'
import type { IdentityStore } from '../storage/identities.ts'
import type { PrivacyRequestStore } from '../storage/privacy-requests.ts'
import type { Tx } from '../storage/transaction.ts'
import { heldAfter } from './held.ts'

export interface EraseParts {
  readonly customers: Pick<CustomerStore, 'read' | 'bury'>
  readonly identities: Pick<IdentityStore, 'remove'>
  readonly ledger: Pick<LedgerStore, 'append' | 'read'>
  readonly held: Pick<HeldDataStore, 'put'>
  readonly backupKeys: Pick<CustomerKeyStore, 'destroy'>
  readonly requests: Pick<PrivacyRequestStore, 'forgetWords'>
  readonly rows: Pick<CustomerRows, 'count' | 'removeTogether'>
  readonly audit: Pick<AuditLog, 'inCustomerChain'>
  readonly grants: Pick<ProviderGrants, 'revoke'>
  /** Puts it into the transaction that clients are told (Art. 19 GDPR). */
  readonly tell: (tx: Tx, recorded: Recorded) => Promise<void>
  readonly policy: Policy
  readonly classification: Classification
}

/**
 * The part of an erasure that is all or nothing: whoever the person was, and whoever was merged into them, is a key and two chains
 * afterwards. Every token of theirs ends with it, ways in and addresses are free for somebody new.
 */
export async function erasePerson(parts: EraseParts, tx: Tx, person: CustomerRow, erasure: ErasureRow, at: Date): Promise<ErasedFacts> {
  const told = await removeIdentities(parts, tx, person)
  const kept = await holdBack(parts, tx, person, at)
  const rows = await withMerged(parts, tx, person)
  const found: Record<string, number> = { customers: rows.length, identities: person.identities.length }
  const records: ErasedRecord[] = []
  for (const row of rows) {
    for (const [collection, count] of Object.entries(await parts.rows.count(row._id, tx))) found[collection] = (found[collection] ?? 0) + count
    await parts.rows.removeTogether(row._id, tx)
    await parts.requests.forgetWords(tx, row._id)
    await parts.backupKeys.destroy(tx, row._id)
    records.push(await bury(parts, tx, row, erasure, at))
  }
  return { erasedAt: at, records, found, told, kept }
}

async function removeIdentities({ identities, grants }: EraseParts, tx: Tx, person: CustomerRow): Promise<string[]> {
  const told: string[] = []
  for (const { key, provider } of person.identities) {
    const removed = await identities.remove(tx, key, person._id)
    if (removed?.grant === undefined) continue
    await grants.revoke(tx, removed)
    told.push(provider)
  }
  return told
}

async function holdBack({ held, policy, classification }: EraseParts, tx: Tx, person: CustomerRow, at: Date): Promise<Kept[]> {
  const all = heldAfter(person, policy, classification, at)
  for (const { purpose, values, until } of all) await held.put(tx, person._id, purpose, values, until)
  return all.map(({ purpose, categories, until }) => ({ purpose, categories, until }))
}

/** The person's own record first. The ledger knows every merge, also those that can no longer be undone. */
async function withMerged({ customers, ledger }: EraseParts, tx: Tx, person: CustomerRow): Promise<CustomerRow[]> {
  const rows = [person]
  for (const { _id } of rows) {
    const absorbed = (await ledger.read(_id, tx)).flatMap(({ turn }) => (turn?.what === 'absorbed' ? [turn.other] : []))
    for (const key of new Set<CustomerKey>(absorbed)) {
      const row = await customers.read(key, tx)
      if (row?.state === 'merged' && row.mergedInto === _id) rows.push(row)
    }
  }
  return rows
}

/** The chains go on to say that they end. The row that stays holds nothing but them and the key. */
async function bury({ customers, ledger, audit, tell }: EraseParts, tx: Tx, row: CustomerRow, erasure: ErasureRow, at: Date): Promise<ErasedRecord> {
  const turn = { what: 'erased', other: '', head: '', inForce: {} } as const
  const entry = turnAfter(row, { receipt: erasure._id, surface: erasure.client ?? 'retention', at, turn })
  await ledger.append(tx, entry)
  const ended = Object.keys(row.decisions).map((purpose) => ({ purpose, state: 'withdrawn', textVersion: '', textHash: '', locale: '' }) as const)
  await tell(tx, { entry: { ...entry, decisions: ended }, row, before: row.decisions, after: {} })
  const event = { type: 'customer.erased', client: erasure.client, actor: erasure.actor } as const
  const heads = { ledger: { seq: row.ledger.seq + 1, hash: entry.hash }, audit: await audit.inCustomerChain(tx, row._id, row.audit, event, at) }
  await customers.bury(tx, { ...newCustomer(row._id, at), state: 'erased', tokensValidFrom: at, consentVersion: row.consentVersion + 1, ...heads })
  return { customer: row._id, ...heads }
}
