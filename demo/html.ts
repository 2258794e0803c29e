/** Markup made by `html`; every other value in a template is escaped. */
export class Markup {
  constructor(readonly text: string) {}
}

export type Value = string | number | null | undefined | false | Markup | readonly Value[]

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(strings.map((part, index) => part + textOf(values[index])).join(''))
}

function textOf(value: Value): string {
  if (value === null || value === undefined || value === false) return ''
  if (value instanceof Markup) return value.text
  if (typeof value === 'string' || typeof value === 'number') return String(value).replace(/[&<>"']/g, (sign) => entities[sign] ?? '')
  return value.map(textOf).join('')
}

export interface Look {
  readonly title: string
  /** A CSS colour. */
  readonly accent: string
}

/** A whole page in the look of one demo application. No scripts, nothing from elsewhere. */
export function pageOf(look: Look, styleUrl: string, body: Markup): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${look.title}</title>
        <link rel="stylesheet" href="${styleUrl}" />
      </head>
      <body>
        ${body}
      </body>
    </html>`.text
}

export const styleOf = ({ accent }: Look): string => `
:root{color-scheme:light dark;--accent:${accent};--ground:#fbfaf8;--card:#fff;--ink:#1f2328;--soft:#5c6470;--line:#e2e0db;--on:#fff}
@media (prefers-color-scheme:dark){:root{--accent:color-mix(in srgb,${accent} 45%,white);--ground:#131517;--card:#1d2023;--ink:#eceef0;--soft:#a9b0b9;--line:#363b41;--on:#111}}
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);font:1rem/1.55 system-ui,sans-serif}
header,main,footer{max-width:60rem;margin:0 auto;padding:1.1rem}header{display:flex;flex-wrap:wrap;gap:.6rem .75rem;align-items:center;justify-content:space-between}header .row{gap:.6rem .75rem}
h1{font-size:1.7rem;margin:.5rem 0}h2{font-size:1.15rem;margin:1.75rem 0 .6rem}p{margin:.4rem 0}a{color:var(--accent)}
.brand{font-weight:700;font-size:1.15rem;color:var(--accent);text-decoration:none}.soft,footer{color:var(--soft);font-size:.9rem}
.row{display:flex;flex-wrap:wrap;gap:.6rem 1rem;align-items:center}
.button{display:inline-flex;align-items:center;min-height:2.9rem;padding:.4rem 1.1rem;border-radius:10px;background:var(--accent);color:var(--on);font-weight:600;text-decoration:none;border:0;font-family:inherit;font-size:1rem;cursor:pointer}
.plain{background:none;color:var(--accent);box-shadow:inset 0 0 0 1.5px var(--accent)}
.cards{list-style:none;margin:0;padding:0;display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr))}
.card{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:1rem}.card b{display:block}.pic{display:block;width:100%;height:7rem;border-radius:10px;margin-bottom:.75rem;background:color-mix(in srgb,currentColor 10%,transparent)}
.card a{color:inherit;text-decoration:none}.card a b{text-decoration:underline;text-underline-offset:.15em}.card small{display:block;color:var(--soft)}.big .pic{height:12rem}
.yours{border:2px solid var(--accent);background:var(--card);padding:.9rem 1rem 1rem;border-radius:14px;margin:1rem 0}.yours h2{margin-top:0}.yours .card{background:var(--ground)}.yours form{margin-top:.9rem}
.green{color:#3f7d4e}.blue{color:#3a6ea8}.red{color:#b5483f}.black{color:var(--soft)}
.note{border-left:4px solid var(--accent);background:var(--card);padding:.8rem 1rem;border-radius:0 10px 10px 0;margin:1rem 0}
.note h2{margin-top:0}.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{text-align:left;padding:.5rem .8rem .5rem 0;border-bottom:1px solid var(--line);vertical-align:top}
.gone{color:var(--soft);font-style:italic}:focus-visible{outline:3px solid var(--accent);outline-offset:3px}
`
