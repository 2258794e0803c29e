/** Collections that the house looks at and writes of its own accord, and not because somebody asked: the queue, proofs, alerts and counts. */
export const byTheClock: ReadonlySet<string> = new Set([
  'jobs',
  'leases',
  'ledger_checkpoints',
  'checkpoint_heads',
  'published_keys',
  'alerts',
  'login_funnel',
  'audience_receivers',
])

/** The sweep for memberships that time alone changes. */
export const isSweep = (filter: unknown): boolean => typeof filter === 'object' && filter !== null && 'membershipsDue' in filter
