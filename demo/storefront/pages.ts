import { html, type Look, type Markup, type Value } from '../html.ts'
import type { Reduced, Withheld } from '../graphql.ts'
import { drawing, type Picture } from './pictures.ts'

export interface Product {
  readonly picture: Picture
  readonly name: string
  readonly price: string
  readonly colour: string
}

export interface Brand extends Look {
  readonly claim: string
  readonly products: readonly Product[]
}

export interface Shopper {
  readonly me: {
    readonly givenName: string | null
    readonly email: string | null
    readonly postcode: string | null
    readonly traits: { readonly clothingSize: string | null; readonly favouriteColours: readonly string[] | null } | null
    readonly consents: readonly { readonly purpose: string; readonly state: string }[] | null
  }
  /** The one thing that is worth asking now. */
  readonly question: { readonly id: string; readonly field: string | null; readonly question: string; readonly why: string; readonly gives: string } | null
  readonly withheld: readonly Withheld[]
  readonly reduced: readonly Reduced[]
}

export function home(brand: Brand, gateway: string, shopper: Shopper | null, notice: string | null): Markup {
  return html`<header>
      <span class="brand">${brand.title}</span>
      <nav class="row">
        ${shopper ? html`<a href="${gateway}/account">My account</a> <a href="/sign-out">Sign out</a>` : html`<a class="button" href="/sign-in">Sign in</a>`}
      </nav>
    </header>
    <main>
      <h1>${shopper ? html`Hello, <bdi>${shopper.me.givenName ?? 'and welcome back'}</bdi>` : brand.claim}</h1>
      ${notice !== null && html`<p class="note">${notice}</p>`} ${shopper && offers(brand, shopper)}
      ${shopper?.question && oneQuestion(brand, shopper.question)}
      <h2>Everything we have</h2>
      ${shelf(brand.products)} ${shopper && whatWeKnow(shopper)}
    </main>
    <footer>A sample shop. It is an ordinary client of Entente and knows what Entente tells it, nothing more.</footer>`
}

function offers(brand: Brand, { me }: Shopper): Markup {
  const decision = me.consents?.find(({ purpose }) => purpose === 'personalised_shop')?.state
  if (decision !== 'GRANTED') {
    const refused = decision === 'REFUSED' || decision === 'WITHDRAWN'
    return html`<section class="note">
      <h2>Personal offers</h2>
      <p>
        ${
          refused
            ? 'You chose not to get personal offers. That is fine; you can change it in your account at any time.'
            : 'We could pick what fits your size, your colours and your region. For that we need your permission.'
        }
      </p>
      ${refused ? null : html`<p><a class="button" href="/offers">Show me personal offers</a></p>`}
    </section>`
  }
  const colours = me.traits?.favouriteColours ?? []
  const chosen = brand.products.filter(({ colour }) => colours.includes(colour))
  const size = me.traits?.clothingSize
  return html`<section class="note">
    <h2>Personal offers</h2>
    <p>${size ? `In your size, ${size}. ` : ''}${me.postcode ? `Delivered to region ${me.postcode.slice(0, 2)} by tomorrow.` : ''}</p>
    ${shelf(chosen.length > 0 ? chosen : brand.products.slice(0, 2), '–10 %')}
    ${colours.length === 0 && html`<p class="soft">Tell us your favourite colours in your account, and we choose better.</p>`}
  </section>`
}

/** Beside the goods, never before them: whoever does not answer goes on shopping. */
function oneQuestion(brand: Brand, { id, field, question, why, gives }: NonNullable<Shopper['question']>): Markup {
  const answers = field === 'traits.clothingSize' ? ['XS', 'S', 'M', 'L', 'XL'] : [...new Set(brand.products.map(({ colour }) => colour))]
  const link = (answer: Readonly<Record<string, string>>, word: string) =>
    html`<a class="button" href="/answer?${new URLSearchParams({ question: id, ...answer }).toString()}">${word}</a>`
  return html`<section class="note">
    <h2>${question}</h2>
    <p>${why} ${gives}</p>
    <p class="row">${answers.map((answer) => link({ [field ?? '']: answer }, answer))} ${link({ later: 'yes' }, 'Not now')}</p>
  </section>`
}

function shelf(products: readonly Product[], badge: Value = null): Markup {
  return html`<ul class="cards">
    ${products.map(({ picture, name, price, colour }) => html`<li class="card">${drawing(picture, colour)}<b>${name}</b>${price} ${badge && html`<strong>${badge}</strong>`}</li>`)}
  </ul>`
}

function whatWeKnow({ me, withheld, reduced }: Shopper): Markup {
  const hidden = withheld.map(
    ({ field, reason }) =>
      html`<tr>
        <td>${field}</td>
        <td class="gone">withheld: ${reason}</td>
      </tr>`,
  )
  const cut = reduced.map(
    ({ field, form }) =>
      html`<tr>
        <td>${field}</td>
        <td class="gone">reduced: ${form}</td>
      </tr>`,
  )
  const known = [
    ['Customer.givenName', me.givenName],
    ['Customer.email', me.email],
    ['Customer.postcode', me.postcode],
  ] as const
  return html`<h2>What this shop knows about you</h2>
    <div class="scroll">
      <table>
        <tbody>
          ${known
            .filter(([, value]) => value !== null)
            .map(
              ([field, value]) =>
                html`<tr>
                  <td>${field}</td>
                  <td><bdi>${value}</bdi></td>
                </tr>`,
            )}${cut}${hidden}
        </tbody>
      </table>
    </div>`
}
