import { randomBytes } from 'node:crypto'
import type { Connection } from 'mongoose'
import type { AlertPolicy } from '../config/alerts.ts'
import type { JobQueue } from '../jobs/queue.ts'
import type { AlertRow, AlertStore } from '../storage/alerts.ts'
import type { AuditStore } from '../storage/audit-log.ts'
import { inTransaction } from '../storage/transaction.ts'
import { alertLetter, type AlertHouse } from './alert-letter.ts'
import { lookBack, raisedBy, type Raised } from './alert-rules.ts'
import { toldOf } from './alert-told.ts'
import type { AuditLog } from './log.ts'

export interface WatchParts {
  readonly db: Connection
  readonly events: Pick<AuditStore, 'suspicious'>
  readonly alerts: AlertStore
  readonly audit: Pick<AuditLog, 'note'>
  readonly jobs: Pick<JobQueue, 'put' | 'wake'>
  readonly policy: AlertPolicy
  readonly house: AlertHouse
  /** False when no mail server is configured. */
  readonly mails: boolean
  readonly now: () => number
}

/**
 * Looks over the suspicious events of the last hours in the audit log, which is where nothing is lost or counted twice, and raises what
 * breaks a rule: once while it is open, by mail and webhook jobs that are written with it. Processes may look at the same time.
 */
export function alertWatch({ db, events, alerts, audit, jobs, policy, house, mails, now }: WatchParts) {
  async function raise(row: AlertRow): Promise<void> {
    if (await alerts.goesOn(row)) return
    try {
      await inTransaction(db, `alert/${row.rule}/${row.subject}`, async (tx) => {
        await alerts.raise(tx, row)
        const told = toldOf(row)
        if (policy.mail !== null && mails)
          await jobs.put({ kind: 'mail', id: `alert/${row._id}`, payload: { to: policy.mail, ...alertLetter(told, house) } }, tx)
        if (policy.webhook !== null) await jobs.put({ kind: 'alertHook', id: row._id, payload: { url: policy.webhook, alert: told } }, tx)
      })
    } catch (error) {
      // Another process was first.
      if (alerts.isRaised(error)) return
      throw error
    }
    const detail = { alert: row._id, rule: row.rule, times: row.times }
    await audit.note({ type: 'alert.raised', client: null, actor: 'system', detail })
    jobs.wake()
  }

  return async function look(): Promise<void> {
    const at = now()
    const since = new Date(at - lookBack(policy))
    const answers = new Map<string, number>()
    for (const { rule, subject, acknowledgedAt } of await alerts.answeredSince(since)) {
      const key = `${rule} ${subject}`
      answers.set(key, Math.max(answers.get(key) ?? 0, acknowledgedAt?.getTime() ?? 0))
    }
    const found = raisedBy(await events.suspicious(since), policy, at, (rule, subject) => answers.get(`${rule} ${subject}`) ?? 0)
    for (const one of found) await raise(rowOf(one, new Date(at)))
  }
}

const rowOf = (raised: Raised, raisedAt: Date): AlertRow => ({
  ...raised,
  _id: randomBytes(12).toString('base64url'),
  categories: [...raised.categories],
  raisedAt,
  open: true,
})
