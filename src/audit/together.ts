import type { CustomerKey } from '../operation.ts'
import { mostOfTheirOwn } from '../storage/audit-cover.ts'
import type { AuditEvent } from './event.ts'

interface Noted {
  readonly event: AuditEvent
  readonly at: Date
}

/**
 * What is noted at once, as rows. Reads of one client, for the same and of the same, are one row, as those of a list are: its first time, all
 * its customers. Nobody is named twice in it, so no read is lost in another, and no more than are found by their own keys.
 */
export function together(noted: readonly Noted[]): Noted[] {
  const rows: Noted[] = []
  const open = new Map<string, CustomerKey[]>()
  for (const { event, at } of noted) {
    const kind = kindOf(event)
    const subjects = [...(event.subjects ?? [])]
    const before = kind === null ? undefined : open.get(kind)
    if (before !== undefined && before.length + subjects.length <= mostOfTheirOwn && !subjects.some((one) => before.includes(one))) {
      before.push(...subjects)
      continue
    }
    if (kind !== null) open.set(kind, subjects)
    rows.push({ event: { ...event, subjects }, at })
  }
  return rows
}

/** What may stand in one row; null for what stands alone. */
function kindOf({ type, client, actor, subjects = [], purposes, categories, detail }: AuditEvent): string | null {
  return type === 'data.read' && detail === undefined && subjects.length > 0 ? JSON.stringify([client, actor, purposes, categories]) : null
}
