import { createHash, randomUUID } from 'node:crypto'
import { alertWatch } from '../audit/alert-watch.ts'
import { noteChanges } from '../audit/changes.ts'
import { checkpoints } from '../audit/checkpoints.ts'
import { hashOf } from '../audit/log.ts'
import { ledgerHash } from '../consent/ledger.ts'
import { reportDefect } from '../http/notices.ts'
import type { Client } from '../config/clients.ts'
import { behindReceivers } from '../personalization/behind-receivers.ts'
import { followUp } from '../personalization/follow-up.ts'
import { refreshMemberships } from '../personalization/refresh-memberships.ts'
import type { Doors } from './doors.ts'
import { clockWatch } from './clock-watch.ts'
import { repeatedly } from './repeatedly.ts'

const looksEvery = 2_000 // ms

/** What the house does to itself: puts its records under a signature now and then, and looks for what an operator should see. */
export function openWatch(opened: AsyncDisposableStack, { config, log, policy, storage, audit, registry, openid }: Doors): void {
  const { db, rows, proofs, jobs } = storage
  const stopping = new AbortController()
  const proof = checkpoints({
    db,
    store: proofs,
    leases: rows.leases,
    audit,
    hashOf: { audit: hashOf, ledger: ledgerHash },
    sign: openid.signingKeys.sign,
    publicKeys: () => openid.signingKeys.current().published,
    every: policy.checkpointEvery,
    stopping: stopping.signal,
    now: Date.now,
  })
  const look = alertWatch({
    db,
    events: rows.events,
    alerts: rows.operatorAlerts,
    audit,
    jobs,
    policy: policy.alerts,
    house: { name: policy.controller.name, locale: policy.defaultLocale },
    mails: config.mail !== undefined,
    now: Date.now,
  })
  const changes = noteChanges({
    events: rows.events,
    audit,
    now: { 'policy.changed': () => policy.version, 'clients.changed': () => digestOf(registry.all()) },
  })
  const refresh = refreshMemberships({
    db,
    customers: rows.customers,
    leases: rows.leases,
    followUp: followUp(policy),
    holder: randomUUID(),
    now: () => new Date(),
  })
  const tellBehind = behindReceivers({ receivers: rows.audienceReceivers, audit, policy, now: Date.now })
  const lookAtClock = clockWatch({
    wall: Date.now,
    passed: () => performance.now(),
    jumped: (seconds) => log.error({ seconds }, 'the clock of this machine jumped'),
  })
  const failed = (error: unknown): void => void reportDefect(log, error)
  opened.use(
    repeatedly(looksEvery, failed, async () => {
      lookAtClock()
      await changes()
      await tellBehind()
      await refresh()
      await look()
    }),
  )
  // By itself: among a million customers it takes minutes, which nothing else waits for.
  opened.use(repeatedly(looksEvery, failed, async () => void (await proof.make('when due'))))
  // Disposed of before what repeats, which waits for the work under way.
  opened.defer(() => stopping.abort())
}

/** Of what clients may do; their secrets are in no log. */
const digestOf = (clients: readonly Client[]): string =>
  createHash('sha256')
    .update(JSON.stringify(clients.map((client) => ({ ...client, secret: null })).sort((a, b) => (a.id < b.id ? -1 : 1))))
    .digest('hex')
