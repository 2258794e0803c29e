import { createHash } from 'node:crypto'
import { createTransport } from 'nodemailer'
import { z } from 'zod'
import { Declined, Hopeless, type JobHandler } from '../jobs/worker.ts'

export interface SmtpParts {
  /** `smtp://` (TLS is begun with STARTTLS) or `smtps://`, with user and password where there are any. */
  readonly url: string
  /** `shop@example.org` or `Shop <shop@example.org>`. */
  readonly from: string
  /** Plain SMTP, for a server on this machine. */
  readonly withoutTls: boolean
  /** Names this house in the ids of its mails. */
  readonly domain: string
  readonly now?: () => number
}

const oneLine = z.string().regex(/^[^\p{Cc}\p{Zl}\p{Zp}]+$/u)
const letter = z.strictObject({
  to: oneLine.regex(/^[^\s<>,;:"()[\]\\]+@[^\s<>,;:"()[\]\\@]+$/),
  subject: oneLine,
  text: z.string(),
  html: z.string(),
  usefulUntil: z.iso.datetime().optional(),
})

/** No phase of the exchange may take longer; the job's own time ends the whole. Milliseconds. */
const patience = 8_000

/** Hands letters to the mail server. One that it refuses for good (5xx) is parked; anything else is tried again. */
export function smtpPostman({ url, from, withoutTls, domain, now = Date.now }: SmtpParts): { readonly deliver: JobHandler; readonly close: () => void } {
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: 2,
    requireTLS: !withoutTls,
    ignoreTLS: withoutTls,
    dnsTimeout: patience,
    connectionTimeout: patience,
    greetingTimeout: patience,
    socketTimeout: patience,
    disableFileAccess: true,
    disableUrlAccess: true,
  })

  const deliver: JobHandler = async ({ id, payload }) => {
    const read = letter.safeParse(payload)
    if (!read.success) throw new Hopeless('not a letter')
    const { to, usefulUntil, ...written } = read.data
    if (usefulUntil !== undefined && Date.parse(usefulUntil) <= now()) return
    try {
      await transport.sendMail({
        ...written,
        from,
        to: { name: '', address: to },
        // The same at every try, so that mailboxes know a letter that came twice.
        messageId: `<${createHash('sha256').update(id).digest('base64url')}@${domain}>`,
        headers: { 'Auto-Submitted': 'auto-generated' }, // RFC 3834
      })
    } catch (error) {
      throw refusedForGood(error) ? new Declined('the mail server refused it') : error
    }
  }

  return { deliver, close: () => transport.close() }
}

/** A reply of 5xx about this letter (RFC 5321 4.2.1); one about us, such as a wrong password, may be put right. */
function refusedForGood(error: unknown): boolean {
  if (!(error instanceof Error) || !('responseCode' in error) || !('code' in error)) return false
  return typeof error.responseCode === 'number' && error.responseCode >= 500 && (error.code === 'EENVELOPE' || error.code === 'EMESSAGE')
}
