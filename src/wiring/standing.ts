import type { RequestListener } from 'node:http'
import type { Logger } from 'pino'
import type { AuditLog } from '../audit/log.ts'
import type { Config } from '../config/env.ts'
import { refuseMovedBases } from '../consent/moved-bases.ts'
import { refuseReusedNames } from '../consent/reused-names.ts'
import { withSeenScopes } from '../consent/scopes.ts'
import type { Metrics } from '../http/metrics.ts'
import { openDoors } from './doors.ts'
import { openHouse } from './house.ts'
import type { Rules } from './rules.ts'
import { openServer } from './server.ts'
import type { OtherParts, Storage } from './storage.ts'
import { openWatch } from './watch.ts'
import { openWork } from './work.ts'

/** What stays when the rules change. */
export interface Ground {
  readonly config: Config
  readonly log: Logger
  readonly metrics: Metrics
  readonly storage: Storage
  readonly other: OtherParts
}

/** A whole house under one set of rules: schema, plans, clients and pages, the work beside them. */
export interface Standing extends AsyncDisposable {
  readonly answer: RequestListener
  readonly audit: Pick<AuditLog, 'note'>
  /** Begins no more jobs, and waits for those under way. */
  endWork(): Promise<void>
}

export async function stand(ground: Ground, rules: Rules): Promise<Standing> {
  const opened = new AsyncDisposableStack()
  try {
    return await standOn(opened, ground, rules)
  } catch (error) {
    await opened.disposeAsync()
    throw error
  }
}

async function standOn(opened: AsyncDisposableStack, ground: Ground, { policy: written, clients, operators, further }: Rules): Promise<Standing> {
  const { rows } = ground.storage
  await refuseReusedNames(written.attributes, rows.seenAttributes)
  await refuseMovedBases(written.purposes, rows.seenScopes)
  const policy = await withSeenScopes(written, rows.seenScopes)
  const base = { ...ground, policy, clients, staff: operators, further }
  const house = { ...base, ...(await openHouse(opened, base)) }
  const doors = { ...house, ...(await openDoors(opened, house)) }
  const server = await openServer(opened, doors)
  await server.ready()
  await doors.walk.announce()
  const work = opened.use(new AsyncDisposableStack())
  openWork(work, doors)
  openWatch(work, doors)
  return {
    answer: server.routing,
    audit: house.audit,
    endWork: () => work.disposeAsync(),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
