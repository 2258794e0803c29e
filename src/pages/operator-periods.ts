import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { archiveOf } from '../privacy/export-archive.ts'
import { funnelWords } from './funnel-words.ts'
import { html, type Html } from './html.ts'
import { viewFor } from './layout.ts'
import type { Overview } from './operator-data.ts'
import { funnelSection } from './operator-funnel.ts'
import { asOperator, operate, sendBeside } from './operator-session.ts'
import { operatorWords } from './operator-words.ts'
import type { OperatorParts } from './parts.ts'
import type { Language } from './words.ts'

const day = 86_400_000 // ms
const usualDays = 28

/** A day of a form, or nothing. */
export const dayIn = z.union([z.iso.date(), z.literal('')])

/** From the beginning of the first day up to the end of the last, in UTC, as the API takes it; null where a day was left out. */
export function periodOf({ from, to }: { readonly from: string; readonly to: string }): { readonly from: string | null; readonly to: string | null } {
  return { from: from === '' ? null : new Date(from).toISOString(), to: to === '' ? null : new Date(Date.parse(to) + day).toISOString() }
}

export const dayField = (id: string, name: 'from' | 'to', label: string, value: string): Html =>
  html`<div class="field"><label for="${id}">${label}</label><input id="${id}" type="date" name="${name}" value="${value}" /></div>`

/** Where no day is named: four weeks up to today. */
function usualPeriod(now: Date): { readonly from: string; readonly to: string } {
  const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10)
  return { from: dayOf(now.getTime() - (usualDays - 1) * day), to: dayOf(now.getTime()) }
}

function dayFields(language: Language, of: 'report' | 'funnel', { from, to }: { readonly from: string; readonly to: string }): Html {
  const words = operatorWords[language].log
  return html`<div class="fields">${dayField(`${of}-from`, 'from', words.from, from)} ${dayField(`${of}-to`, 'to', words.to, to)}</div>`
}

export function reportSection({ parts, view: { language }, token }: Overview): Html {
  const words = operatorWords[language].report
  return html`<p class="soft">${words.text}</p>
    <form method="post" action="/operator/report">
      ${token}${dayFields(language, 'report', usualPeriod(parts.now()))}<button class="button fit">${words.button}</button>
    </form>`
}

export function funnelSectionForm({ parts, view: { language } }: Overview): Html {
  const words = operatorWords[language].funnel
  return html`<p class="soft">${words.text}</p>
    ${funnelForm(language, usualPeriod(parts.now()))}`
}

const funnelForm = (language: Language, period: { readonly from: string; readonly to: string }): Html =>
  html`<form method="get" action="/operator/funnel">
    ${dayFields(language, 'funnel', period)}<button class="button fit">${operatorWords[language].funnel.button}</button>
  </form>`

const period = z.object({ from: z.iso.date(), to: z.iso.date() })
const datesOf = ({ from, to }: z.infer<typeof period>): readonly [Date, Date] => [new Date(from), new Date(Date.parse(to) + day)]

/** What is told of a period: `/operator/report` as a file, `/operator/funnel` as a page. */
export function periodPages(app: FastifyInstance, parts: OperatorParts): void {
  app.post('/operator/report', (request, reply) =>
    operate(parts, request, reply, period, async (asked, { token }) => {
      const files = await parts.auditReport(...datesOf(asked), token)
      const pieces = archiveOf(
        files.map(({ name, text }) => ({ name, text: () => [text] })),
        parts.now(),
        () => Promise.resolve(),
      )
      return reply
        .headers({
          'cache-control': 'no-store',
          'content-type': 'application/zip',
          'content-disposition': `attachment; filename="report-${asked.from}-${asked.to}.zip"`,
          'content-security-policy': "default-src 'none'; sandbox",
          'cross-origin-resource-policy': 'same-origin',
          'referrer-policy': 'no-referrer',
          'x-content-type-options': 'nosniff',
        })
        .send(Readable.from(pieces))
    }),
  )
  app.get('/operator/funnel', (request, reply) =>
    asOperator(parts, request, reply, async ({ token }) => {
      const asked = period.safeParse(request.query).data ?? usualPeriod(parts.now())
      const funnel = await parts.loginFunnel(...datesOf(asked), token)
      const view = viewFor(parts, request, reply)
      const body = html`${funnelForm(view.language, asked)} ${funnelSection(funnelWords[view.language], funnel)}`
      return sendBeside(parts, reply, view, operatorWords[view.language].funnel.title, body)
    }),
  )
}
