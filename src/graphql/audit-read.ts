import type { AuditEvent } from '../audit/log.ts'
import type { Policy } from '../config/policy.ts'
import type { Caller } from '../operation.ts'
import type { Operation } from './operation-context.ts'

export interface ReadAuditParts {
  readonly note: (event: AuditEvent) => Promise<void>
  readonly policy: Policy
  readonly report: (error: unknown) => void
  /** Milliseconds. */
  readonly now: () => number
}

const repeatAfter = 60_000
const mostRemembered = 10_000

/**
 * What reading leaves in the audit log. Data that a tool was given is noted before it is given. Asking for what no purpose of the token
 * covers is noted at once, and while it goes on once a minute with the number of times: a storefront's page may ask it with every view.
 */
export function readAudit({ note, policy, report, now }: ReadAuditParts) {
  const denials = new Map<string, { until: number; more: number }>()

  function notYetNoted(caller: Caller, categories: readonly string[]): number {
    const key = `${caller.clientId} ${categories.join()}`
    const before = denials.get(key)
    if (before && before.until > now()) {
      before.more += 1
      return 0
    }
    if (denials.size >= mostRemembered) denials.clear()
    denials.set(key, { until: now() + repeatAfter, more: 0 })
    return 1 + (before?.more ?? 0)
  }

  return async function read(operation: Operation): Promise<void> {
    const { caller, shown } = operation
    if (caller === null || shown.customers.size === 0) return
    const actor = caller.customer === null ? 'client' : 'customer'
    const fields = [...shown.sites].flatMap((site) => site.fields)
    const denied = distinct(fields.filter(({ masks }) => (masks.any & caller.purposes) === 0))
    const times = denied.length === 0 ? 0 : notYetNoted(caller, denied)
    if (times > 0) note({ type: 'access.denied', client: caller.clientId, actor, categories: denied, detail: { times } }).catch(report)
    if (caller.customer !== null) return
    const given = fields.filter(({ masks }) => (masks.any & caller.purposes) !== 0)
    const purposes = policy.namesOf(given.reduce((mask, { masks }) => mask | masks.any, 0) & caller.purposes)
    await note({ type: 'data.read', client: caller.clientId, actor, subjects: [...shown.customers], purposes, categories: distinct(given) })
  }
}

const distinct = (fields: readonly { readonly category: string }[]): string[] => [...new Set(fields.map(({ category }) => category))].sort()
