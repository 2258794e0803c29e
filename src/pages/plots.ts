import { html, type Html } from './html.ts'

export interface Bar {
  readonly label: string
  readonly value: number
  /** What stands beside it. */
  readonly said: string
}

const wide = 640
const left = 200
const line = 34

/**
 * Horizontal bars as an SVG that needs no script and no style of its own. Whoever cannot see it has the same numbers in the table that
 * goes with it, so to them it is one picture with a title and a sentence.
 */
export function barPlot({
  id,
  title,
  description,
  bars,
}: {
  readonly id: string
  readonly title: string
  readonly description: string
  readonly bars: readonly Bar[]
}): Html {
  const most = Math.max(1, ...bars.map(({ value }) => value))
  const height = Math.max(1, bars.length) * line + 8
  const drawn = bars.map(({ label, value, said }, row) => {
    const width = Math.round((value / most) * (wide - left - 110))
    const middle = row * line + line / 2 + 4
    return html`<text x="${left - 10}" y="${middle}" text-anchor="end" dominant-baseline="central">${shortened(label)}</text
      ><rect x="${left}" y="${middle - 10}" width="${Math.max(width, 1)}" height="20" rx="3" fill-opacity="0.65" /><text
        x="${left + Math.max(width, 1) + 8}"
        y="${middle}"
        dominant-baseline="central"
        >${said}</text
      >`
  })
  return html`<svg
    role="img"
    aria-labelledby="${id}-title ${id}-desc"
    viewBox="0 0 ${wide} ${height}"
    width="100%"
    font-size="15"
    font-family="sans-serif"
    fill="currentColor"
  >
    <title id="${id}-title">${title}</title>
    <desc id="${id}-desc">${description}</desc>
    ${drawn}
  </svg>`
}

const shortened = (label: string): string => (label.length > 24 ? `${label.slice(0, 23)}…` : label)

/** The numbers behind a plot. */
export function tableOf(caption: string, head: readonly string[], rows: readonly (readonly string[])[]): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}">
    <table>
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${head.map((word) => html`<th scope="col">${word}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ([first, ...others]) =>
            html`<tr>
              <th scope="row">${first}</th>
              ${others.map((cell) => html`<td>${cell}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}
