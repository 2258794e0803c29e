export type ChapterName = 'logins' | 'consents' | 'reads' | 'denials' | 'rights' | 'changes' | 'alarms'

/** What a period held, in codes and counts. */
export interface Report {
  readonly controller: string
  /** ISO 8601; up to, not including. */
  readonly from: string
  readonly to: string
  readonly madeAt: string
  readonly policyVersion: string
  readonly chapters: readonly { readonly name: ChapterName; readonly rows: readonly ReportRow[] }[]
  readonly alerts: readonly { readonly rule: string; readonly times: number; readonly raisedAt: string; readonly open: boolean }[]
}

export interface ReportRow {
  readonly type: string
  readonly client: string | null
  readonly events: number
  /** Of whom it was about, each counted once an event. */
  readonly people: number
}

const titles: Readonly<Record<ChapterName, string>> = {
  logins: 'Sign-ins',
  consents: 'Consents',
  reads: 'Reads and exports of the log',
  denials: 'Denials',
  rights: 'Rights of persons: exports, erasures, requests',
  changes: 'Changes of policy, clients and customers',
  alarms: 'Alarms',
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (sign) => entities[sign] ?? '')

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '<p>None.</p>'
  const line = (cells: readonly string[], tag: 'th' | 'td') => `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`
  return `<table>${line(head, 'th')}${rows.map((row) => line(row, 'td')).join('')}</table>`
}

/** The report for people: one page that loads nothing. */
export function reportPage(report: Report): string {
  const chapters = report.chapters.map(({ name, rows }) => {
    const cells = rows.map(({ type, client, events, people }) => [type, client ?? '–', String(events), String(people)])
    return `<h2>${titles[name]}</h2>${table(['Event', 'Client', 'Events', 'People concerned'], cells)}`
  })
  const alerts = report.alerts.map(({ rule, times, raisedAt, open }) => [rule, String(times), raisedAt, open ? 'open' : 'answered'])
  return [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Audit report of ${escaped(report.controller)}</title>`,
    '<style>body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}table{border-collapse:collapse}td,th{border:1px solid #999;padding:.2em .6em;text-align:left}</style></head><body>',
    `<h1>Audit report of ${escaped(report.controller)}</h1>`,
    `<p>From ${report.from} up to ${report.to}. Made ${report.madeAt} under the policy ${escaped(report.policyVersion)}. Codes and counts only; nobody is named.</p>`,
    ...chapters,
    `<h2>Alerts</h2>${table(['Rule', 'Times', 'Raised', 'State'], alerts)}`,
    '</body></html>\n',
  ].join('\n')
}
