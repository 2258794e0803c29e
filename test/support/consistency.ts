import type { Db } from 'mongodb'
import { firstBroken } from '../../src/audit/log.ts'
import { inForce } from '../../src/consent/choices.ts'
import { searchable } from '../../src/consent/decisions.ts'
import { ledgerHash } from '../../src/consent/ledger.ts'
import type { AuditRow } from '../../src/storage/audit-log.ts'
import { chainId, type LedgerRow } from '../../src/storage/consent-ledger.ts'
import type { ChainHead, CustomerRow } from '../../src/storage/customers.ts'
import type { EmailRow } from '../../src/storage/emails.ts'
import type { IdentityRow } from '../../src/storage/identities.ts'
import { demoPolicy } from './house.ts'

/** All that may never be, whatever was killed or raced, a sentence each: ways in and customers, ledger and decisions, chains and their heads. */
export async function contradictions(db: Db): Promise<string[]> {
  const all = <Row extends { _id: string }>(name: string) => db.collection<Row>(name).find().sort({ _id: 1 }).toArray() as Promise<Row[]>
  const customers = await all<CustomerRow>('customers')
  const ledger = Map.groupBy(await all<LedgerRow>('consent_ledger'), ownerOf)
  const audit = Map.groupBy(await all<AuditRow>('audit_log'), ownerOf)
  const known = new Set(customers.map(({ _id }) => _id))
  return [
    ...waysIn(customers, await all<IdentityRow>('identities')),
    ...(await all<EmailRow>('emails'))
      .filter(({ customer }) => !known.has(customer))
      .map(({ customer }) => `an address belongs to ${customer}, who is not there`),
    ...customers.flatMap((row) => [
      ...atHead(`the ledger of ${row._id}`, row.ledger, ledger.get(row._id) ?? []),
      ...atHead(`the audit chain of ${row._id}`, row.audit, audit.get(row._id) ?? []),
      ...asDecided(row, ledger.get(row._id) ?? []),
    ]),
    ...[...audit].filter(([, rows]) => firstBroken(rows) !== null).map(([chain]) => `the audit chain ${chain} is broken`),
    ...[...ledger].filter(([, rows]) => isBroken(rows)).map(([customer]) => `the ledger of ${customer} is broken`),
  ]
}

const ownerOf = ({ _id }: { readonly _id: string }): string => _id.slice(0, _id.indexOf('/'))

function waysIn(customers: readonly CustomerRow[], identities: readonly IdentityRow[]): string[] {
  const listed = customers.flatMap(({ _id, identities: own }) => own.map(({ key }) => `${_id} ${key}`)).sort()
  const stored = identities.map(({ _id, customer }) => `${customer} ${_id}`).sort()
  const without = customers.filter((row) => row.identities.length === 0).map(({ _id }) => `${_id} has no way in`)
  return listed.join() === stored.join() ? without : [...without, `identities are ${stored.join()}, customers list ${listed.join()}`]
}

function atHead(what: string, head: ChainHead, rows: readonly { readonly _id: string; readonly hash: string }[]): string[] {
  const last = rows.at(-1)
  return head.seq === rows.length && head.hash === (last?.hash ?? '') ? [] : [`${what} has ${rows.length} rows, the customer names the ${head.seq}th`]
}

function asDecided(row: CustomerRow, entries: readonly LedgerRow[]): string[] {
  const decisions = entries.reduce<CustomerRow['decisions']>((before, one) => inForce(before, one.decisions, one.at, demoPolicy), {})
  const said = JSON.stringify(sorted(decisions))
  const stored = JSON.stringify(sorted(row.decisions))
  const { grants, objections } = searchable(decisions)
  const isSearchable = same(grants, row.grants) && same(objections, row.objections)
  return [
    ...(said === stored ? [] : [`the ledger of ${row._id} says ${said}, in force is ${stored}`]),
    ...(isSearchable ? [] : [`lists search ${row._id} by ${row.grants.join()} and ${row.objections.join()}`]),
    ...(row.consentVersion === entries.length ? [] : [`${row._id} counts ${row.consentVersion} changes of ${entries.length}`]),
  ]
}

const sorted = (decisions: CustomerRow['decisions']) => Object.entries(decisions).sort(([a], [b]) => (a < b ? -1 : 1))
const same = (a: readonly string[], b: readonly string[]): boolean => a.toSorted().join() === b.toSorted().join()

function isBroken(rows: readonly LedgerRow[]): boolean {
  return rows.some((row, at) => row._id !== chainId(ownerOf(row), at + 1) || row.prev !== (rows[at - 1]?.hash ?? '') || row.hash !== ledgerHash(row))
}
