/**
 * Indexes that were made once and have another name or shape now, by collection. They are dropped at start: nobody reads by them, and every write
 * would still pay for them. One that changes is named here with its old name.
 */
export const formerIndexes: Readonly<Record<string, readonly string[]>> = {
  audit_log: ['suspicious', 'suspicious-2', 'suspicious-3', 'cover_1_at_-1', 'at_-1', 'subjects_1_at_-1'],
}
