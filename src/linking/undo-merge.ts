import { randomBytes } from 'node:crypto'
import { EntenteError } from '../errors.ts'
import type { CustomerKey } from '../operation.ts'
import type { LedgerRow } from '../storage/consent-ledger.ts'
import type { CustomerRow, CustomerUpdate, IdentitySummary } from '../storage/customers.ts'
import type { BeforeMerge, Merge } from '../storage/merges.ts'
import { inTransaction, type Tx } from '../storage/transaction.ts'
import type { Person } from './merge-algebra.ts'
import type { Pair } from './merge.ts'
import { activeRow, personChange, turnBeside, writeBoth, type By, type MergeParts } from './merge-parts.ts'
import { parted } from './undo-algebra.ts'
import { hasWayIn } from './ways-in.ts'

/**
 * Makes two customers of one again, within 30 days: what each had, and what was decided since (`undo-algebra.ts`). The last merge goes
 * first; another's, an old or unknown one is BAD_USER_INPUT. LAST_IDENTITY when one of the two would be left without a way in. `survivor`
 * is who asks, or null for an operator.
 */
export async function undoMerge(parts: MergeParts, id: string, survivor: CustomerKey | null, by: By): Promise<Pair> {
  const [receipt, at] = [randomBytes(16).toString('base64url'), new Date()]
  return inTransaction(parts.db, survivor ?? id, async (tx) => {
    const merge = await parts.merges.read(id, at, tx)
    if (merge === null || (survivor !== null && survivor !== merge.survivor)) throw refused()
    const pair = { survivor: merge.survivor, absorbed: merge.absorbed }
    // Repeated by somebody who got no answer: all is done but what comes after it.
    if (merge.before === null && survivor === null) return pair
    await takeApart(parts, tx, merge, by, receipt, at)
    return pair
  })
}

const refused = () => new EntenteError('BAD_USER_INPUT', {}, { field: 'id' })

async function takeApart(parts: MergeParts, tx: Tx, { id, before, ...pair }: Merge, by: By, receipt: string, at: Date): Promise<void> {
  const now = await activeRow(parts, tx, pair.survivor)
  const empty = await parts.customers.read(pair.absorbed, tx)
  const isLast = now.merges?.at(-1)?.id === id
  if (before === null || empty === null || empty.state !== 'merged' || empty.mergedInto !== now._id || !isLast) throw refused()
  const identities = shared(now.identities, before)
  const ways = [{ ...now, identities: identities.survivor }, { identities: identities.absorbed }]
  if (!ways.every(hasWayIn)) throw new EntenteError('LAST_IDENTITY')

  const sides = sidesOf(before, identities)
  const entries = await parts.ledger.read(now._id, tx)
  const since = entries.slice(before.survivor.ledger.seq + 1)
  const apart = parted({ ...sides, now, since }, parts.policy)

  const survivor = personChange(apart.survivor, [now, before.survivor])
  const event = { type: 'customer.merge_undone', detail: { merge: id } } as const
  const turns = [
    {
      row: now,
      change: { ...survivor, $set: { ...survivor.$set, identities: identities.survivor, ...restOf(now, before), ...behaviourOf(now, before, since) } },
      turn: turnBeside('parted', empty, apart.survivor.decisions),
      event,
    },
    { row: empty, change: revived(apart.absorbed, identities.absorbed, now, before), turn: turnBeside('parted', now, apart.absorbed.decisions), event },
  ]
  await writeBoth(parts, tx, turns, by, receipt, at)
  const keys = identities.absorbed.map(({ key }) => key)
  if (!(await parts.identities.move(tx, keys, now._id, empty._id)))
    throw new EntenteError('INTERNAL_SERVER_ERROR', { why: 'a login was not where its customer lists it' })
  await parts.emails.move(tx, before.emails, now._id, empty._id)
  for (const one of [pair.survivor, pair.absorbed]) {
    // What was said as one may be by somebody who alone is too young for it.
    await parts.takeBackForAge(tx, await activeRow(parts, tx, one), by.client, at)
    const change = await parts.derivedAnew(await activeRow(parts, tx, one), at, tx)
    if (change !== null) await parts.customers.update(tx, one, change)
  }
  await parts.merges.undone(tx, id, at)
  for (const row of [
    { ...now, ...apart.survivor },
    { ...empty, ...apart.absorbed },
  ])
    await parts.post.toCustomer(tx, row, { kind: 'mergeUndone', facts: {}, id: `merge undone:${id}:${row._id}` })
}

interface Shared {
  readonly survivor: IdentitySummary[]
  readonly absorbed: IdentitySummary[]
}

/** A login that was moved goes back; one that was removed since is gone, one linked since stays, also if it is the same login again. */
function shared(now: readonly IdentitySummary[], { absorbed }: BeforeMerge): Shared {
  const moved = new Set(absorbed.identities.map(({ id }) => id))
  return { survivor: now.filter(({ id }) => !moved.has(id)), absorbed: now.filter(({ id }) => moved.has(id)) }
}

function sidesOf(before: BeforeMerge, after: Shared) {
  const providers = (identities: readonly IdentitySummary[]) => new Set(identities.map(({ provider }) => provider))
  const side = (which: 'survivor' | 'absorbed') => ({
    before: before[which],
    providersBefore: providers(before[which].identities),
    providersAfter: providers(after[which]),
  })
  return { survivor: side('survivor'), absorbed: side('absorbed') }
}

/**
 * From when on behaviour counts. For what ended with the merge alone, as before it; a no that was said since is one. Its events are still there:
 * they are forgotten when a merge can no longer be undone.
 */
function behaviourOf({ behaviourFrom }: CustomerRow, { survivor }: BeforeMerge, since: readonly LedgerRow[]): Record<string, unknown> {
  if (behaviourFrom === undefined) return {}
  const joined: CustomerRow['decisions'] = since.find(({ turn }) => turn?.what === 'absorbed')?.turn?.inForce ?? {}
  const saidNo = new Set(since.flatMap(({ decisions }) => decisions).flatMap(({ purpose, state }) => (state === 'granted' ? [] : [purpose])))
  const isOfMerge = (purpose: string) => survivor.decisions[purpose]?.state !== joined[purpose]?.state && !saidNo.has(purpose)
  const kept = Object.entries(behaviourFrom).filter(([purpose]) => !isOfMerge(purpose))
  const before = Object.entries(survivor.behaviourFrom ?? {}).filter(([purpose]) => isOfMerge(purpose))
  return { behaviourFrom: Object.fromEntries([...kept, ...before]) }
}

/** Browsers that came with the other go with it; those since stay. */
function restOf(now: CustomerRow, before: BeforeMerge): Record<string, unknown> {
  const own = new Set(before.survivor.devices?.map(({ id }) => id))
  const moved = new Set(before.absorbed.devices?.map(({ id }) => id))
  return {
    merges: now.merges?.slice(0, -1) ?? [],
    ...(now.devices && { devices: now.devices.filter(({ id }) => own.has(id) || !moved.has(id)) }),
  }
}

function revived(person: Person, identities: readonly IdentitySummary[], now: CustomerRow, { absorbed }: BeforeMerge): CustomerUpdate {
  const { $set, $unset } = personChange(person, [now, absorbed])
  // What of it no longer has a basis is dropped with the write.
  const { merges, alert = now.alert, derived, interestsOff } = absorbed
  // A browser that was forgotten since is forgotten here too.
  const devices = absorbed.devices?.filter(({ key }) => now.devices?.some((one) => one.key === key))
  return {
    $set: {
      ...$set,
      state: 'active',
      identities,
      ...(devices && { devices }),
      ...(merges && { merges }),
      ...(alert && { alert }),
      ...(derived && { derived }),
      ...(interestsOff && { interestsOff }),
    },
    $unset: { ...$unset, mergedInto: '' },
  }
}
