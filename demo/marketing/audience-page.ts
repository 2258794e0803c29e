import { html, type Markup } from '../html.ts'
import { table, top } from './pages.ts'

export interface Held {
  readonly email?: string | null
  readonly givenName?: string | null
  readonly familyName?: string | null
  /** Why this person was called back; then nothing else is kept of them. */
  readonly gone?: string
}

/** What this tool took out and still answers for. */
export interface Holding {
  readonly people: Map<string, Held>
  /** Where the next fetch goes on. */
  readonly cursor: string
  readonly at: Date
  /** What the last fetch brought. */
  readonly came: number
  readonly gone: number
}

export const segments = [
  { id: 'winter_sport', name: 'Likes winter sports' },
  { id: 'regulars', name: 'Buys regularly' },
] as const

export function audiencePage(chosen: string, holding: Holding | undefined): Markup {
  const name = segments.find(({ id }) => id === chosen)?.name ?? ''
  const label = holding ? 'Fetch what changed' : 'Take them out'
  const here = [...(holding?.people.values() ?? [])].filter(({ gone }) => gone === undefined).length
  return html`${top('/audiences')}
    <main>
      <h1>${name}</h1>
      <nav class="row" aria-label="Segments">
        ${segments.map((segment) => (segment.id === chosen ? html`<strong>${segment.name}</strong>` : html`<a href="${`/audiences?segment=${segment.id}`}">${segment.name}</a>`))}
      </nav>
      <p class="soft">
        People in this segment who agreed to letters, as Entente hands them out for that purpose. Whoever says no later is called back with the next fetch; a
        tool that does not fetch is given nobody more.
      </p>
      ${holding && html`<p class="note" role="status">${told(holding)}</p>`}
      <form method="post" action="/audiences" class="row">
        <input type="hidden" name="segment" value="${chosen}" />
        <button class="button">${label}</button>
        ${here > 0 && html`<a class="button plain" href="${`/audiences/file?segment=${chosen}`}">Save as a file</a>`}
      </form>
      ${
        holding &&
        holding.people.size > 0 &&
        html`<h2>What we hold</h2>
          ${table('What we hold', ['E-mail', 'First name', 'Last name'], [...holding.people.values()].map(row))}`
      }
    </main>
    <footer>A sample tool: client “marketing”, signed in by secret, for the purpose email_marketing.</footer>`
}

const told = ({ came, gone, at }: Holding): string =>
  `${at.toLocaleTimeString('en-GB')}: ${came === 0 ? 'nobody' : came} new, ${gone === 0 ? 'nobody' : gone} called back.`

function row({ email, givenName, familyName, gone }: Held): Markup {
  if (gone !== undefined)
    return html`<tr>
      <td class="gone" colspan="3">called back: ${gone}. We have deleted what we held.</td>
    </tr>`
  return html`<tr>
    ${[email, givenName, familyName].map((value) => html`<td><bdi>${value ?? '–'}</bdi></td>`)}
  </tr>`
}
