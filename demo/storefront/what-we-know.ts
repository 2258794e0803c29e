import { html, type Markup } from '../html.ts'
import type { Shopper } from './pages.ts'

/** All that this shop was told of the person, and what it was not told, and why. */
export function whatWeKnow({ me, withheld, reduced }: Shopper): Markup {
  const interests = me.recommendationContext?.interests ?? []
  const known = [
    ['Customer.givenName', me.givenName],
    ['Customer.email', me.email],
    ['Customer.postcode', me.postcode],
    ['Traits.ordersLastYear', me.traits?.ordersLastYear ?? null],
    ['interests', interests.map(({ name, score }) => `${name} ${score.toFixed(1)}`).join(', ') || null],
    ['segments', me.recommendationContext?.segments.join(', ') || null],
  ] as const
  const told = known
    .filter(([, value]) => value !== null)
    .map(
      ([field, value]) =>
        html`<tr>
          <td>${field}</td>
          <td><bdi>${value}</bdi></td>
        </tr>`,
    )
  const untold = [...reduced.map(({ field, form }) => [field, `reduced: ${form}`]), ...withheld.map(({ field, reason }) => [field, `withheld: ${reason}`])]
  return html`<h2>What this shop knows about you</h2>
    <div class="scroll" tabindex="0" role="region" aria-label="What this shop knows about you">
      <table>
        <tbody>
          ${told}${untold.map(
            ([field, why]) =>
              html`<tr>
                <td>${field}</td>
                <td class="gone">${why}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`
}
