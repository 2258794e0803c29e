import type { RateLimits } from '../graphql/rate-limits.ts'
import { reportDefect } from '../http/notices.ts'
import { capturing } from '../personalization/capture.ts'
import { deriver } from '../personalization/derive.ts'
import { eventsDoor } from '../personalization/events-door.ts'
import { intake } from '../personalization/intake.ts'
import { markMoves } from '../personalization/marked-customers.ts'
import { recordEvents } from '../personalization/record-events.ts'
import { segmentCalls } from '../personalization/segment-calls.ts'
import { tellSegments } from '../personalization/segment-events.ts'
import type { House } from './house.ts'

/** What people do, on its way in: for GraphQL and for Segment's tools. */
export async function openEvents({ log, metrics, policy, storage, registry, subjects }: House, rates: Pick<RateLimits, 'admitEvents' | 'admitEventsFrom'>) {
  const { db, rows, keys, jobs } = storage
  const tell = tellSegments({ jobs, clients: () => registry.all(), policy })
  const capture = capturing(policy)
  const take = intake({
    capturing: capture,
    record: recordEvents({
      db,
      ...rows,
      policy,
      capturing: capture,
      deriver: deriver(policy),
      moved: markMoves({ changes: rows.audienceChanges, policy, tell }),
      report: (error) => void reportDefect(log, error),
      now: Date.now,
    }),
    admit: rates.admitEvents,
    count: metrics.eventTaken,
    countLeftOut: metrics.eventTextsLeftOut,
    keys: { event: await keys.obtain('event/1'), anonymous: await keys.obtain('anonymous/1') },
  })
  return { take, admitFrom: rates.admitEventsFrom, calls: segmentCalls(policy, capture.knows), events: eventsDoor({ take, subjects, now: () => new Date() }) }
}
