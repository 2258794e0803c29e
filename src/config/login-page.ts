import { z } from 'zod'
import type { Problem } from './problem.ts'

const variantEntry = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, 'must be lower case, digits and -, at most 31'),
  share: z.int().min(1).max(100).default(1).describe('How many browsers see it, in proportion to the other'),
  providers: z
    .array(z.string().min(1).max(64))
    .min(1)
    .max(20)
    .optional()
    .describe('Which buttons, in this order; the others are behind a link. Without it: all, in the order of the configuration'),
})

export const loginPageEntry = z
  .strictObject({ variants: z.array(variantEntry).max(2, 'one is compared with one other').default([]) })
  .prefault({})
  .describe('Two forms of the login page, compared in the login funnel')

export interface LoginVariant {
  readonly id: string
  readonly share: number
  /** Ids of providers; null: all of them. */
  readonly providers: readonly string[] | null
}

export const loginVariants = ({ variants }: z.infer<typeof loginPageEntry>): LoginVariant[] =>
  variants.map(({ id, share, providers }) => ({ id, share, providers: providers ?? null }))

/** Two variants of one name cannot be told apart in what is counted. */
export function* loginPageProblems(content: unknown): Generator<Problem> {
  const { data } = z.object({ loginPage: z.object({ variants: z.array(z.object({ id: z.string() })) }) }).safeParse(content)
  const ids = data?.loginPage.variants.map(({ id }) => id) ?? []
  for (const [at, id] of ids.entries()) if (ids.indexOf(id) < at) yield { path: ['loginPage', 'variants', at, 'id'], message: `${id} is already there` }
}
