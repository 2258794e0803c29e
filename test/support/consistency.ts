import type { Db } from 'mongodb'
import { firstBroken } from '../../src/audit/log.ts'
import { replayed } from '../../src/consent/choices.ts'
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
  const known = new Set(customers.filter(({ state }) => state === 'active').map(({ _id }) => _id))
  return [
    ...waysIn(customers, await all<IdentityRow>('identities')),
    ...(await all<EmailRow>('emails'))
      .filter(({ customer }) => !known.has(customer))
      .map(({ customer }) => `an address belongs to ${customer}, who is not there`),
    ...customers.filter(({ state }) => state === 'erased').flatMap(remains),
    ...customers.filter(({ state }) => state === 'merged').flatMap((row) => mergedAway(row, customers)),
    ...turnsUnanswered([...ledger.values()].flat()),
    ...customers.flatMap((row) => [
      ...atHead(`the ledger of ${row._id}`, row.ledger, ledger.get(row._id) ?? []),
      ...atHead(`the audit chain of ${row._id}`, row.audit, audit.get(row._id) ?? []),
      ...asDecided(row, ledger.get(row._id) ?? [], audit.get(row._id) ?? []),
    ]),
    ...[...audit].filter(([, rows]) => firstBroken(rows) !== null).map(([chain]) => `the audit chain ${chain} is broken`),
    ...[...ledger].filter(([, rows]) => isBroken(rows)).map(([customer]) => `the ledger of ${customer} is broken`),
  ]
}

const ownerOf = ({ _id }: { readonly _id: string }): string => _id.slice(0, _id.indexOf('/'))

function waysIn(customers: readonly CustomerRow[], identities: readonly IdentityRow[]): string[] {
  const listed = customers.flatMap(({ _id, identities: own }) => own.map(({ key }) => `${_id} ${key}`)).sort()
  const stored = identities.map(({ _id, customer }) => `${customer} ${_id}`).sort()
  const without = customers.filter((row) => row.state === 'active' && row.identities.length === 0).map(({ _id }) => `${_id} has no way in`)
  return listed.join() === stored.join() ? without : [...without, `identities are ${stored.join()}, customers list ${listed.join()}`]
}

function atHead(what: string, head: ChainHead, rows: readonly { readonly _id: string; readonly hash: string }[]): string[] {
  const last = rows.at(-1)
  return head.seq === rows.length && head.hash === (last?.hash ?? '') ? [] : [`${what} has ${rows.length} rows, the customer names the ${head.seq}th`]
}

function asDecided(row: CustomerRow, entries: readonly LedgerRow[], events: readonly AuditRow[]): string[] {
  const decisions = replayed(entries, demoPolicy)
  const changes = entries.length + events.filter(({ type }) => type === 'processing.restricted').length
  const said = JSON.stringify(sorted(decisions))
  const stored = JSON.stringify(sorted(row.decisions))
  const { grants, objections } = searchable(decisions)
  const isSearchable = same(grants, row.grants) && same(objections, row.objections)
  return [
    ...(said === stored ? [] : [`the ledger of ${row._id} says ${said}, in force is ${stored}`]),
    ...(isSearchable ? [] : [`lists search ${row._id} by ${row.grants.join()} and ${row.objections.join()}`]),
    ...(row.consentVersion === changes ? [] : [`${row._id} counts ${row.consentVersion} changes of ${changes}`]),
  ]
}

/** Whoever was merged away leads to somebody active, and holds nothing of the person. */
function mergedAway(row: CustomerRow, customers: readonly CustomerRow[]): string[] {
  const left = [
    '_id',
    'state',
    'mergedInto',
    'createdAt',
    'tokensValidFrom',
    'restricted',
    'decisions',
    'grants',
    'objections',
    'consentVersion',
    'behaviourFrom',
    'ledger',
    'audit',
  ]
  const held = Object.entries(row).filter(([name, value]) => !left.includes(name) && Object.keys(value).length > 0)
  const seen = new Set<string>()
  let at: CustomerRow | undefined = row
  while (at?.state === 'merged' && !seen.has(at._id)) {
    seen.add(at._id)
    const next: string | undefined = at.mergedInto
    at = customers.find(({ _id }) => _id === next)
  }
  return [
    ...held.map(([name]) => `${row._id} was merged away and still has ${name}`),
    ...(at === undefined || at.state === 'merged' ? [`${row._id} was merged into nobody`] : []),
  ]
}

/** Of whoever is erased: a key, two chains, and when it was. */
function remains(row: CustomerRow): string[] {
  const left = ['_id', 'state', 'createdAt', 'tokensValidFrom', 'restricted', 'consentVersion', 'endedGrants', 'ledger', 'audit']
  return Object.entries(row).flatMap(([name, value]) =>
    left.includes(name) || Object.keys(value).length === 0 ? [] : [`${row._id} was erased and still has ${name}`],
  )
}

/** Two chains that turned together each name the entry that the other one ended with. */
function turnsUnanswered(entries: readonly LedgerRow[]): string[] {
  const seq = ({ _id }: LedgerRow) => Number(_id.slice(_id.indexOf('/') + 1))
  return entries.flatMap((entry) => {
    const { turn } = entry
    // Who is erased has nobody on the other side.
    if (turn === undefined || turn.what === 'erased') return []
    const answer = entries.find((one) => ownerOf(one) === turn.other && one.turn?.other === ownerOf(entry) && one.receipt === entry.receipt)
    const named = entries.find((one) => ownerOf(one) === turn.other && one.hash === turn.head)
    const isAnswered =
      answer?.turn?.head === entry.prev && answer.prev === turn.head && (named === undefined ? turn.head === '' : seq(named) === seq(answer) - 1)
    return isAnswered ? [] : [`${entry._id} turned alone`]
  })
}

const sorted = (decisions: CustomerRow['decisions']) => Object.entries(decisions).sort(([a], [b]) => (a < b ? -1 : 1))
const same = (a: readonly string[], b: readonly string[]): boolean => a.toSorted().join() === b.toSorted().join()

function isBroken(rows: readonly LedgerRow[]): boolean {
  return rows.some((row, at) => row._id !== chainId(ownerOf(row), at + 1) || row.prev !== (rows[at - 1]?.hash ?? '') || row.hash !== ledgerHash(row))
}
