import type { Product } from './pages.ts'

/** What `recommendationContext` tells of somebody: nothing that names them. */
export interface Interest {
  readonly kind: string
  readonly name: string
  readonly score: number
}

export interface Recommended {
  readonly product: Product
  /** What it is chosen for, such as `Winter sports`. */
  readonly because: string
}

/** The products that fit best, the best first. A real shop asks its recommender here, with the same interests. */
export function recommend(products: readonly Product[], interests: readonly Interest[], colours: readonly string[], most: number): Recommended[] {
  const scored = products.map((product) => {
    const found = interests.filter(({ kind, name }) => (kind === 'category' && name === product.category) || (kind === 'brand' && name === product.brand))
    const colour = colours.includes(product.colour) ? [{ kind: 'colour', name: `${product.colour} things`, score: 1 }] : []
    const [best] = [...found, ...colour].toSorted((a, b) => b.score - a.score)
    return { product, because: best?.name ?? '', score: [...found, ...colour].reduce((sum, { score }) => sum + score, 0) }
  })
  return scored
    .filter(({ score }) => score > 0)
    .toSorted((a, b) => b.score - a.score)
    .slice(0, most)
}
