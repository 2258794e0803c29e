import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Alerts } from '../access/alerts.ts'
import type { OpenIdEvent } from '../access/openid-configuration.ts'
import type { AuditLog } from '../audit/log.ts'
import type { JobNotice } from '../jobs/worker.ts'
import { nameOf } from './server.ts'

/** Writes a defect to the log, without its message, which may repeat what somebody sent; answers the reference it is found under. */
export function reportDefect(log: Logger, error: unknown): string {
  const reference = randomUUID()
  log.error({ reference, error: nameOf(error) }, 'defect')
  return reference
}

/** What the OpenID provider notices: defects go to the log, what an operator should see to the audit log. */
export function openIdNotices(log: Logger, audit: Pick<AuditLog, 'note'>, alerts: Pick<Alerts, 'raise'>) {
  return (event: OpenIdEvent): void => {
    if (event.type === 'failed') {
      log.error({ error: nameOf(event.error) }, 'openid provider')
      return
    }
    log.warn(event.type === 'token.reused' ? { type: event.type, client: event.client } : event, 'openid provider')
    if (event.type === 'client.guessed')
      audit.note({ type: 'client.guessed', client: event.client, actor: 'client' }).catch((error: unknown) => void reportDefect(log, error))
    if (event.type !== 'token.reused') return
    const reused = { type: 'token.reused', client: event.client, actor: 'client' } as const
    const told = event.customer === null ? audit.note(reused) : alerts.raise(event.customer, 'tokenReuse', reused)
    told.catch((error: unknown) => void reportDefect(log, error))
  }
}

/** What the queue notices, for the log; a parked job waits for a person and is in the audit log as well, where alerts are made from. */
export function jobNotices(log: Logger, audit: Pick<AuditLog, 'note'>) {
  return async (notice: JobNotice): Promise<void> => {
    const { error, ...job } = notice
    const said = { ...job, error: nameOf(error) }
    if (notice.type !== 'job.parked') return log.warn(said, 'job')
    log.error(said, 'job')
    const { kind, attempts } = notice
    await audit.note({ type: 'job.parked', client: null, actor: 'system', detail: { kind, attempts } })
  }
}
