/** A condition on customers as MongoDB writes it. Made by these functions only: no text of a caller becomes an operator or a pattern. */
export type Query = Readonly<Record<string, unknown>>

export const always: Query = {}
export const never: Query = { _id: { $in: [] } }

export function allOf(queries: readonly Query[]): Query {
  const needed = queries.filter((query) => query !== always)
  if (needed.includes(never)) return never
  return needed.length > 1 ? { $and: needed } : (needed[0] ?? always)
}

export function anyOf(queries: readonly Query[]): Query {
  const possible = queries.filter((query) => query !== never)
  if (possible.includes(always)) return always
  return possible.length > 1 ? { $or: possible } : (possible[0] ?? never)
}

export function none(query: Query): Query {
  if (query === always) return never
  return query === never ? always : { $nor: [query] }
}

export const oneOf = (path: string, values: readonly (string | number | boolean)[]): Query => ({ [path]: { $in: [...values] } })

export const range = (path: string, bounds: { readonly $gte?: number; readonly $lte?: number }, list: boolean): Query => ({
  [path]: list ? { $elemMatch: bounds } : bounds,
})

/** Text that begins with `prefix`, by order and not by a pattern. */
export function startsWith(path: string, prefix: string, list: boolean): Query {
  const bounds = { $gte: prefix, $lt: `${prefix}\u{10FFFF}` }
  return { [path]: list ? { $elemMatch: bounds } : bounds }
}
