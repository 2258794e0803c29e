import { clientChanges } from '../access/client-changes.ts'
import { clientChangesDoor } from '../access/client-changes-door.ts'
import { alertsDoor } from '../audit/alerts-door.ts'
import { auditDoor } from '../audit/door.ts'
import { auditReads } from '../audit/reads.ts'
import type { House } from './house.ts'

/** What GraphQL offers to operators. */
export function openOperators({ storage, audit, registry, subjects, cursorKey, operators, policy, clients }: House) {
  const { db, rows } = storage
  const now = () => new Date()
  const inFile = new Set(clients.map(({ id }) => id))
  const isInFile = (client: string): boolean => inFile.has(client)
  const changes = clientChanges({ db, ...rows, audit, operators, policy, isInFile, refresh: () => registry.refresh(), now })
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
