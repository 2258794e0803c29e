import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { simpleParser, type ParsedMail } from 'mailparser'
import { SMTPServer } from 'smtp-server'
import { mailboxPage, mailPage, style } from './pages.ts'

/** A mail as it came in, newest last. */
export interface CaughtMail {
  readonly id: number
  readonly at: string
  readonly from: string
  readonly to: readonly string[]
  readonly subject: string
  readonly text: string
  readonly html: string
  /** As they stand in the mail, names in lower case. */
  readonly headers: readonly string[]
}

export interface MailCatcher extends AsyncDisposable {
  /** For `SMTP_URL`. */
  readonly smtpUrl: string
  /** Where its pages are. */
  readonly url: string
  /** What came for this address, or for anybody. */
  mails(to?: string): readonly CaughtMail[]
  /** Refuses recipients with this reply code from now on; null takes them again. */
  refuse(code: number | null): void
}

const kept = 500
const largest = 1_000_000 // bytes

/** A mail server that delivers to nobody: it shows what it catches on a page, and as JSON at `/mails?to=`. Ports: 0 is any free one. */
export async function startMailCatcher({ smtpPort = 0, port = 0 } = {}): Promise<MailCatcher> {
  await using started = new AsyncDisposableStack()
  const caught: CaughtMail[] = []
  let refusal: number | null = null
  const smtp = new SMTPServer({
    size: largest,
    disabledCommands: ['AUTH', 'STARTTLS'],
    onRcptTo: (_address, _session, answer) => answer(refusal === null ? null : Object.assign(new Error('refused'), { responseCode: refusal })),
    onData: (stream, session, answer) => {
      const to = session.envelope.rcptTo.map(({ address }) => address)
      simpleParser(stream).then(
        (mail) => {
          caught.push(mailOf(mail, to, (caught.at(-1)?.id ?? 0) + 1))
          if (caught.length > kept) caught.shift()
          answer()
        },
        (error: unknown) => answer(error instanceof Error ? error : new Error('unreadable')),
      )
    },
  })
  smtp.on('error', () => {})
  const mails = (to?: string) => (to === undefined ? caught : caught.filter((mail) => mail.to.includes(to)))
  const smtpServer = smtp.listen(smtpPort, '127.0.0.1')
  started.defer(() => new Promise<void>((resolve) => smtp.close(() => resolve())))
  await once(smtpServer, 'listening')
  const http = createServer(({ url = '/' }, response) => answer(response, new URL(url, 'http://127.0.0.1'), mails))
  started.defer(() => closed(http))
  http.listen(port, '127.0.0.1')
  await once(http, 'listening')
  const running = started.move()
  return {
    smtpUrl: `smtp://127.0.0.1:${portOf(smtpServer)}`,
    url: `http://127.0.0.1:${portOf(http)}`,
    mails,
    refuse: (code) => {
      refusal = code
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

const mailOf = (mail: ParsedMail, to: readonly string[], id: number): CaughtMail => ({
  id,
  at: new Date().toISOString(),
  from: mail.from?.text ?? '',
  to,
  subject: mail.subject ?? '',
  text: mail.text ?? '',
  html: mail.html || '',
  headers: mail.headerLines.map(({ line }) => line),
})

function answer(response: ServerResponse, url: URL, mails: MailCatcher['mails']): void {
  const to = url.searchParams.get('to') ?? undefined
  const id = /^\/mails\/(\d+)$/.exec(url.pathname)?.[1]
  const mail = mails().find((one) => String(one.id) === id)
  if (url.pathname === '/mails') respond(response, 'application/json', JSON.stringify(mails(to)))
  else if (url.pathname === '/style.css') respond(response, 'text/css', style)
  else if (url.pathname === '/') respond(response, 'text/html; charset=utf-8', mailboxPage(mails(to), to))
  else if (mail) respond(response, 'text/html; charset=utf-8', mailPage(mail))
  else response.writeHead(404).end()
}

function respond(response: ServerResponse, type: string, body: string): void {
  const policy = "default-src 'none'; style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'"
  response.writeHead(200, { 'content-type': type, 'content-security-policy': policy, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' }).end(body)
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}

const portOf = (server: { address(): AddressInfo | string | null }): number => {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
