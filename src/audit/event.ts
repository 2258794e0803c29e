import type { CustomerKey } from '../operation.ts'
import type { AuditRow } from '../storage/audit-log.ts'

/** What happened, in codes and counts: no value of anybody's profile, no token, no address. */
export interface AuditEvent {
  readonly type: AuditType
  readonly client: string | null
  readonly actor: AuditRow['actor']
  readonly subjects?: readonly CustomerKey[]
  readonly purposes?: readonly string[]
  readonly categories?: readonly string[]
  readonly detail?: Readonly<Record<string, string | number | boolean>>
}

/** Every kind of audit event, once. */
export const auditTypes = [
  'login.succeeded',
  'login.denied',
  'login.link_required',
  'customer.created',
  'customer.merged',
  'customer.merge_undone',
  'identity.linked',
  'identity.unlinked',
  'provider.event',
  'provider.event_refused',
  'profile.updated',
  'consent.changed',
  'processing.restricted',
  'export.requested',
  'export.downloaded',
  'erasure.requested',
  'erasure.cancelled',
  'customer.erased',
  'data.expired',
  'request.opened',
  'request.closed',
  'requests.overdue',
  'suppressions.overdue',
  'session.ended',
  'session.ended_everywhere',
  'device.forgotten',
  'device.disowned',
  'token.reused',
  'client.guessed',
  'factor.added',
  'factor.removed',
  'factor.locked',
  'recovery_code.used',
  'passkey.copied',
  'step_up.asked',
  'step_up.proved',
  'data.read',
  'access.denied',
  'customer.not_found',
  'factor.refused',
  'chain.broken',
  'alert.raised',
  'alert.acknowledged',
  'audit.read',
  'audit.exported',
  'audit.reported',
  'policy.changed',
  'clients.changed',
  'rules.refused',
  'job.parked',
  'client.change_proposed',
  'client.change_applied',
  'customer.looked_up',
] as const
export type AuditType = (typeof auditTypes)[number]
