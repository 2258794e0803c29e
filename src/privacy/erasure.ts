import { randomBytes } from 'node:crypto'
import type { Connection } from 'mongoose'
import { z } from 'zod'
import { addDuration } from '../config/duration.ts'
import { EntenteError } from '../errors.ts'
import type { JobQueue } from '../jobs/queue.ts'
import { Hopeless, type JobHandler } from '../jobs/worker.ts'
import type { Post } from '../mail/post.ts'
import type { CustomerKey } from '../operation.ts'
import type { CustomerStore } from '../storage/customers.ts'
import type { ErasureRow, ErasureStore } from '../storage/erasures.ts'
import type { CustomerRows } from '../storage/fates.ts'
import { inTransaction, type Tx } from '../storage/transaction.ts'
import { certificateClaims, certificateType } from './certificate.ts'
import { erasePerson, type EraseParts } from './erase.ts'

export interface ErasureParts extends EraseParts {
  readonly db: Connection
  readonly customers: EraseParts['customers'] & Pick<CustomerStore, 'update'>
  readonly rows: CustomerRows
  readonly erasures: ErasureStore
  readonly jobs: Pick<JobQueue, 'put' | 'wake'>
  readonly post: Pick<Post, 'toCustomer'>
  /** Sessions, codes and refresh tokens; clients that want to know are told. */
  readonly endEverywhere: (customer: CustomerKey) => Promise<void>
  readonly sign: (claims: Record<string, unknown>, type: string) => Promise<string>
  readonly issuer: string
  readonly now: () => Date
}

export type AskedBy = Pick<ErasureRow, 'client' | 'actor'>

/** What was under way when a person was erased may still write; it has ended long before this. Milliseconds. */
const sweptAgainAfter = 3_600_000
const errand = z.strictObject({ id: z.string() })

/** Erasing people (Art. 17 GDPR): asked for, taken back while there is time, carried out by whichever process comes first. */
export function erasures(parts: ErasureParts) {
  const { db, customers, jobs, audit, policy, now } = parts

  /** Asked for once more while it is waiting, it is the same one. UNAUTHENTICATED when the customer has ended. */
  async function ask(customer: CustomerKey, by: AskedBy, grace: string): Promise<ErasureRow> {
    const fresh = newRow(customer, by, now(), grace)
    const row = await inTransaction(db, customer, (tx) => askIn(tx, fresh))
    // What fails from here on, the job of the same transaction does.
    if (row.dueAt <= now()) await carryOut(row._id).catch(jobs.wake)
    else jobs.wake()
    return (await parts.erasures.read(row._id)) ?? row
  }

  async function askIn(tx: Tx, fresh: ErasureRow): Promise<ErasureRow> {
    const person = await customers.read(fresh.customer, tx)
    if (person === null || person.state !== 'active') throw new EntenteError('UNAUTHENTICATED', { why: 'customer is not active' })
    const waiting = person.erasure && (await parts.erasures.read(person.erasure.id, tx))
    if (waiting && waiting.dueAt <= fresh.dueAt) return waiting
    if (waiting) await parts.erasures.cancel(tx, waiting._id)
    const { _id: id, requestedAt, dueAt, client, actor } = fresh
    const head = await audit.inCustomerChain(tx, person._id, person.audit, { type: 'erasure.requested', client, actor }, requestedAt)
    await customers.update(tx, person._id, { $set: { erasure: { id, dueAt }, audit: head } })
    await parts.erasures.insert(tx, fresh)
    await jobs.put({ kind: 'erase', id, payload: { id }, notBefore: dueAt }, tx)
    // In one with the asking, so that nothing comes between the two.
    if (dueAt <= requestedAt) await eraseIn(tx, fresh, requestedAt)
    else await parts.post.toCustomer(tx, person, { kind: 'erasureRequested', facts: { at: dueAt.toISOString() }, id: `erasure:${id}` })
    return fresh
  }

  /** BAD_USER_INPUT when nothing is waiting. */
  async function cancel(customer: CustomerKey, by: AskedBy): Promise<void> {
    const at = now()
    await inTransaction(db, customer, async (tx) => {
      const person = await customers.read(customer, tx)
      if (person === null || person.state !== 'active') throw new EntenteError('UNAUTHENTICATED', { why: 'customer is not active' })
      if (person.erasure === undefined || !(await parts.erasures.cancel(tx, person.erasure.id)))
        throw new EntenteError('BAD_USER_INPUT', { why: 'nothing is waiting' })
      const head = await audit.inCustomerChain(tx, customer, person.audit, { type: 'erasure.cancelled', ...by }, at)
      await customers.update(tx, customer, { $set: { audit: head }, $unset: { erasure: '' } })
      await parts.post.toCustomer(tx, person, { kind: 'erasureCancelled', facts: {}, id: `erasure cancelled:${person.erasure.id}` })
    })
    jobs.wake()
  }

  /** From wherever it stands to its end. Killed anywhere and begun again, or done by two at once, it is as if done once. */
  async function carryOut(id: string): Promise<void> {
    const at = now()
    const row = await parts.erasures.read(id)
    if (row === null || row.dueAt > at) return
    if (row.state === 'waiting') await inTransaction(db, row.customer, (tx) => eraseIn(tx, row, at))
    const erased = await parts.erasures.read(id)
    if (erased?.state === 'erasing' || erased?.state === 'done') await finish(erased)
  }

  async function eraseIn(tx: Tx, row: ErasureRow, at: Date): Promise<void> {
    const person = await customers.read(row.customer, tx)
    // Merged away since, or taken back: then it is no longer what the person wants.
    if (person?.state !== 'active' || person.erasure?.id !== row._id) return void (await parts.erasures.cancel(tx, row._id))
    const facts = await erasePerson(parts, tx, person, row, at)
    if (!(await parts.erasures.erased(tx, row._id, facts))) throw new EntenteError('INTERNAL_SERVER_ERROR', { why: 'an erasure changed within a transaction' })
  }

  async function finish(row: ErasureRow): Promise<void> {
    for (const { customer } of row.records ?? []) {
      await parts.endEverywhere(customer)
      await parts.rows.removeAfter(customer)
    }
    if (row.state === 'done') return
    await jobs.put({ kind: 'erase', id: `${row._id}/again`, payload: { id: row._id }, notBefore: new Date(now().getTime() + sweptAgainAfter) })
    const completedAt = now()
    await parts.erasures.complete(row._id, completedAt, await parts.sign(certificateClaims(row, completedAt, policy, parts.issuer), certificateType))
  }

  const work: JobHandler = async ({ payload }) => {
    const asked = errand.safeParse(payload)
    if (!asked.success) throw new Hopeless('not an erasure')
    await carryOut(asked.data.id)
  }

  return { ask, cancel, work, read: (id: string): Promise<ErasureRow | null> => parts.erasures.read(id) }
}

export type Erasures = ReturnType<typeof erasures>

function newRow(customer: CustomerKey, by: AskedBy, at: Date, grace: string): ErasureRow {
  return { _id: randomBytes(16).toString('base64url'), customer, state: 'waiting', ...by, requestedAt: at, dueAt: addDuration(at, grace) }
}
