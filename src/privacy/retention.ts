import { z } from 'zod'
import type { AuditLog } from '../audit/log.ts'
import type { Classification } from '../consent/classification.ts'
import type { JobQueue } from '../jobs/queue.ts'
import { Hopeless, type JobHandler } from '../jobs/worker.ts'
import type { CustomerKey } from '../operation.ts'
import type { CustomerRow, CustomerStore, CustomerUpdate } from '../storage/customers.ts'
import type { ErasureStore } from '../storage/erasures.ts'
import type { PrivacyRequestStore } from '../storage/privacy-requests.ts'
import { inTransaction } from '../storage/transaction.ts'
import { decisionCheck, type DecisionCheckParts } from './check-decisions.ts'
import { decideRetention } from './decide-retention.ts'
import type { Erasures } from './erasure.ts'
import type { StoredValue } from './stored-values.ts'

export interface RetentionParts extends DecisionCheckParts {
  readonly customers: Pick<CustomerStore, 'read' | 'update' | 'activeAfter'>
  readonly audit: Pick<AuditLog, 'inCustomerChain' | 'note'>
  readonly jobs: Pick<JobQueue, 'put'>
  readonly erasures: Pick<Erasures, 'ask'>
  readonly overdue: { readonly erasures: Pick<ErasureStore, 'overdue'>; readonly requests: Pick<PrivacyRequestStore, 'overdue'> }
  readonly classification: Classification
  readonly now: () => Date
}

const day = 86_400_000
const afterStart = 600_000
const atOnce = 200
/** A job hands over to the next one after this: well before its lease ends. Milliseconds. */
const shift = 5_000
const errand = z.strictObject({ run: z.string(), after: z.string().nullable() })

/**
 * Removes what has been kept long enough, once a day and by one process at a time: a day is one job, whoever puts it, which goes through the
 * customers by their keys and hands the rest to a job after it. Killed anywhere, the next process begins at the last handing over. On its way
 * it checks that each customer's ledger accounts for what is in force.
 */
export function retention(parts: RetentionParts) {
  const { db, customers, policy, classification, now } = parts
  const check = decisionCheck(parts)

  const hand = (run: string, after: CustomerKey | null, notBefore = now()) =>
    parts.jobs.put({ kind: 'retention', id: after === null ? run : `${run}/${after}`, payload: { run, after }, notBefore })

  const work: JobHandler = async ({ payload }, signal) => {
    const read = errand.safeParse(payload)
    if (!read.success) throw new Hopeless('not a run')
    const { run } = read.data
    let { after } = read.data
    const until = now().getTime() + shift
    const failed: unknown[] = []
    const unexplained: CustomerKey[] = []
    const lookAt = async (row: CustomerRow): Promise<void> => {
      if (!(await check.isExplained(row))) unexplained.push(row._id)
      await keepTo(row)
    }
    for (;;) {
      const rows = await customers.activeAfter(after, atOnce)
      // Who fails is tried again with the job, and holds up nobody.
      for (const row of rows) await lookAt(row).catch((error: unknown) => failed.push(error))
      after = rows.at(-1)?._id ?? after
      signal.throwIfAborted()
      if (rows.length === atOnce && now().getTime() < until) continue
      await check.tell(unexplained)
      await (rows.length === atOnce ? hand(run, after) : tellOverdue())
      if (failed.length > 0) throw failed[0]
      return
    }
  }

  async function keepTo(seen: CustomerRow): Promise<void> {
    const decision = decideRetention(seen, policy, classification, now().getTime())
    if (decision.do === 'erase') await parts.erasures.ask(seen._id, { client: null, actor: 'system' }, 'P0D')
    if (decision.do === 'remove') await remove(seen._id)
  }

  /** Decided once more on what is there now. */
  async function remove(customer: CustomerKey): Promise<void> {
    const at = now()
    await inTransaction(db, customer, async (tx) => {
      const row = await customers.read(customer, tx)
      const decision = row === null ? null : decideRetention(row, policy, classification, at.getTime())
      if (row === null || decision?.do !== 'remove') return
      const categories = [...new Set(decision.values.map(({ field }) => field.category))]
      const head = await parts.audit.inCustomerChain(tx, customer, row.audit, { type: 'data.expired', client: null, actor: 'system', categories }, at)
      const change = without(row, decision.values)
      await customers.update(tx, customer, { ...change, $set: { ...change.$set, audit: head } })
    })
  }

  async function tellOverdue(): Promise<void> {
    const at = now()
    const [erasures, requests] = [await parts.overdue.erasures.overdue(new Date(at.getTime() - day)), await parts.overdue.requests.overdue(at)]
    if (erasures + requests > 0) await parts.audit.note({ type: 'requests.overdue', client: null, actor: 'system', detail: { erasures, requests } })
  }

  return {
    /** Puts the job of the day, which is there at most once; a little later, since processes put it that have just started. */
    daily: (): Promise<boolean> => hand(String(Math.floor(now().getTime() / day)), null, new Date(now().getTime() + afterStart)),
    work,
  }
}

/** An address lies beside the logins that brought it, too. */
function without(row: CustomerRow, values: readonly StoredValue[]): CustomerUpdate {
  const isAddressGone = values.some(({ place }) => place === 'email')
  const gone = [...values.flatMap(({ place, source }) => [place, `sources.${source}`]), ...(isAddressGone ? ['emailProof', 'emailUndeliverable'] : [])]
  return {
    ...(isAddressGone && { $set: { identities: row.identities.map(({ email: _gone, ...rest }) => rest) } }),
    $unset: Object.fromEntries(gone.map((path) => [path, ''])),
  }
}
