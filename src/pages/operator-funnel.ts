import { rateOf } from '../audit/funnel-findings.ts'
import type { LoginFunnel, LoginFunnelCell } from '../audit/funnel-resolver.ts'
import type { FunnelStep } from '../audit/login-funnel.ts'
import { funnelWords, type FunnelWords } from './funnel-words.ts'
import { html, type Html } from './html.ts'
import { barPlot, tableOf } from './plots.ts'
import { filled } from './words-safety.ts'
import type { Language } from './words.ts'

const stepsDrawn = ['shown', 'started', 'atProvider', 'factorAsked', 'finished', 'cancelled', 'failed'] as const satisfies readonly FunnelStep[]

/** The login funnel with its plots, for a page: pure, and without an outer heading of its own. */
export function funnelSection(words: FunnelWords, funnel: LoginFunnel): Html {
  const { cells, k } = funnel
  const day = (at: Date) => at.toISOString().slice(0, 10)
  const intro = html`<p class="soft">${filled(words.text, { k: String(k), from: day(funnel.from), to: day(funnel.to) })}</p>`
  if (cells.length === 0)
    return html`${intro}
      <p>${words.nothing}</p>`
  const reached = stepsDrawn.map((step) => ({ label: words.steps[step], value: sum(cells, step) })).map((bar) => ({ ...bar, said: String(bar.value) }))
  return html`${intro} ${barPlot({ id: 'funnel-steps', title: words.title, description: words.plot, bars: reached })}
  ${tableOf(
    words.title,
    [words.step, words.logins],
    reached.map(({ label, said }) => [label, said]),
  )}
  ${byProvider(words, cells)} ${outcomes(words.reasons, words, cells, 'failed')} ${outcomes(words.answers, words, cells, 'consent')}
  ${outcomes(words.took, words, cells, 'took')} ${variants(words, funnel)} ${findings(words, funnel)}`
}

const sum = (cells: readonly LoginFunnelCell[], step: FunnelStep): number => cells.reduce((total, cell) => (cell.step === step ? total + cell.count : total), 0)
const percent = (rate: number): string => `${Math.round(rate * 100)} %`

function byProvider(words: FunnelWords, cells: readonly LoginFunnelCell[]): Html {
  const ways = [...Map.groupBy(cells, ({ provider }) => provider ?? '')].filter(([provider]) => provider !== '')
  const rows = ways
    .map(([label, own]) => ({ label, came: sum(own, 'started'), through: sum(own, 'finished') }))
    .filter(({ came }) => came > 0)
    .sort((a, b) => b.came - a.came)
  const bars = rows.map((one) => ({ label: one.label, value: rateOf(one), said: percent(rateOf(one)) }))
  return html`<h3>${words.byProvider}</h3>
    ${barPlot({ id: 'funnel-ways', title: words.byProvider, description: words.plot, bars })}
    ${tableOf(
      words.byProvider,
      [words.provider, words.steps.started, words.steps.finished, words.rate],
      rows.map((one) => [one.label, String(one.came), String(one.through), percent(rateOf(one))]),
    )}`
}

function outcomes(title: string, words: FunnelWords, cells: readonly LoginFunnelCell[], step: FunnelStep): Html | null {
  const found = Map.groupBy(
    cells.filter((cell) => cell.step === step),
    ({ outcome }) => outcome ?? '',
  )
  if (found.size === 0) return null
  const rows = [...found].map(([outcome, own]) => [outcome, sum(own, step)] as const).sort((a, b) => b[1] - a[1])
  return html`<h3>${title}</h3>
    ${tableOf(
      title,
      [title, words.count],
      rows.map(([outcome, count]) => [outcome, String(count)]),
    )}`
}

function variants(words: FunnelWords, { variants: shown, comparison }: LoginFunnel): Html | null {
  if (shown.length === 0) return null
  const bars = shown.map(({ id, rate }) => ({ label: id, value: rate, said: percent(rate) }))
  const rows = shown.map((one) => [one.id, String(one.shown), String(one.arrived), percent(one.rate)])
  const told =
    comparison &&
    filled(comparison.better === null ? words.noBetter : words.better, {
      better: comparison.better ?? '',
      chi: comparison.chiSquared.toFixed(2),
      p: comparison.p.toFixed(3),
    })
  return html`<h3>${words.variants}</h3>
    ${barPlot({ id: 'funnel-variants', title: words.variants, description: words.plot, bars })}
    ${tableOf(words.variants, [words.variant, words.steps.shown, words.steps.arrived, words.rate], rows)} ${told && html`<p>${told}</p>`}`
}

function findings(words: FunnelWords, { findings: found }: LoginFunnel): Html {
  const told = found.map((one) =>
    filled(words.finding, {
      dimension: words.dimensions[one.dimension] ?? one.dimension,
      value: one.value,
      rate: percent(rateOf({ came: one.started, through: one.finished })),
      others: percent(one.others),
      lost: String(one.lost),
      mostly: mostlyWord(words, one.mostly),
    }),
  )
  return html`<h3>${words.findings}</h3>
    ${
      told.length === 0
        ? html`<p>${words.noFinding}</p>`
        : html`<ol>
            ${told.map((sentence) => html`<li>${sentence}</li>`)}
          </ol>`
    }`
}

function mostlyWord(words: FunnelWords, mostly: string): string {
  if (mostly === 'notBack') return words.notBack
  return mostly === 'cancelled' ? words.steps.cancelled : mostly.replace(/^failed/, words.steps.failed)
}

/** The same as a document of its own that loads nothing. */
export function funnelPage(language: Language, controller: string, funnel: LoginFunnel): string {
  const words = funnelWords[language]
  const look =
    'body{font:16px/1.5 sans-serif;max-width:48em;margin:2em auto;padding:0 1em}table{border-collapse:collapse}td,th{border:1px solid #999;padding:.2em .6em;text-align:left}'
  return html`<!doctype html>
    <html lang="${language}">
      <head>
        <meta charset="utf-8" />
        <title>${words.title} · ${controller}</title>
        <style>
          ${look}
        </style>
      </head>
      <body>
        <main>
          <h1>${words.title}</h1>
          <p>${controller}</p>
          <h2>${words.logins}</h2>
          ${funnelSection(words, funnel)}
        </main>
      </body>
    </html>`.text
}
