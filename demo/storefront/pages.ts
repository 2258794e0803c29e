import { html, type Look, type Markup, type Value } from '../html.ts'
import type { Reduced, Withheld } from '../graphql.ts'
import { drawing, type Picture } from './pictures.ts'
import { recommend, type Interest } from './recommendations.ts'
import { whatWeKnow } from './what-we-know.ts'

export interface Product {
  readonly id: string
  readonly picture: Picture
  readonly name: string
  /** Euros. */
  readonly price: number
  readonly colour: string
  readonly category: string
  readonly brand: string
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
    readonly traits: {
      readonly clothingSize: string | null
      readonly favouriteColours: readonly string[] | null
      readonly ordersLastYear: number | null
    } | null
    readonly recommendationContext: { readonly interests: readonly Interest[]; readonly segments: readonly string[] } | null
    readonly consents: readonly { readonly purpose: string; readonly state: string }[] | null
  }
  /** The one thing that is worth asking now. */
  readonly question: { readonly id: string; readonly field: string | null; readonly question: string; readonly why: string; readonly gives: string } | null
  readonly withheld: readonly Withheld[]
  readonly reduced: readonly Reduced[]
}

export function home(brand: Brand, gateway: string, shopper: Shopper | null, notice: string | null): Markup {
  return html`${top(brand, gateway, shopper)}
    <main>
      <h1>${shopper ? html`Hello, <bdi>${shopper.me.givenName ?? 'and welcome back'}</bdi>` : brand.claim}</h1>
      ${notice !== null && html`<p class="note" role="status">${notice}</p>`} ${shopper && offers(brand, gateway, shopper)}
      ${shopper?.question && oneQuestion(brand, shopper.question)}
      <h2>Everything we have</h2>
      ${shelf(brand.products.map((product) => card(product)))} ${shopper && whatWeKnow(shopper)}
    </main>
    ${foot}`
}

export function productPage(brand: Brand, gateway: string, product: Product, shopper: Shopper | null): Markup {
  return html`${top(brand, gateway, shopper)}
    <main>
      <p><a href="/">All of ${brand.title}</a></p>
      <div class="card big">
        ${drawing(product.picture, product.colour)}
        <h1>${product.name}</h1>
        <p class="soft">${product.category} · by ${product.brand}</p>
        <p><strong>${product.price} €</strong></p>
        ${
          shopper
            ? html`<form method="post" action="/buy"><input type="hidden" name="id" value="${product.id}" /><button class="button">Buy it</button></form>`
            : html`<a class="button" href="/sign-in">Sign in to buy</a>`
        }
      </div>
      ${shopper && offers({ ...brand, products: brand.products.filter(({ id }) => id !== product.id) }, gateway, shopper)}
    </main>
    ${foot}`
}

const top = (brand: Brand, gateway: string, shopper: Shopper | null): Markup =>
  html`<header>
    <a class="brand" href="/">${brand.title}</a>
    <nav class="row">
      ${shopper ? html`<a href="${gateway}/account">My account</a> <a href="/sign-out">Sign out</a>` : html`<a class="button" href="/sign-in">Sign in</a>`}
    </nav>
  </header>`

const foot = html`<footer>A sample shop. It is an ordinary client of Entente and knows what Entente tells it, nothing more.</footer>`

function offers(brand: Brand, gateway: string, { me }: Shopper): Markup {
  const decision = me.consents?.find(({ purpose }) => purpose === 'personalised_shop')?.state
  if (decision === 'GRANTED') return forYou(brand, gateway, me)
  const refused = decision === 'REFUSED' || decision === 'WITHDRAWN'
  return html`<section class="note">
    <h2>Personal offers</h2>
    <p>
      ${
        refused
          ? html`You chose not to get personal offers. That is fine; you can change it in <a href="${gateway}/account#decisions">your account</a> at any time.`
          : 'We could pick what fits your taste, your size and your region. For that we need your permission.'
      }
    </p>
    ${refused ? null : html`<p><a class="button" href="/offers">Show me personal offers</a></p>`}
  </section>`
}

/** Chosen by what Entente lets this shop know; the way out stands beside it. */
function forYou(brand: Brand, gateway: string, me: Shopper['me']): Markup {
  const chosen = recommend(brand.products, me.recommendationContext?.interests ?? [], me.traits?.favouriteColours ?? [], 4)
  const size = me.traits?.clothingSize
  return html`<section class="yours" aria-labelledby="yours">
    <h2 id="yours">For you</h2>
    <p class="soft">${size ? `In your size, ${size}. ` : ''}${me.postcode ? `Delivered to region ${me.postcode.slice(0, 2)} by tomorrow.` : ''}</p>
    ${
      chosen.length > 0
        ? shelf(chosen.map(({ product, because }) => card(product, html`<small>because of ${because}</small>`)))
        : html`<p>Look around: what you like will stand here, at –10 %.</p>`
    }
    <form method="post" action="/stop" class="row">
      <button class="button plain">Stop personalising</button> <a href="${gateway}/account#known">Why do I see this?</a>
    </form>
  </section>`
}

/** Beside the goods, never before them: whoever does not answer goes on shopping. */
function oneQuestion(brand: Brand, { id, field, question, why, gives }: NonNullable<Shopper['question']>): Markup {
  const answers = field === 'traits.clothingSize' ? ['XS', 'S', 'M', 'L', 'XL'] : [...new Set(brand.products.map(({ colour }) => colour))]
  return html`<section class="note">
    <h2>${question}</h2>
    <p>${why} ${gives}</p>
    <form method="post" action="/answer" class="row">
      <input type="hidden" name="question" value="${id}" />
      ${answers.map((answer) => html`<button class="button" name="${field ?? ''}" value="${answer}">${answer}</button>`)}
      <button class="button plain" name="later" value="yes">Not now</button>
    </form>
  </section>`
}

const shelf = (cards: readonly Markup[]): Markup =>
  html`<ul class="cards">
    ${cards}
  </ul>`

/** `because`: why it is chosen for this person, who gets it for less. */
function card({ id, picture, name, price, colour }: Product, because: Value = null): Markup {
  return html`<li class="card">
    <a href="${`/product?id=${id}`}">${drawing(picture, colour)}<b>${name}</b></a
    >${price} € ${because && html`<strong>–10 %</strong> ${because}`}
  </li>`
}
