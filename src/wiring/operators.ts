import { clientChanges } from '../access/client-changes.ts'
import { clientChangesDoor } from '../access/client-changes-door.ts'
import type { OpenIdProvider } from '../access/openid-provider.ts'
import { alertsDoor } from '../audit/alerts-door.ts'
import { auditDoor } from '../audit/door.ts'
import { auditReads } from '../audit/reads.ts'
import { auditReport } from '../audit/report.ts'
import { reportFiles } from '../audit/report-files.ts'
import { EntenteError } from '../errors.ts'
import type { Caller } from '../operation.ts'
import type { House } from './house.ts'

/** What GraphQL offers to operators. */
export function openOperators({ storage, audit, registry, subjects, cursorKey, operators, policy, clients }: House) {
  const { db, rows } = storage
  const now = () => new Date()
  const inFile = new Set(clients.map(({ id }) => id))
  const isInFile = (client: string): boolean => inFile.has(client)
  const isTaken = (name: string): boolean => registry.all().some(({ id, sector }) => id === name || sector === name)
  const changes = clientChanges({ db, ...rows, audit, operators, policy, isInFile, isTaken, refresh: () => registry.refresh(), now })
  return {
    alerts: alertsDoor({
      alerts: rows.operatorAlerts,
      audit,
      outward: (sector, customer) => subjects.outwardOne(sector, customer),
      cursorKey,
      now,
    }),
    audit: auditDoor({ reads: auditReads(rows.events, cursorKey), audit, subjects }),
    clientChanges: clientChangesDoor({ changes, clients: () => registry.all(), isInFile, policy, now }),
  }
}

const longestReport = 400 * 86_400_000 // ms

/** The signed report of a period, for the page of operators. BAD_USER_INPUT for one that is empty or longer than 400 days. */
export function openReports({ storage, audit, policy }: House, { signingKeys }: OpenIdProvider) {
  const now = () => new Date()
  const report = auditReport({ events: storage.rows.events, alerts: storage.rows.operatorAlerts, audit, policy, sign: signingKeys.sign, now })
  const filesOf = reportFiles({ report, keys: storage.proofs, publicKeys: () => signingKeys.current().published, now })
  return (from: Date, to: Date, by: Caller) => {
    if (from >= to || to.getTime() - from.getTime() > longestReport) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'from' })
    return filesOf('report', from, to, by)
  }
}
