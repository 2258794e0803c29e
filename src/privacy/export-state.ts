import type { CustomerRow } from '../storage/customers.ts'
import type { ExportRow, ReadyExport } from '../storage/exports.ts'

export type ExportState = 'PENDING' | 'READY' | 'EXPIRED' | 'FAILED'

type Standing = Pick<CustomerRow, 'state' | 'tokensValidFrom'>

/** Whether nobody may have it: its time is over, or the person has signed out everywhere since it was asked for, or is somebody no more. */
export const isVoid = (row: ExportRow, person: Standing, now: number): boolean =>
  person.state !== 'active' || row.expiresAt.getTime() <= now || row.requestedAt < person.tokensValidFrom

export function stateOf(row: ExportRow, person: Standing, now: number): ExportState {
  if (row.state === 'failed') return 'FAILED'
  if (!isVoid(row, person, now)) return row.state === 'ready' ? 'READY' : 'PENDING'
  return row.state === 'ready' ? 'EXPIRED' : 'FAILED'
}

export const isReady = (row: ExportRow): row is ReadyExport => row.state === 'ready' && row.size !== undefined && row.chunks !== undefined
