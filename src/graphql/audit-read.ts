import type { AuditEvent } from '../audit/event.ts'
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

const forgottenAfter = 60_000
const mostRemembered = 10_000

interface Vain {
  readonly until: number
  times: number
  noted: number
}

/**
 * What reading leaves in the audit log. Data that a tool was given is noted before it is given. Asking in vain, for what no purpose of the
 * token covers or for customers who are not there, is noted at once, and while it goes on whenever it has doubled: a storefront's page may
 * do it with every view, and of a burst at least half is in the log.
 */
export function readAudit({ note, policy, report, now }: ReadAuditParts) {
  const vain = new Map<string, Vain>()

  /** How many times are to be noted now; none when they wait for more. */
  function toNote(key: string, times: number): number {
    const before = vain.get(key)
    const left = before === undefined ? 0 : before.times - before.noted
    const counted = before !== undefined && before.until > now() ? before : { until: now() + forgottenAfter, times: left, noted: 0 }
    if (vain.size >= mostRemembered) vain.clear()
    vain.set(key, counted)
    counted.times += times
    const more = counted.times - counted.noted
    if (more < Math.max(1, counted.noted)) return 0
    counted.noted = counted.times
    return more
  }

  function noteVain({ clientId: client }: Caller, actor: AuditEvent['actor'], event: Pick<AuditEvent, 'type' | 'categories'>, times: number): void {
    const due = times === 0 ? 0 : toNote(`${event.type} ${client} ${event.categories?.join() ?? ''}`, times)
    if (due > 0) note({ ...event, client, actor, detail: { times: due } }).catch(report)
  }

  return async function read({ caller, shown, report: decided }: Operation): Promise<void> {
    if (caller === null) return
    const actor = caller.customer === null ? 'client' : 'customer'
    noteVain(caller, actor, { type: 'customer.not_found' }, shown.missed.size)
    if (shown.customers.size === 0) return
    const fields = [...shown.sites].flatMap((site) => site.fields)
    const denied = distinct(fields.filter(({ masks }) => (masks.any & caller.purposes) === 0))
    noteVain(caller, actor, { type: 'access.denied', categories: denied }, denied.length === 0 ? 0 : 1)
    if (caller.customer !== null) return
    const given = fields.filter(({ masks }) => (masks.any & caller.purposes) !== 0)
    const purposes = allowing(decided, policy)
    await note({ type: 'data.read', client: caller.clientId, actor, subjects: [...shown.customers], purposes, categories: distinct(given) })
  }
}

/** The purposes that opened something, in policy order: of several that could have, the first. */
function allowing(report: Operation['report'], policy: Policy): string[] {
  const used = new Set<string>()
  report.decided(({ purpose, outcome }) => {
    if (outcome !== 'withheld') used.add(purpose)
  })
  return policy.purposes.map(({ id }) => id).filter((id) => used.has(id))
}

const distinct = (fields: readonly { readonly category: string }[]): string[] => [...new Set(fields.map(({ category }) => category))].sort()
