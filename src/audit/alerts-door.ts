import { EntenteError } from '../errors.ts'
import { byOperator, type Caller, type CustomerKey } from '../operation.ts'
import type { AlertRow, AlertStore } from '../storage/alerts.ts'
import { seal, unseal } from '../storage/keys.ts'
import { outsideSubject } from './alert-told.ts'
import type { Alert, AlertsDoor } from './alerts-resolver.ts'
import type { AuditLog } from './log.ts'

export interface AlertsDoorParts {
  readonly alerts: AlertStore
  readonly audit: Pick<AuditLog, 'note'>
  readonly outward: (sector: string, customer: CustomerKey) => string
  readonly cursorKey: Buffer
  readonly now: () => Date
}

const longestPage = 200
const longestNote = 500
const label = 'alerts'

/** What the GraphQL fields about alerts call. */
export function alertsDoor({ alerts, audit, outward, cursorKey, now }: AlertsDoorParts): AlertsDoor {
  const shownTo = (caller: Caller, row: AlertRow): Alert => ({
    id: row._id,
    rule: row.rule,
    subject: subjectFor(caller, row.subject),
    times: row.times,
    firstAt: row.firstAt,
    lastAt: row.lastAt,
    categories: row.categories,
    raisedAt: row.raisedAt,
    open: row.open,
    acknowledgedAt: row.acknowledgedAt ?? null,
    acknowledgedBy: row.acknowledgedBy ?? null,
    note: row.note ?? null,
  })
  const subjectFor = (caller: Caller, subject: string): string =>
    subject.startsWith('customer:') ? `customer:${outward(caller.sector, subject.slice('customer:'.length))}` : outsideSubject(subject)
  const cursorOf = (row: AlertRow): string => seal(cursorKey, JSON.stringify([row.raisedAt.getTime(), row._id]), label)

  return {
    async list(caller, open, { first, after }) {
      if (first < 1 || first > longestPage) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'first' })
      const rows = await alerts.page(open, after === null ? null : placeOf(cursorKey, after), first + 1)
      const edges = rows.slice(0, first).map((row) => ({ node: shownTo(caller, row), cursor: cursorOf(row) }))
      return { edges, pageInfo: { hasNextPage: rows.length > first, endCursor: edges.at(-1)?.cursor ?? null } }
    },

    async acknowledge(caller, id, note) {
      if (note.length > longestNote) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'note' })
      const answered = await alerts.acknowledge(id, { at: now(), client: caller.operator?.join(' ') ?? caller.clientId, note })
      const row = await alerts.read(id)
      if (row === null) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'id' })
      if (answered)
        await audit.note({ type: 'alert.acknowledged', client: caller.clientId, actor: 'client', detail: { alert: id, rule: row.rule, ...byOperator(caller) } })
      return shownTo(caller, row)
    },
  }
}

function placeOf(key: Buffer, cursor: string): { at: Date; id: string } {
  const plain = unseal(key, cursor, label)
  if (plain === null) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'after' })
  const [at, id] = JSON.parse(plain.toString()) as [number, string]
  return { at: new Date(at), id }
}
