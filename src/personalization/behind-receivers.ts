import type { AuditLog } from '../audit/log.ts'
import type { Policy } from '../config/policy.ts'
import type { AudienceReceiverStore } from '../storage/audience-receivers.ts'

export interface BehindParts {
  readonly receivers: Pick<AudienceReceiverStore, 'newlyBehind'>
  readonly audit: Pick<AuditLog, 'note'>
  readonly policy: Policy
  /** Milliseconds. */
  readonly now: () => number
}

/** Notes who was handed people and has not fetched in time who is gone: an alert looks for it. */
export const behindReceivers =
  ({ receivers, audit, policy, now }: BehindParts) =>
  async (): Promise<void> => {
    const at = now()
    for (const { client, audience } of await receivers.newlyBehind(new Date(at - policy.audiences.suppressionsWithin), new Date(at)))
      await audit.note({ type: 'suppressions.overdue', client, actor: 'system', detail: { audience } })
  }
