import { alertWatch } from '../audit/alert-watch.ts'
import { checkpoints } from '../audit/checkpoints.ts'
import { hashOf } from '../audit/log.ts'
import { ledgerHash } from '../consent/ledger.ts'
import { reportDefect } from '../http/notices.ts'
import type { Doors } from './doors.ts'

const looksEvery = 2_000 // ms

/** What the house does to itself: puts its records under a signature now and then, and looks for what an operator should see. */
export function openWatch(opened: AsyncDisposableStack, { config, log, policy, storage, audit, openid }: Doors): void {
  const { db, rows, proofs, jobs } = storage
  const proof = checkpoints({
    db,
    store: proofs,
    leases: rows.leases,
    audit,
    hashOf: { audit: hashOf, ledger: ledgerHash },
    sign: openid.signingKeys.sign,
    publicKeys: () => openid.signingKeys.current().published,
    every: policy.checkpointEvery,
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
  opened.use(
    repeatedly(looksEvery, (error) => void reportDefect(log, error), async () => {
      await proof.make('when due')
      await look()
    }),
  )
}

/** One after the other, and none left running behind the end. */
function repeatedly(milliseconds: number, failed: (error: unknown) => void, work: () => Promise<void>): AsyncDisposable {
  let running: Promise<void> | null = null
  const timer = setInterval(() => {
    running ??= work()
      .catch(failed)
      .finally(() => {
        running = null
      })
  }, milliseconds).unref()
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await running
    },
  }
}
