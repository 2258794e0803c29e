import type { Connection } from 'mongoose'
import type { AuditLog } from '../audit/log.ts'
import type { Policy } from '../config/policy.ts'
import { unexplained } from '../consent/unexplained.ts'
import type { CustomerKey } from '../operation.ts'
import type { LedgerStore } from '../storage/consent-ledger.ts'
import type { CustomerRow, CustomerStore } from '../storage/customers.ts'
import { inTransaction } from '../storage/transaction.ts'

export interface DecisionCheckParts {
  readonly db: Connection
  readonly customers: Pick<CustomerStore, 'read'>
  readonly ledger: Pick<LedgerStore, 'read'>
  readonly audit: Pick<AuditLog, 'note'>
  readonly policy: Policy
}

const mostNamed = 20

/** Looks for decisions in force that nobody's ledger accounts for: an import, a migration or a shell wrote them. */
export function decisionCheck({ db, customers, ledger, audit, policy }: DecisionCheckParts) {
  async function isExplained({ _id, decisions, ledger: head }: CustomerRow): Promise<boolean> {
    if (unexplained(decisions, head.seq === 0 ? [] : await ledger.read(_id), policy).length === 0) return true
    // A decision may have come between the two reads.
    return inTransaction(db, _id, async (tx) => {
      const row = await customers.read(_id, tx)
      return row === null || row.state !== 'active' || unexplained(row.decisions, await ledger.read(_id, tx), policy).length === 0
    })
  }

  return {
    isExplained,

    /** One event, however many there are: they come of one mistake. Raises the alert `chainBroken`. */
    async tell(found: readonly CustomerKey[]): Promise<void> {
      if (found.length === 0) return
      const detail = { kind: 'decisions', customers: found.length }
      await audit.note({ type: 'chain.broken', client: null, actor: 'system', subjects: found.slice(0, mostNamed), detail })
    },
  }
}
