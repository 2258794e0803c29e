import { html, type Look, type Markup } from '../html.ts'
import type { Reduced, Result, Withheld } from '../graphql.ts'

export interface Tool {
  readonly clientId: string
  readonly secret: string
  readonly path: string
  readonly name: string
  readonly claim: string
}

/** Two clients with a purpose of their own each; the secrets are those of the demo. */
export const tools: readonly Tool[] = [
  { clientId: 'marketing', secret: 'marketing-demo-secret', path: '/', name: 'Newsletter', claim: 'People we may write to' },
  { clientId: 'ads', secret: 'ads-demo-secret', path: '/ads', name: 'Advertising', claim: 'People we may show advertisements to elsewhere' },
]

export const look: Look = { title: 'Campaign desk', accent: '#5b3a8c' }

export interface Customers {
  readonly totalCount: number | null
  readonly edges: readonly { readonly node: Row }[]
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null }
}

interface Row {
  readonly id: string
  readonly email: string | null
  readonly givenName: string | null
  readonly familyName: string | null
  readonly birthYear: number | null
  readonly postcode: string | null
  readonly traits: { readonly favouriteColours: readonly string[] | null; readonly newsletterRhythm: string | null } | null
}

const sections = [...tools, { path: '/audiences', name: 'Audiences' }]

export const top = (path: string): Markup =>
  html`<header>
    <span class="brand">${look.title}</span>
    <nav class="row">${sections.map((one) => (one.path === path ? html`<strong>${one.name}</strong>` : html`<a href="${one.path}">${one.name}</a>`))}</nav>
  </header>`

export function overview(tool: Tool, { data, errors, extensions }: Result<{ customers: Customers }>, further: boolean): Markup {
  const found = data?.customers
  const count = found?.totalCount
  return html`${top(tool.path)}
    <main>
      <h1>${tool.claim}</h1>
      ${errors && html`<p class="note">Entente refuses: ${errors.map(({ message, extensions: more }) => `${message} (${more?.code ?? 'no code'})`).join(' ')}</p>`}
      <p class="soft">
        ${typeof count === 'number' ? `${count} in all. ` : ''}Who did not agree is not in the list, not in the count, and cannot be searched for.
      </p>
      ${found && found.edges.length > 0 ? list(found) : html`<p class="note">Nobody yet. Sign in to a shop and allow it in the account centre.</p>`}
      <p class="row">
        ${further && html`<a class="button plain" href="${tool.path}">First page</a>`}${found?.pageInfo.hasNextPage && html`<a class="button" href="${`${tool.path}?after=${encodeURIComponent(found.pageInfo.endCursor ?? '')}`}">Next page</a>`}
      </p>
      ${report(extensions?.withheld ?? [], extensions?.reduced ?? [])}
    </main>
    <footer>A sample tool: client “${tool.clientId}”, signed in by secret, for one purpose.</footer>`
}

function list({ edges }: Customers): Markup {
  const row = ({ node }: Customers['edges'][number]) =>
    html`<tr>
      ${cell(node.email)}${cell(node.givenName)}${cell(node.familyName)}${cell(node.birthYear)}${cell(node.postcode)}${cell(node.traits?.favouriteColours?.join(', '))}${cell(node.traits?.newsletterRhythm)}
    </tr>`
  const names = ['E-mail', 'First name', 'Last name', 'Year of birth', 'Postcode', 'Colours', 'Rhythm']
  return table('Customers', names, edges.map(row))
}

export function table(label: string, names: readonly string[], rows: readonly Markup[]): Markup {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}">
    <table>
      <thead>
        <tr>
          ${names.map((name) => html`<th scope="col">${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`
}

function cell(value: string | number | null | undefined): Markup {
  return value == null || value === '' ? html`<td class="gone">–</td>` : html`<td><bdi>${value}</bdi></td>`
}

function report(withheld: readonly Withheld[], reduced: readonly Reduced[]): Markup | null {
  if (withheld.length + reduced.length === 0) return null
  const lines = [
    ...withheld.map(
      ({ field, category, reason, count }) =>
        html`<tr>
          <td>${field}</td>
          <td>${category}</td>
          <td>withheld: ${reason}</td>
          <td>${count}</td>
        </tr>`,
    ),
    ...reduced.map(
      ({ field, category, form, count }) =>
        html`<tr>
          <td>${field}</td>
          <td>${category}</td>
          <td>reduced: ${form}</td>
          <td>${count}</td>
        </tr>`,
    ),
  ]
  return html`<h2>What we were not told, and why</h2>
    ${table('Withheld and reduced', ['Field', 'Category', 'Why', 'Customers'], lines)}`
}
