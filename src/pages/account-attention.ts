import { hasSecondFactor, hasWayIn, waysOf } from '../linking/ways-in.ts'
import type { Account, Person } from './account-data.ts'
import { html, type Html } from './html.ts'
import type { Words } from './words.ts'
import { filled } from './words-safety.ts'

/** Something that the person should look at, by its sentence in the words. */
interface Attention {
  readonly what: 'notMe' | 'tokenReuse' | 'providerEvent' | 'revoked' | 'blocked' | 'gone' | 'oneWay' | 'noWay' | 'noCodes' | 'fewCodes'
  readonly section: 'sessions' | 'logins' | 'security'
  readonly provider?: string
  readonly left?: number
}

/** So few recovery codes left are worth a word. */
const few = 3

/** What needs attention, the most pressing first: an alert, then logins that their provider has shut, then what would lock the person out. */
export function attentionOf({ alert, identities, factors }: Pick<Person, 'alert' | 'identities' | 'factors'>): Attention[] {
  const ways = { identities: identities ?? [], factors: factors ?? [] }
  const suspected: Attention[] = alert ? [{ what: alert.why, section: alert.why === 'providerEvent' ? 'logins' : 'sessions' }] : []
  const lost = ways.identities.flatMap(({ state, provider }): Attention[] => (state === 'active' ? [] : [{ what: state, section: 'logins', provider }]))
  return [...suspected, ...lost, ...(ways.identities.length + ways.factors.length > 0 ? [...wayBack(ways), ...codes(ways)] : [])]
}

type Ways = { readonly identities: NonNullable<Person['identities']>; readonly factors: NonNullable<Person['factors']> }

function wayBack(ways: Ways): Attention[] {
  if (!hasWayIn(ways)) return [{ what: 'noWay', section: 'logins' }]
  const [only, ...more] = waysOf(ways)
  return only === undefined || more.length > 0 ? [] : [{ what: 'oneWay', section: 'logins', provider: only }]
}

function codes(ways: Ways): Attention[] {
  if (!hasSecondFactor(ways)) return []
  const kept = ways.factors.find(({ kind }) => kind === 'recoveryCodes')
  if (kept === undefined) return [{ what: 'noCodes', section: 'security' }]
  const left = kept.left ?? 0
  return left <= few ? [{ what: 'fewCodes', section: 'security', left }] : []
}

/** The top of the account centre: one sentence for each thing, with the way there; or that there is nothing to do. */
export function overview({ parts, view, data }: Pick<Account, 'parts' | 'view' | 'data'>): Html {
  const { safety } = view.words
  const items = attentionOf(data.person)
  if (items.length === 0) return html`<p class="note">${safety.allWell}</p>`
  const nameOf = (way: string) => (way === 'passkey' ? safety.passkey : (parts.providers.find(({ id }) => id === way)?.name ?? way))
  return html`<section class="note warn" aria-labelledby="overview-title">
    <h2 id="overview-title">${safety.overview}</h2>
    <ul class="told">
      ${items.map((item) => html`<li>${sentence(view.words, item, nameOf)} <a href="#${item.section}">${titleOf(view.words, item.section)}</a></li>`)}
    </ul>
  </section>`
}

function sentence({ safety }: Words, { what, provider, left }: Attention, nameOf: (way: string) => string): string {
  const name = provider === undefined ? '' : nameOf(provider)
  return filled(safety[what], { provider: name, way: name, left: String(left ?? 0) })
}

const titleOf = ({ account, safety }: Words, section: Attention['section']): string => (section === 'security' ? safety.security : account[section])
