import type { AuditStore } from '../storage/audit-log.ts'
import type { AuditLog } from './log.ts'

export interface ChangeParts {
  readonly events: Pick<AuditStore, 'find'>
  readonly audit: Pick<AuditLog, 'note'>
  /** By which rules the house runs now: a digest each, without secrets. */
  readonly now: { readonly 'policy.changed': () => string; readonly 'clients.changed': () => string }
}

const types = ['policy.changed', 'clients.changed'] as const

/**
 * Notes in the audit log when the policy or the clients are others than the log says. Two processes that notice it in the same instant
 * may both note it, with the same digest.
 */
export function noteChanges({ events, audit, now }: ChangeParts): () => Promise<void> {
  const known = new Map<string, string>()
  return async () => {
    for (const type of types) {
      const digest = now[type]()
      if (known.get(type) === digest) continue
      const [last] = await events.find({ types: [type] }, null, 1)
      if (last?.detail['digest'] !== digest) await audit.note({ type, client: null, actor: 'system', detail: { digest } })
      known.set(type, digest)
    }
  }
}
