import type { CustomerKey } from '../operation.ts'
import type { CustomerStore, GatedRow, Projection } from './customers.ts'
import { joined } from './joined.ts'

interface Wanted {
  readonly key: CustomerKey
  readonly projection: Projection
}

/**
 * Reads of single customers, from whatever requests, that are asked for in one turn of the event loop become one `$in`. Only the fetch is
 * shared: the projection is the union, each asker gets a row of its own to make its view from, and nothing is kept after the answer.
 */
export function joinedReads(store: Pick<CustomerStore, 'readMany'>) {
  const read = joined((batch: readonly Wanted[]) => fetch(store, batch))
  return {
    /** Null when there is no such customer. */
    read: (key: CustomerKey, projection: Projection): Promise<GatedRow | null> => read({ key, projection }),
  }
}

export type JoinedReads = ReturnType<typeof joinedReads>

async function fetch(store: Pick<CustomerStore, 'readMany'>, batch: readonly Wanted[]): Promise<(GatedRow | null)[]> {
  const keys = [...new Set(batch.map(({ key }) => key))]
  const rows = new Map((await store.readMany(keys, union(batch))).map((row) => [row._id, row]))
  const given = new Set<CustomerKey>()
  return batch.map(({ key }) => {
    const row = rows.get(key) ?? null
    if (row !== null && given.has(key)) return structuredClone(row)
    given.add(key)
    return row
  })
}

function union(batch: readonly Wanted[]): Projection {
  const different = new Set(batch.map(({ projection }) => projection))
  const [only] = different
  if (different.size === 1 && only) return only
  const all: Projection = Object.assign({}, ...different)
  // The database refuses a path beside one that it lies below.
  const isBelow = (path: string): boolean => path.split('.').some((_, i, parts) => i > 0 && all[parts.slice(0, i).join('.')] === 1)
  return Object.fromEntries(Object.entries(all).filter(([path]) => !isBelow(path)))
}
