import { createHash } from 'node:crypto'
import { byOperator, type Caller } from '../operation.ts'
import type { AlertStore } from '../storage/alerts.ts'
import type { AuditStore, AuditTally } from '../storage/audit-log.ts'
import type { AuditType } from './event.ts'
import type { AuditLog } from './log.ts'
import { reportPage, type ChapterName, type Report, type ReportRow } from './report-page.ts'

const chapters = {
  logins: [
    'customer.created',
    'login.succeeded',
    'login.denied',
    'login.link_required',
    'step_up.asked',
    'step_up.proved',
    'factor.refused',
    'factor.locked',
    'token.reused',
  ],
  consents: ['consent.changed', 'processing.restricted'],
  reads: ['data.read', 'customer.looked_up', 'audit.read', 'audit.exported', 'audit.reported'],
  denials: ['access.denied', 'customer.not_found', 'provider.event_refused'],
  rights: [
    'export.requested',
    'export.downloaded',
    'erasure.requested',
    'erasure.cancelled',
    'customer.erased',
    'data.expired',
    'request.opened',
    'request.closed',
  ],
  changes: [
    'policy.changed',
    'clients.changed',
    'rules.refused',
    'client.change_proposed',
    'client.change_applied',
    'customer.merged',
    'customer.merge_undone',
  ],
  alarms: ['alert.raised', 'alert.acknowledged', 'chain.broken', 'requests.overdue', 'suppressions.overdue', 'job.parked'],
} as const satisfies Record<ChapterName, readonly AuditType[]>
const chapterNames = ['logins', 'consents', 'reads', 'denials', 'rights', 'changes', 'alarms'] as const satisfies readonly ChapterName[]

export interface ReportParts {
  readonly events: Pick<AuditStore, 'tally'>
  readonly alerts: Pick<AlertStore, 'raisedBetween'>
  readonly audit: Pick<AuditLog, 'note'>
  readonly policy: { readonly version: string; readonly controller: { readonly name: string } }
  readonly sign: (claims: Record<string, unknown>, type: string) => Promise<string>
  readonly now: () => Date
}

/** A report in two forms, and a JWS over the SHA-256 of both, which `verify/entente-verify.mjs` checks where all three lie together. */
export interface SignedReport {
  readonly html: string
  readonly json: string
  readonly signature: (names: { readonly html: string; readonly json: string }) => Promise<string>
}

/** Tells a period for an authority or an auditor; that it was told, and to which operator, is in the audit log before it is. */
export function auditReport({ events, alerts, audit, policy, sign, now }: ReportParts) {
  return async function report(from: Date, to: Date, by: Caller | null): Promise<SignedReport> {
    const detail = { from: from.toISOString(), to: to.toISOString() }
    const asker =
      by === null
        ? ({ client: null, actor: 'system', detail } as const)
        : ({ client: by.clientId, actor: 'client', detail: { ...detail, ...byOperator(by) } } as const)
    await audit.note({ type: 'audit.reported', ...asker })
    const tallies = await events.tally(from, to)
    const raised = await alerts.raisedBetween(from, to)
    const said: Report = {
      controller: policy.controller.name,
      ...detail,
      madeAt: now().toISOString(),
      policyVersion: policy.version,
      chapters: chapterNames.map((name) => ({ name, rows: rowsOf(tallies, chapters[name]) })),
      alerts: raised.map(({ rule, times, raisedAt, open }) => ({ rule, times, raisedAt: raisedAt.toISOString(), open })),
    }
    const [json, html] = [`${JSON.stringify(said, null, 2)}\n`, reportPage(said)]
    const digest = (text: string) => createHash('sha256').update(text).digest('base64url')
    const claims = { iat: Math.floor(now().getTime() / 1000), ...detail }
    return { html, json, signature: (names) => sign({ ...claims, files: { [names.html]: digest(html), [names.json]: digest(json) } }, 'entente-report+jwt') }
  }
}

function rowsOf(tallies: readonly AuditTally[], types: readonly string[]): ReportRow[] {
  return types.flatMap((type) => tallies.filter((one) => one.type === type))
}
