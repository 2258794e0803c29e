import { randomBytes } from 'node:crypto'
import type { Connection } from 'mongoose'
import type { AuditLog } from '../audit/log.ts'
import { addDuration } from '../config/duration.ts'
import { EntenteError } from '../errors.ts'
import { byOperator, type Caller, type CustomerKey } from '../operation.ts'
import type { CustomerStore } from '../storage/customers.ts'
import type { PrivacyRequestRow, PrivacyRequestStore, RequestKind, RequestOutcome } from '../storage/privacy-requests.ts'
import { inTransaction, type Tx } from '../storage/transaction.ts'
import type { Erasures } from './erasure.ts'
import { namesOneOf, reasonIn } from './look-up.ts'

export interface PrivacyRequestParts {
  readonly db: Connection
  readonly requests: PrivacyRequestStore
  readonly customers: Pick<CustomerStore, 'read' | 'update'>
  readonly audit: Pick<AuditLog, 'inCustomerChain'>
  readonly erasures: Pick<Erasures, 'ask'>
  readonly now: () => Date
}

/** What came of a request. */
export interface Closing {
  readonly outcome: RequestOutcome
  /** To the person, why not; or why somebody is erased, without naming them. */
  readonly answer: string | null
  /** That it is known what it does. */
  readonly confirm: boolean
}

const longestText = 500
const saturday = 6

/** One month, and no end on a weekend (Art. 12(3) GDPR; Regulation 1182/71, Art. 3). Public holidays differ from place to place and are not counted. */
export function deadlineAfter(at: Date): Date {
  const due = addDuration(at, 'P1M')
  const day = due.getUTCDay()
  return day === 0 || day === saturday ? addDuration(due, day === saturday ? 'P2D' : 'P1D') : due
}

/** Requests on behalf of people who asked by other ways: opened by an operator who has made sure who it is, closed with what came of it. */
export function privacyRequests({ db, requests, customers, audit, erasures, now }: PrivacyRequestParts) {
  async function noted(
    tx: Tx,
    customer: CustomerKey,
    caller: Caller,
    type: 'request.opened' | 'request.closed',
    detail: Readonly<Record<string, string>>,
  ): Promise<boolean> {
    const row = await customers.read(customer, tx)
    if (row === null || row.state !== 'active') return false
    if (detail['reason'] !== undefined && namesOneOf(detail['reason'], row))
      throw new EntenteError('BAD_USER_INPUT', { why: 'the reason names the person' }, { field: 'answer' })
    const head = await audit.inCustomerChain(
      tx,
      customer,
      row.audit,
      { type, client: caller.clientId, actor: 'client', detail: { ...detail, ...byOperator(caller) } },
      now(),
    )
    return customers.update(tx, customer, { $set: { audit: head } })
  }

  return {
    /** BAD_USER_INPUT for somebody who is not there, and without a reason. */
    async open(caller: Caller, kind: RequestKind, customer: CustomerKey, reason: string): Promise<PrivacyRequestRow> {
      const openedAt = now()
      const row = {
        _id: randomBytes(16).toString('base64url'),
        kind,
        customer,
        reason: said(reason, 'reason'),
        openedAt,
        openedBy: caller.clientId,
        dueAt: deadlineAfter(openedAt),
      }
      await inTransaction(db, customer, async (tx) => {
        if (!(await noted(tx, customer, caller, 'request.opened', { request: row._id, kind })))
          throw new EntenteError('BAD_USER_INPUT', {}, { field: 'customerId' })
        await requests.insert(tx, row)
      })
      return row
    },

    /**
     * Done or refused, the latter with why (Art. 12(4)). An erasure that is `done` is carried out by this, at once: only when it is confirmed,
     * and with a reason, which stays in the log of somebody who is erased. BAD_USER_INPUT when it is unknown or closed already.
     */
    async close(caller: Caller, id: string, { outcome, answer, confirm }: Closing): Promise<PrivacyRequestRow> {
      const row = await requests.read(id)
      if (row === null) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'id' })
      const erases = row.kind === 'erasure' && outcome === 'done'
      if (erases && !confirm) throw new EntenteError('BAD_USER_INPUT', { why: 'not confirmed' }, { field: 'confirm' })
      const reason = erases ? { reason: reasonIn(answer ?? '', 'answer') } : {}
      const closing = { closedAt: now(), closedBy: caller.clientId, outcome, ...(outcome === 'refused' && { answer: said(answer ?? '', 'answer') }) }
      const isActive = await inTransaction(db, row.customer, async (tx) => {
        if (!(await requests.close(tx, id, closing))) throw new EntenteError('BAD_USER_INPUT', { why: 'closed already' }, { field: 'id' })
        return noted(tx, row.customer, caller, 'request.closed', { request: id, kind: row.kind, outcome, ...reason })
      })
      if (isActive && erases) await erasures.ask(row.customer, { client: caller.clientId, actor: 'client' }, 'P0D')
      return { ...row, ...closing }
    },

    list: (open: boolean, first: number): Promise<PrivacyRequestRow[]> => requests.list(open, first),
  }
}

export type PrivacyRequests = ReturnType<typeof privacyRequests>

function said(text: string, field: string): string {
  const words = text.trim()
  if (words === '' || words.length > longestText) throw new EntenteError('BAD_USER_INPUT', {}, { field })
  return words
}
