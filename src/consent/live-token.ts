import type { Caller } from '../operation.ts'
import type { GatedRow } from '../storage/customers.ts'

/** Whether the token still counts for the customer it stands for: found out by the read that brings the data, on every node at once. */
export function tokenLives(row: Pick<GatedRow, 'state' | 'tokensValidFrom' | 'endedGrants'>, caller: Caller): boolean {
  if (row.state !== 'active' || !(row.tokensValidFrom instanceof Date) || caller.issuedAt < row.tokensValidFrom.getTime()) return false
  return caller.grant === null || !row.endedGrants.some(({ grant }) => grant === caller.grant)
}
