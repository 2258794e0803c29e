import { clientHooks } from '../access/consent-events.ts'
import { segmentHooks, tellsOfSegment } from '../access/segment-hooks.ts'
import { alertHooks } from '../access/alert-hooks.ts'
import { eventWork } from '../broker/events/inbox.ts'
import { guardedPost } from '../broker/guarded-post.ts'
import { revokeGrant } from '../broker/revoke-grant.ts'
import { jobNotices, reportDefect } from '../http/notices.ts'
import { jobWorker } from '../jobs/worker.ts'
import { hearProvider } from '../linking/provider-event.ts'
import { smtpPostman } from '../mail/smtp.ts'
import type { Doors } from './doors.ts'

/** What follows from changes, done after their commit by whichever process comes first. */
export function openWork(opened: AsyncDisposableStack, doors: Doors): void {
  const { config, log, audit, policy, storage, registry, subjects, mailCodes, linking, login, post, exportWork, openid, privacy } = doors
  const { mail } = config
  const postman = mail && opened.adopt(smtpPostman({ ...mail, domain: new URL(config.publicUrl).hostname }), (one) => one.close())
  const { post: postHook } = opened.use(guardedPost(config.providers.allowLoopback))
  const hooks = {
    jobs: storage.jobs,
    clients: registry,
    policy,
    subjects,
    issuer: `${config.publicUrl}/oidc`,
    sign: openid.signingKeys.sign,
    post: postHook,
    now: () => new Date(),
  }
  const tellOfConsent = clientHooks(hooks)
  const tellOfSegment = segmentHooks({ ...hooks, customers: storage.rows.customers })
  opened.use(
    jobWorker({
      jobs: storage.jobs,
      handlers: {
        ...(postman && { mail: postman.deliver }),
        mailCode: mailCodes.deliver,
        logoutToken: openid.tellOfLogout,
        endSessions: openid.endings.endBefore,
        export: exportWork,
        erase: privacy.erasures.work,
        followRules: doors.walk.work,
        forgetEvents: doors.forgetting.work,
        retention: privacy.retention.work,
        revokeGrant: revokeGrant(login.providers),
        clientHook: (job, signal) => (tellsOfSegment(job) ? tellOfSegment : tellOfConsent)(job, signal),
        alertHook: alertHooks({ sign: openid.signingKeys.sign, post: postHook, issuer: hooks.issuer, now: hooks.now }),
        providerEvent: eventWork(hearProvider({ ...linking, tell: post.toCustomer, endWay: openid.endings.endWay })),
      },
      noticed: jobNotices(log, audit),
    }),
  )
  const daily = (): void => void privacy.retention.daily().catch((error: unknown) => void reportDefect(log, error))
  daily()
  opened.adopt(setInterval(daily, 3_600_000).unref(), clearInterval)
}
