import { hash } from 'node:crypto'

/** One thing somebody does, as Segment's tools would send it. */
export interface Act {
  readonly event: '$page' | 'Product Viewed' | 'Product Added' | 'Order Completed'
  readonly properties: Readonly<Record<string, string | number>>
}

/** One visit: who, and what they do in it. */
export interface Visit {
  readonly person: number
  readonly acts: readonly Act[]
}

const categories = ['Winter sports', 'Camping', 'Climbing', 'Running', 'Cycling', 'Swimming', 'Football', 'Yoga', 'Fishing', 'Sailing'] as const
const brands = ['Nordlicht', 'Alpkreuz', 'Seewind', 'Harz & Söhne', 'Kolibri', 'Föhn', 'Waldrand'] as const

/** The same visits at every run, however many: everything about one follows from its number. Some six acts each. */
export function visitOf(n: number, crowd: number): Visit {
  const dice = diceOf(n)
  const person = dice(crowd)
  // A person has tastes: most visits are about the same few things.
  const taste = diceOf(0x5eed + person)
  const tastes = [taste(categories.length), taste(categories.length), dice(categories.length)] as const
  const acts: Act[] = [{ event: '$page', properties: { path: `/${dice(50)}` } }]
  for (let left = 2 + dice(8); left > 0; left--) {
    const at = tastes[dice(3)] ?? 0
    const product = {
      product_id: `p-${at}-${dice(500)}`,
      category: categories[at] ?? categories[0],
      brand: brands[dice(brands.length)] ?? brands[0],
      price: 5 + dice(20_000) / 100,
    }
    const kind = dice(10)
    if (kind < 3) acts.push({ event: '$page', properties: { path: `/c/${at}` } })
    else if (kind < 8) acts.push({ event: 'Product Viewed', properties: product })
    else if (kind < 9) acts.push({ event: 'Product Added', properties: { ...product, quantity: 1 + dice(3) } })
    else acts.push({ event: 'Order Completed', properties: { order_id: `o-${n}`, category: product.category, brand: product.brand, total: product.price } })
  }
  return { person, acts }
}

/** The first `count` acts of the visits from one on. */
export function actsFrom(first: number, count: number): Act[] {
  const acts: Act[] = []
  for (let visit = first; acts.length < count; visit++) acts.push(...visitOf(visit, 1).acts)
  return acts.slice(0, count)
}

/** Numbers below what is asked for, one after the other (xorshift over a hash of the seed). */
function diceOf(seed: number): (below: number) => number {
  let state = parseInt(hash('sha256', `visit ${seed}`).slice(0, 8), 16) | 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}
