import { newReport } from '../consent/report.ts'
import type { Reading } from '../customers/reads.ts'
import { tokenOf } from '../operation.ts'
import type { AudienceRouteParts } from '../http/audience-routes.ts'
import { audienceCursors } from '../personalization/audience-cursor.ts'
import { audienceFields, streamSite } from '../personalization/audience-fields.ts'
import { audiencePages } from '../personalization/audience-pages.ts'
import { audiences, noneShown } from '../personalization/audiences.ts'
import { snapshotsCounted } from '../personalization/snapshots.ts'
import type { House } from './house.ts'

const pageLength = 1_000
const patience = 30_000 // ms

/** What tools take out: GraphQL asks page by page, `/v1/audiences` streams. */
export function openAudiences({ storage, policy, classification, customers, subjects, audit, cursorKey, metrics }: House) {
  const { rows } = storage
  const pages = audiencePages({ store: rows.customers, changes: rows.audienceChanges, reads: customers.reads, subjects, policy, now: Date.now })
  const cursors = audienceCursors(cursorKey, Date.now)
  const door = audiences({
    pages,
    cursors,
    receivers: rows.audienceReceivers,
    note: (event) => audit.note(event),
    admitSnapshot: snapshotsCounted(Date.now),
    policy,
    now: Date.now,
  })
  const fields = audienceFields(classification)

  const open: AudienceRouteParts['open'] = async (caller, request) => {
    const given = tokenOf(caller)
    const site = streamSite(fields, request.fields, policy.maskOf([request.purpose]))
    const run = await door.begin(given, request)
    const readingOf = (): Reading => ({
      caller: given,
      plan: { siteOf: () => site },
      report: newReport(false),
      shown: noneShown(),
    })
    const told = (reading: Reading) =>
      reading.report.decided(({ purpose, outcome, fields: many }, people) => metrics.gateDecided(purpose, outcome, many * people))
    return door.pages(run, site, { readingOf, told }, pageLength)
  }
  return { door, routes: { open, patience } }
}
