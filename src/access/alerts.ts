import type { Connection } from 'mongoose'
import type { AuditEvent } from '../audit/event.ts'
import type { AuditLog } from '../audit/log.ts'
import type { JobQueue } from '../jobs/queue.ts'
import { endSessionsBefore } from '../linking/ended-sessions.ts'
import type { CustomerKey } from '../operation.ts'
import type { Alert, CustomerRow, CustomerStore, CustomerUpdate } from '../storage/customers.ts'
import { inTransaction } from '../storage/transaction.ts'

export interface AlertParts {
  readonly db: Connection
  readonly customers: Pick<CustomerStore, 'read' | 'update'>
  readonly audit: Pick<AuditLog, 'inCustomerChain'>
  readonly jobs: Pick<JobQueue, 'put'>
}

/** Suspicion that somebody else is in an account: raised by what happens, answered by the next factor that its customer proves. */
export function alerts({ db, customers, audit, jobs }: AlertParts) {
  /** False when there is no such customer any more, or nothing to write. */
  async function write(customer: CustomerKey, event: AuditEvent | null, change: (row: CustomerRow, at: Date) => CustomerUpdate | null): Promise<boolean> {
    return inTransaction(db, customer, async (tx) => {
      const row = await customers.read(customer, tx)
      // After the read: a sign-in that was committed before it lies before this moment.
      const at = new Date()
      const update = row === null || row.state !== 'active' ? null : change(row, at)
      if (row === null || update === null) return false
      const head = event === null ? row.audit : await audit.inCustomerChain(tx, customer, row.audit, event, at)
      if (update.$set?.tokensValidFrom !== undefined) await endSessionsBefore(jobs, tx, customer, at)
      return customers.update(tx, customer, { ...update, $set: { ...update.$set, audit: head } })
    })
  }

  return {
    raise: (customer: CustomerKey, why: Alert['why'], event: AuditEvent): Promise<boolean> =>
      // The one that stands first stays: what came later may ask for less.
      write(customer, event, ({ alert }, since) => ({ $set: { alert: alert ?? ({ since, why } satisfies Alert) } })),

    /** The customer says that a device is not theirs: it goes, and so does everything that was issued. The sessions are for the caller to end. */
    disown: (customer: CustomerKey, device: string): Promise<boolean> =>
      write(customer, { type: 'device.disowned', client: null, actor: 'customer' }, (row, since) => ({
        $set: {
          alert: { since, why: 'notMe' } satisfies Alert,
          tokensValidFrom: since,
          devices: (row.devices ?? []).filter(({ id }) => id !== device),
        },
      })),

    answer: (customer: CustomerKey): Promise<boolean> => write(customer, null, (row) => (row.alert === undefined ? null : { $unset: { alert: '' } })),
  }
}

export type Alerts = ReturnType<typeof alerts>
