import { randomBytes } from 'node:crypto'
import { EntenteError } from '../errors.ts'
import type { CustomerKey } from '../operation.ts'
import type { CustomerRow, CustomerUpdate, Device } from '../storage/customers.ts'
import { inTransaction } from '../storage/transaction.ts'
import { merged } from './merge-algebra.ts'
import { activeRow, personChange, turnBeside, writeBoth, type By, type MergeParts } from './merge-parts.ts'
import { profileFields } from './profile-by-source.ts'

/** The one who asked, and the one who becomes part of them. */
export interface Pair {
  readonly survivor: CustomerKey
  readonly absorbed: CustomerKey
}

/** How long a merge can be undone. Milliseconds. */
const undoable = 30 * 86_400_000
const mostDevices = 20

/**
 * Makes one customer of two, in one transaction: ways in, addresses, profile, decisions, both ledgers and audit chains. Both documents are
 * written, so what else changes either of them comes before or after as a whole; only active ones are merged, so no chain of merges ever
 * closes. UNAUTHENTICATED when the one who asks has ended meanwhile, BAD_USER_INPUT when the other one has, STEP_UP_REQUIRED when the
 * other one has a second factor.
 */
export async function mergeCustomers(parts: MergeParts, pair: Pair, by: By): Promise<void> {
  const [id, receipt, at] = [randomBytes(16).toString('base64url'), randomBytes(16).toString('base64url'), new Date()]
  const mark = { id, mergedAt: at, undoUntil: new Date(at.getTime() + undoable) }
  await inTransaction(parts.db, pair.survivor, async (tx) => {
    const survivor = await activeRow(parts, tx, pair.survivor)
    const absorbed = await parts.customers.read(pair.absorbed, tx)
    if (absorbed === null || absorbed.state !== 'active' || absorbed._id === survivor._id) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'proof' })
    // Its factor guards it, and would not guard what it becomes part of: who has it begins there, and is asked for it.
    if ((absorbed.factors ?? []).length > 0) throw new EntenteError('STEP_UP_REQUIRED', { why: 'the other one has a factor' }, { reasons: ['factorEnrolled'] })
    const emails = await parts.emails.keysOf(absorbed._id, tx)
    const person = merged(survivor, absorbed)
    const said = (as: 'survivor' | 'absorbed') => ({ type: 'customer.merged', detail: { merge: id, as } }) as const
    const turns = [
      { row: survivor, change: survivorChange(survivor, absorbed, mark), turn: turnBeside('absorbed', absorbed, person.decisions), event: said('survivor') },
      { row: absorbed, change: emptied(survivor._id), turn: turnBeside('mergedInto', survivor, absorbed.decisions), event: said('absorbed') },
    ]
    await writeBoth(parts, tx, turns, by, receipt, at)
    const keys = absorbed.identities.map(({ key }) => key)
    if (!(await parts.identities.move(tx, keys, absorbed._id, survivor._id)))
      throw new EntenteError('INTERNAL_SERVER_ERROR', { why: 'a login was not where its customer lists it' })
    await parts.emails.move(tx, emails, absorbed._id, survivor._id)
    const narrowed = { before: survivor.decisions, after: person.decisions, change: id, notBefore: mark.undoUntil }
    await parts.forgetting.follow(tx, survivor, narrowed)
    await parts.forgetting.afterMerge(tx, absorbed._id, id, mark.undoUntil)
    await parts.merges.insert(tx, { id, ...pair, undoUntil: mark.undoUntil, before: { survivor, absorbed, emails } })
    for (const row of [survivor, absorbed]) await parts.post.toCustomer(tx, row, { kind: 'merged', facts: {}, id: `merged:${id}:${row._id}` })
  })
}

function survivorChange(survivor: CustomerRow, absorbed: CustomerRow, mark: NonNullable<CustomerRow['merges']>[number]): CustomerUpdate {
  const { $set, $unset } = personChange(merged(survivor, absorbed), [survivor, absorbed])
  const devices = joinedDevices(survivor.devices ?? [], absorbed.devices ?? [])
  const alert = survivor.alert ?? absorbed.alert
  const interestsOff = [...new Set([...(survivor.interestsOff ?? []), ...(absorbed.interestsOff ?? [])])].sort()
  return {
    $set: {
      ...$set,
      identities: [...survivor.identities, ...absorbed.identities].sort((a, b) => a.linkedAt.getTime() - b.linkedAt.getTime()),
      merges: [...(survivor.merges ?? []), mark],
      ...(devices.length > 0 && { devices }),
      ...(alert && { alert }),
      ...(interestsOff.length > 0 && { interestsOff }),
      asked: joinedAsked(survivor.asked, absorbed.asked),
    },
    $unset,
  }
}

/** The newest of both; a browser that both know stays the survivor's. */
function joinedDevices(own: readonly Device[], others: readonly Device[]): Device[] {
  const added = others.filter(({ key }) => !own.some((one) => one.key === key))
  return [...own, ...added].sort((a, b) => b.lastAt.getTime() - a.lastAt.getTime()).slice(0, mostDevices)
}

/** One person: what either was asked was asked of them, the later time. */
function joinedAsked(own: CustomerRow['asked'] = {}, others: CustomerRow['asked'] = {}): NonNullable<CustomerRow['asked']> {
  const later = Object.entries(others).filter(([id, at]) => (own[id] ?? new Date(0)) < at)
  return { ...own, ...Object.fromEntries(later) }
}

/** What is left of the one merged away: its key, its decisions and chains, and where it went. */
function emptied(mergedInto: CustomerKey): CustomerUpdate {
  const derived = ['derived', 'memberships', 'membershipsDue', 'interestsOff']
  const personal = [...profileFields, ...derived, 'emailProof', 'emailUndeliverable', 'devices', 'alert', 'factors', 'merges', 'erasure', 'asked']
  return {
    $set: { state: 'merged', mergedInto, sources: {}, traits: {}, identities: [] },
    $unset: Object.fromEntries(personal.map((field) => [field, ''])),
  }
}
